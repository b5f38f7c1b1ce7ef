"""The way to the losses over a mesh of processes, for DTensors: nothing distributed is loaded before one comes."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from torch import Tensor

from ._chunks import Chunks
from ._head_inputs import Given
from ._options import Options


def is_spread(tensors: Iterable[Any]) -> bool:
    """Whether one of them is a DTensor."""
    module = sys.modules.get("torch.distributed.tensor")
    return module is not None and any(isinstance(x, module.DTensor) for x in tensors)


def cross_entropy(logits: Tensor, target: Tensor, options: Options) -> Tensor:
    """The loss of DTensors."""
    from .parallel.dtensor import with_options

    return with_options(logits, target, options)


def linear_cross_entropy(given: Given, options: Options, chunks: Chunks) -> Tensor:
    """The loss of a head of DTensors."""
    from .parallel.dtensor_linear import with_options

    return with_options(given, options, chunks)
