"""How many rows of logits a linear head holds at once, and what becomes of them before the loss."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from ..kernels._sums import widen

BUDGET = 64 << 20
"""Bytes of logits held at once when nothing is said; in less, the matrix products lose time."""

FEWEST = 256
"""Rows held at once, when nothing is said, even where they take more: each chunk reads and writes the whole gradient
of the weight."""

ENOUGH = 8
"""Rows from which on a matrix product gives a row the same bits however many others there are: libraries have other
routines for a few."""


@dataclass(frozen=True)
class Chunks:
    """chunk_size: rows held at once. memory_budget: or the bytes they may take. softcap: c in z ← c·tanh(z/c)."""

    chunk_size: int | None = None
    memory_budget: int | None = None
    softcap: float | None = None

    def __post_init__(self) -> None:
        _count(self.chunk_size, "chunk_size", "rows")
        _count(self.memory_budget, "memory_budget", "bytes")
        if self.chunk_size is not None and self.memory_budget is not None:
            raise ValueError("chunk_size= and memory_budget= say the same twice; give one of them")
        _check_softcap(self.softcap)

    def rows(self, entries: int, dtype: torch.dtype) -> int:
        """Rows held at once, for rows of so many logits that are computed in `dtype`."""
        if self.chunk_size is not None:
            return self.chunk_size
        each = entries * (dtype.itemsize if self.softcap is None else dtype.itemsize + 2 * max(dtype.itemsize, 4))
        if self.memory_budget is not None:
            return max(1, self.memory_budget // each)
        return max(FEWEST, BUDGET // each)


def slices(rows: int, size: int) -> Iterator[slice]:
    """Cut so many rows into pieces of at most `size`, as even as can be."""
    pieces = -(-rows // size)
    return (slice(rows * i // pieces, rows * (i + 1) // pieces) for i in range(pieces))


def padded(x: Tensor) -> Tensor:
    """Rows of zeros put below until there are enough."""
    return x if len(x) >= ENOUGH else torch.cat((x, x.new_zeros(ENOUGH - len(x), x.shape[1])))


def capped(z: Tensor, softcap: float | None) -> Tensor:
    """c·tanh(z/c), in float32 for half precisions; z itself without a cap."""
    return z if softcap is None else torch.tanh(widen(z) / softcap) * softcap


def slope_of_cap(z: Tensor, softcap: float) -> Tensor:
    """The derivative of `capped` where it has the value z."""
    return (z / softcap).square_().neg_().add_(1)


def _count(value: Any, name: str, unit: str) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be a whole number of {unit}, or None; got {type(value).__name__} {value!r}")
    if value < 1:
        raise ValueError(f"{name} must be at least 1; got {value}. None lets it be chosen")


def _check_softcap(value: Any) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"softcap must be a positive number, or None; got {type(value).__name__} {value!r}")
    if not 0 < float(value) < float("inf"):
        raise ValueError(f"softcap must be a positive number, or None for no cap; got {value!r}. Gemma 2 uses 30.0")
