"""The compiled look at given probabilities: one read, as many threads as torch has."""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from ._call import fits
from ._compiled import Missing, load


def spread_of(given: Tensor) -> tuple[float, float] | None:
    """How far the sums of rows (N, K) are from 1 at most, and the least number; None where this kernel is no help."""
    opened = load()
    plain = given.ndim == 2 and given.stride(1) == 1 and given.numel() and not given.is_neg()
    if isinstance(opened, Missing) or not plain or not fits(given) or type(given) is not Tensor:
        return None
    found = (ctypes.c_double * 2)()
    wide, threads = given.dtype is torch.float64, torch.get_num_threads() if given.numel() >= 1 << 16 else 1
    opened.calls.ls_scan(given.data_ptr(), wide, *given.shape, given.stride(0), threads, ctypes.addressof(found))
    return found[0], found[1]
