"""A small batch of five classes in float64."""

from __future__ import annotations

import math

import torch
from torch import Tensor

K, INF, NAN = 5, math.inf, math.nan


def example(rows: tuple[int, ...] = (8,), dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(len(rows))
    shape = (*rows[:1], K, *rows[1:])
    return (2 * torch.randn(shape, generator=g)).to(dtype), torch.randint(K, rows, generator=g)
