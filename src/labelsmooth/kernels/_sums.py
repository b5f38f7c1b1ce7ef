"""Precision and order of sums: the same for every kernel."""

from __future__ import annotations

import torch
from torch import Tensor

STRETCH = 4096
"""Longest stretch that is summed at once. torch splits longer sums by thread, and its bits then follow the threads."""


def widen(logits: Tensor) -> Tensor:
    """Half precisions as float32; float32 and float64 as they are."""
    return logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits


def over_classes(x: Tensor) -> Tensor:
    """Σ over dimension 1, which is kept. Only the sum of a single row is split between threads by torch."""
    if x.shape[1] <= STRETCH or x.numel() > x.shape[1]:
        return x.sum(1, keepdim=True)
    return ordered(x).view(1, 1, *x.shape[2:])


def ordered(x: Tensor, divisor: float | Tensor = 1.0) -> Tensor:
    """The sum of all entries over `divisor`, in an order that depends on nothing but their number.

    In float64 wherever a device has it: a mean of huge losses must not overflow before it is divided.
    """
    return (ordered_wide(x) / divisor).to(x.dtype)


def ordered_wide(x: Tensor) -> Tensor:
    """The sum of all entries in float64."""
    wide = x.dtype if x.device.type == "mps" else torch.float64
    while x.numel() > STRETCH:
        x = x.reshape(-1)
        whole = x.numel() // STRETCH * STRETCH
        rest = x[whole:].sum(dtype=wide).reshape(1)
        x = torch.cat((x[:whole].reshape(-1, STRETCH).sum(1, dtype=wide), rest))
    return x.sum(dtype=wide)
