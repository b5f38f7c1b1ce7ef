"""A block of rows whose targets are written out, (n, K, d1, …): probabilities, tables, masked classes, anything.

The gradient of a class that is likelier than all others together is minus the sum of the others', so that 1 − p is
never found by subtraction.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from .._modes import visible
from .._notices import once
from ..targets import SoftTargets
from ._sums import over_classes, widen


class Written(NamedTuple):
    """Logits with 0 in rows that do not count, in float64 on the CPU; which classes are allowed; and q."""

    z: Tensor
    allowed: Tensor
    q: Tensor


class Found(NamedTuple):
    """With d = z − z_top over the allowed classes, (n, 1, d1, …) but for the exponentials."""

    top: Tensor
    exps: Tensor  # exp d, 0 at the top class and at forbidden ones
    total: Tensor  # Σ exp d; NaN in a row that is not finite
    loss: Tensor


def write(z: Tensor, targets: SoftTargets) -> Written:
    """Write the targets out, with a warning where a class looks masked but has mass (T3)."""
    wide = z.double() if z.device.type == "cpu" else widen(z)
    if targets.keep is not None:
        wide = torch.where(targets.keep.unsqueeze(1), wide, 0)
    allowed = targets.allowed(wide)
    q = targets.probabilities(allowed, wide.dtype)
    _warn_of_finite_masks(wide, q, z.dtype)
    return Written(wide, allowed, q)


def find(w: Written) -> Found:
    """Everything that the losses, m·log Σ exp d − ⟨q, d⟩, and the gradient need."""
    peak, top = torch.where(w.allowed, w.z, -torch.inf).max(1, keepdim=True)
    exps = torch.where(w.allowed, (w.z - peak).exp(), 0).scatter_(1, top, 0)
    rest = over_classes(exps) + torch.where(peak == -torch.inf, 0, peak - peak)
    d = torch.where(w.allowed & (w.q != 0), w.z - peak, 0)
    loss = over_classes(w.q) * rest.log1p() - over_classes(w.q * d)
    return Found(top, exps, 1 + rest, torch.where(_forbidden(w), torch.inf, loss))


def gradient(w: Written, found: Found) -> Tensor:
    """m·p − q, 0 at forbidden classes and in rows with mass on one, NaN in a row that is not finite."""
    mass = over_classes(w.q)
    raw = mass * (found.exps / found.total) - w.q
    at_top = raw.gather(1, found.top) + mass / found.total
    others = over_classes(raw.scatter_(1, found.top, 0))
    raw.scatter_(1, found.top, torch.where(found.total < 2, -others, at_top))
    return raw.masked_fill_(~w.allowed | _forbidden(w), 0)


def _forbidden(w: Written) -> Tensor:
    return ((w.q != 0) & ~w.allowed).any(1, keepdim=True)


def _warn_of_finite_masks(z: Tensor, q: Tensor, dtype: torch.dtype) -> None:
    """Masks are often written as the dtype's minimum, which has a finite loss: a huge one."""
    if visible(z) and bool(((z <= torch.finfo(dtype).min / 2) & (q != 0) & (z != -torch.inf)).any()):
        say_finite_masks(dtype)


def say_finite_masks(dtype: torch.dtype) -> None:
    """Name the ways to mask a class (T3)."""
    once(
        "finite masks",
        f"some logits are about as low as {dtype} goes, as masks are often written; the target has mass at these "
        "classes, and the loss becomes huge. Mask with -inf, or pass class_mask= (True for classes that count) or "
        "mask_below= (a number)",
    )
