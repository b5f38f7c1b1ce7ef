"""The loss as a plain differentiable formula: any device, any transform of torch, any order of derivative.

With k* the largest logit of a row and d_k = z_k − z_k*, the loss m·lse(z) − ⟨q, z⟩ is

    m·log1p(Σ_{k≠k*} exp d_k) − Σ_{k≠k*} q_k d_k

in which the largest class appears in no term. Its derivative with respect to z_k* is minus the sum of the others,
so a confident true class never meets the cancellation of p_y − 1.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .._modes import traced
from ..targets import SoftTargets, one_hot
from ._sums import ordered, widen


def refuses(logits: Tensor, targets: SoftTargets) -> str | None:
    """It takes everything."""
    return None


def row_losses(logits: Tensor, targets: SoftTargets) -> Tensor:
    """m·lse(z) − ⟨q, z⟩ for each row, in float32 for half inputs: (N, K, d1, …) → (N, d1, …).

    Computed in float64 on the CPU unless it is traced: what is exported may run on a device where that is slow.
    """
    wide = widen(logits)
    z = wide if traced() or wide.device.type != "cpu" else wide.double()
    if targets.keep is not None:
        z = torch.where(targets.keep.unsqueeze(1), z, 0)
    allowed = targets.allowed(z)
    q = targets.probabilities(allowed, z.dtype)
    forbidden = ((q != 0) & ~allowed).any(1)
    losses = _of_probabilities(torch.where(forbidden.unsqueeze(1), 0, z), q, allowed)
    losses = torch.where(forbidden, torch.inf, losses).to(wide.dtype)
    return losses if targets.keep is None else torch.where(targets.keep, losses, 0)


def total(logits: Tensor, targets: SoftTargets, divisor: float) -> Tensor:
    """The sum of the row losses over `divisor`."""
    return ordered(row_losses(logits, targets), divisor)


def _of_probabilities(z: Tensor, q: Tensor, allowed: Tensor) -> Tensor:
    candidates = torch.where(allowed, z, -torch.inf).detach()
    top = candidates.argmax(1)
    others = allowed & (one_hot(top, z.shape[1], torch.int8) == 0)
    peak = z.gather(1, top.unsqueeze(1))
    spoils = allowed.any(1, keepdim=True) & ~peak.isfinite()
    peak = peak * torch.ones_like(peak).masked_fill(spoils, torch.nan)  # a factor, so that its gradient is NaN as well
    d = torch.where(others, z - peak, 0)
    rest = torch.where(others, d.exp(), 0).sum(1)
    inner = torch.where(q != 0, q * d, 0).sum(1)
    spoiled = torch.where(allowed.any(1), peak.squeeze(1) * 0, 0)
    return q.sum(1) * rest.log1p() - inner + spoiled
