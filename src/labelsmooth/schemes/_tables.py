"""Checks of the tables that schemes are built from."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .._modes import visible

TOLERANCE = 1e-3
"""How far from 1 a row may sum: what storing it in bfloat16 or printing three digits would do. It is then rescaled."""


def as_floats(value: Any, what: str) -> Tensor:
    """A floating-point tensor as it is, anything array-like as float64."""
    if not isinstance(value, Tensor):
        try:
            value = torch.as_tensor(value, dtype=torch.float64)
        except (TypeError, ValueError) as error:
            raise TypeError(f"{what} must be numbers, in a tensor, an array or a list; got {value!r}") from error
    if value.is_complex() or value.dtype == torch.bool:
        raise TypeError(f"{what} must be numbers; got {value.dtype}")
    return value if value.is_floating_point() else value.double()


def as_indices(value: Any, what: str) -> Tensor:
    """A tensor of class indices as it is, anything array-like as one; what it holds is for the caller to check."""
    try:
        indices = torch.as_tensor(value)
        return indices.long() if isinstance(value, list | tuple) and indices.numel() == 0 else indices
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"{what} must be class indices, in a tensor, an array or a list; got {value!r}") from error


def simplex(value: Any, what: str, ndim: int) -> Tensor:
    """Distributions over the classes in the last dimension, checked and rescaled to sum to 1."""
    table = as_floats(value, what)
    shape = "(K,)" if ndim == 1 else "(K, K), one row for each true class"
    if table.ndim != ndim or table.numel() == 0 or (ndim == 2 and table.shape[0] != table.shape[1]):
        raise ValueError(f"{what} must have shape {shape}; got {tuple(table.shape)}")
    if not visible(table, strict=True):
        return table
    _check_rows(table.detach(), what)
    exact = (table.detach().sum(-1, keepdim=True) - 1).abs() <= table.shape[-1] * torch.finfo(table.dtype).eps
    return table if bool(exact.all()) else table / table.sum(-1, keepdim=True)


def _check_rows(table: Tensor, what: str) -> None:
    low, sums = table.amin(-1).reshape(-1), table.double().sum(-1).reshape(-1)
    bad = ~(low >= 0) | ~((sums - 1).abs() <= TOLERANCE)
    if not bool(bad.any()):
        return
    row = int(bad.nonzero()[0])
    place = f"row {row} of {what}" if table.ndim == 2 else what
    raise ValueError(
        f"{place} must be probabilities: at least 0, and summing to 1; got a minimum of {low[row]:g} and a sum of "
        f"{sums[row]:g}. Divide counts by their sum"
    )


def class_count(num_classes: Any) -> int:
    """K as an int of at least 1."""
    if isinstance(num_classes, bool) or not isinstance(num_classes, int) or num_classes < 1:
        raise ValueError(f"num_classes must be an int of at least 1; got {num_classes!r}")
    return num_classes


def positive(value: Any, what: str) -> float:
    """A finite number above 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise ValueError(f"{what} must be a finite number above 0; got {value!r}")
    return float(value)
