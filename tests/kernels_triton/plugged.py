"""A pytest plugin that sends every loss a Triton kernel takes to it: on the CPU, under Triton's interpreter."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from labelsmooth.kernels import triton_gpu
from labelsmooth.losses import _dispatch
from labelsmooth.targets import SoftTargets

taken = 0
"""Calls that went to the Triton kernel."""

_row_losses, _total = _dispatch.row_losses, _dispatch.total


def row_losses(logits: Tensor, targets: SoftTargets, *others: Any) -> Tensor:
    if triton_gpu.refuses(logits, targets) is not None:
        return _row_losses(logits, targets, *others)
    _count()
    return triton_gpu.row_losses(logits, targets)


def total(logits: Tensor, targets: SoftTargets, divisor: float, *others: Any) -> Tensor:
    if triton_gpu.refuses(logits, targets) is not None:
        return _total(logits, targets, divisor, *others)
    _count()
    return triton_gpu.total(logits, targets, divisor)


def _count() -> None:
    global taken
    taken += 1


def pytest_configure() -> None:
    np.seterr(all="ignore")  # the interpreter's arithmetic is numpy's, which warns of what a GPU does silently
    _dispatch.row_losses, _dispatch.total = row_losses, total


def pytest_terminal_summary(terminalreporter: Any) -> None:
    terminalreporter.write_line(f"calls taken by the Triton kernel: {taken}")
