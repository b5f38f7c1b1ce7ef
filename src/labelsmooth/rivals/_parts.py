"""What the formulas are made of, each without the cancellation that 1 − p_y meets when p_y is near 1."""

from __future__ import annotations

import torch
from torch import Tensor

from ..losses import _dispatch
from ..targets import SoftTargets, one_hot


def cross_entropy(z: Tensor, labels: Tensor) -> Tensor:
    """−log p_y of each row: (N, K, d1, …), (N, d1, …) → (N, d1, …)."""
    return _dispatch.row_losses(z, SoftTargets(labels=labels, on_label=1.0, num_classes=z.shape[1], dtype=z.dtype))


def log_miss(z: Tensor, labels: Tensor) -> Tensor:
    """log(1 − p_y) = lse over the other classes − lse over all, (N, d1, …); −inf where no other class is left."""
    other = (one_hot(labels, z.shape[1], torch.int8) == 0) & (z != -torch.inf)
    left = other.any(1)
    others = torch.where(other, z, -torch.inf)
    safe = torch.where(left.unsqueeze(1), others, 0)
    return torch.where(left, safe.logsumexp(1) - _lse(z, left), -torch.inf)


def _lse(z: Tensor, valid: Tensor) -> Tensor:
    return torch.where(valid.unsqueeze(1), z, 0).logsumexp(1)


def entropy(z: Tensor) -> Tensor:
    """H(p) = −Σ p log p in nats, (N, d1, …); a class of probability 0 adds nothing."""
    log_p = log_probabilities(z)
    p = log_p.exp()
    return -(p * torch.where(p > 0, log_p, 0)).sum(1)


def log_probabilities(z: Tensor) -> Tensor:
    """log p, (N, K, d1, …), with the digits of 1 − p for the likeliest class, which `log_softmax` loses."""
    top = z.detach().argmax(1, keepdim=True)
    d = z - z.gather(1, top)
    return d - d.exp().scatter(1, top, 0).sum(1, keepdim=True).log1p()


def mean_over_classes(x: Tensor, z: Tensor) -> Tensor:
    """The mean over the classes whose logit is not −inf, (N, d1, …)."""
    allowed = z != -torch.inf
    return torch.where(allowed, x, 0).sum(1) / allowed.sum(1)
