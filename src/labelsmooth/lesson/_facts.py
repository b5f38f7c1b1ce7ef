"""The numbers that the page speaks of, each computed by the library."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ..losses import CrossEntropyLoss, convert_smoothing, smooth_labels
from ..rivals.focal import FocalLoss
from ..schemes.others import Others
from ..schemes.uniform import Uniform


class Seen(NamedTuple):
    """One row's loss, its hard-label loss, the least the loss can be, and what is above that; in nats."""

    loss: float
    nll: float
    floor: float
    excess: float


def scheme(amount: float, convention: str = "uniform") -> Uniform | Others:
    """The scheme of a convention: "uniform" (over all classes) or "others"."""
    return Others(amount) if convention == "others" else Uniform(amount)


def target(classes: int, amount: float, convention: str = "uniform", label: int = 0) -> list[float]:
    """The smoothed target of one row (K,)."""
    soft = smooth_labels([label], classes, scheme(amount, convention), dtype=torch.float64)
    return [float(q) for q in soft[0]]


def _row(logits: Sequence[float]) -> Tensor:
    return torch.tensor([list(logits)], dtype=torch.float64)


def see(logits: Sequence[float], amount: float, label: int = 0, convention: str = "uniform") -> Seen:
    """The report of the loss on one row of logits."""
    criterion = CrossEntropyLoss(label_smoothing=scheme(amount, convention))
    return Seen(*(float(part) for part in criterion.report(_row(logits), torch.tensor([label]))))


def gradient(logits: Sequence[float], amount: float, label: int = 0, convention: str = "uniform") -> list[float]:
    """The gradient of the loss on one row of logits (K,)."""
    row = _row(logits).requires_grad_()
    CrossEntropyLoss(label_smoothing=scheme(amount, convention))(row, torch.tensor([label])).backward()
    return [] if row.grad is None else [float(g) for g in row.grad[0]]


def floor(classes: int, amount: float) -> float:
    """The least the smoothed loss can be: the entropy of its target."""
    return see([0.0] * classes, amount).floor


def best_gap(classes: int, amount: float) -> float:
    """The logit gap z_y − z_k at which the loss is at its floor: log(q_y/q_k) = log(1 + K(1 − ε)/ε)."""
    q = target(classes, amount)
    return math.log(q[0] / q[1]) if q[1] else math.inf


def with_gap(classes: int, gap: float) -> list[float]:
    """Logits whose first class leads all others by `gap`."""
    return [gap] + [0.0] * (classes - 1)


def to_uniform(amount: float, classes: int) -> float:
    """The uniform ε that means what ε over the others means."""
    return convert_smoothing(amount, classes, source="others", to="uniform")


def focal_best(truth: float, gamma: float) -> float:
    """The probability that minimises the expected focal loss of two classes, of 9999 that are tried."""
    p = torch.linspace(0.0001, 0.9999, 9999, dtype=torch.float64)
    logits = torch.stack([p.log(), (1 - p).log()], dim=1)
    criterion = FocalLoss(gamma, reduction="none")
    right, wrong = (criterion(logits, torch.full((len(p),), label)) for label in (0, 1))
    return float(p[(truth * right + (1 - truth) * wrong).argmin()])
