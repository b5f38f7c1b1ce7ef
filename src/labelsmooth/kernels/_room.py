"""Memory for the work on blocks, taken once: fresh memory for each operation costs more than the operation."""

from __future__ import annotations

from math import prod
from typing import final

import torch
from torch import Tensor


@final
class Room:
    """Hands out float64 tensors; after `again()` the same memory once more."""

    def __init__(self) -> None:
        self._parts: list[Tensor] = []
        self._next = 0

    def again(self) -> Room:
        """For the next block: what was handed out is free."""
        self._next = 0
        return self

    def empty(self, shape: torch.Size) -> Tensor:
        """A tensor on the CPU that may hold anything."""
        size = prod(shape)
        if self._next == len(self._parts):
            self._parts.append(torch.empty(size, dtype=torch.float64))
        elif self._parts[self._next].numel() < size:
            self._parts[self._next] = torch.empty(size, dtype=torch.float64)
        part = self._parts[self._next]
        self._next += 1
        return (part if part.numel() == size else part[:size]).view(shape)

    def copy(self, x: Tensor) -> Tensor:
        """The numbers of `x`."""
        return self.empty(x.shape).copy_(x)
