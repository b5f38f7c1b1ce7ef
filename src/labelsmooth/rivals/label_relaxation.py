"""Label relaxation: a true class that is likely enough costs nothing."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor

from ._base import Rival, number
from ._parts import cross_entropy, log_miss


@final
class LabelRelaxationLoss(Rival):
    r"""Divergence from the nearest target that gives the true class at least 1 − α: 0 once p_y ≥ 1 − α, else

    loss = (1 − α)·log((1 − α)/p_y) + α·log(α/(1 − p_y))

    Smoothing asks for one target with 1 − ε on the true class and the rest spread evenly; here the rest may be spread
    as the model has it.

    Args:
        alpha: α in (0, 1), how much of the mass may lie elsewhere.
        reduction: "mean", "sum" or "none". ignore_index: rows with this label count nowhere.

    Shapes: logits (K,), (N, K) or (N, K, d1, …); class indices (), (N,) or (N, d1, …).

    Raises:
        ValueError, TypeError: α outside (0, 1) or no number; shapes that do not fit.

    Example:
        >>> import torch
        >>> loss = LabelRelaxationLoss(0.1)
        >>> loss(torch.tensor([[2.0, 0.5, 0.3], [5.0, 0.5, 0.3]]), torch.tensor([0, 0]))
        tensor(0.0529)

    Source: Lienen & Hüllermeier 2021, From Label Smoothing to Label Relaxation, equation 6.
    """

    setting = "alpha"
    usual = (0.05, 0.1, 0.2)

    def __init__(self, alpha: float = 0.1, *, reduction: str = "mean", ignore_index: int = -100) -> None:
        super().__init__(reduction=reduction, ignore_index=ignore_index)
        self.alpha = number(alpha, "alpha", 0, 1, above=True)
        if self.alpha == 1:
            raise ValueError("alpha must be a number in (0, 1); got 1, which leaves nothing to learn")

    def row_losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        """KL to the nearest target, which follows p: the same gradient as with that target held still."""
        hard, miss = cross_entropy(logits, labels), log_miss(logits, labels)
        outside = miss > math.log(self.alpha)
        kept = torch.where(outside, miss, 0)
        constant = (1 - self.alpha) * math.log1p(-self.alpha) + self.alpha * math.log(self.alpha)
        return torch.where(outside, (1 - self.alpha) * hard - self.alpha * kept + constant, 0)
