"""Interleaved timing: each round times every contestant in turn, so that a busy moment falls on all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median

import torch

from ._contestants import Loss
from ._inputs import Inputs

LONG_ENOUGH = 0.005
"""Seconds that a clock reading should span."""

Run = Callable[[int], float]
"""So many repetitions; the seconds of one."""


def stepper(loss: Loss, inputs: Inputs) -> Run:
    """A loss and its gradients, once or more."""
    leaves, on_gpu = inputs.leaves, inputs.labels.is_cuda

    def run(repeats: int) -> float:
        start = time.perf_counter()
        for _ in range(repeats):
            torch.autograd.grad(loss(), leaves)
        if on_gpu:
            torch.cuda.synchronize()
        return (time.perf_counter() - start) / repeats

    return run


def in_turns(runs: Mapping[str, Run], rounds: int) -> dict[str, list[float]]:
    """Seconds of each, round by round; the one that starts moves on from round to round."""
    repeats = {name: max(1, round(LONG_ENOUGH / max(run(1), 1e-9))) for name, run in runs.items()}
    found: dict[str, list[float]] = {name: [] for name in runs}
    names = list(runs)
    for turn in range(rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            found[name].append(runs[name](repeats[name]))
    return found


def ratio(of: list[float], to: list[float]) -> float:
    """How many times as fast as `of` `to` is: the median over the rounds."""
    return median(a / b for a, b in zip(of, to, strict=True))
