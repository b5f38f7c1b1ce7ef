"""Focal loss: rows that are already right count less."""

from __future__ import annotations

from typing import final

from torch import Tensor

from ._base import Rival, number
from ._parts import cross_entropy, log_miss


@final
class FocalLoss(Rival):
    r"""Cross-entropy weighted by how wrong a row is: loss = −(1 − p_y)^γ · log p_y.

    Args:
        gamma: γ ≥ 0; 0 is cross-entropy.
        reduction: "mean", "sum" or "none". ignore_index: rows with this label count nowhere.

    Shapes: logits (K,), (N, K) or (N, K, d1, …); class indices (), (N,) or (N, d1, …).

    It is not a proper score: the probabilities that minimise it are less certain than the true ones (K = 2, true
    probability 0.8: 0.686 at γ = 1), so it is no choice where exact probabilities matter, unless a temperature follows.

    Raises:
        ValueError, TypeError: γ below 0 or no number; shapes that do not fit.

    Example:
        >>> import torch
        >>> FocalLoss(gamma=2.0)(torch.tensor([[2.0, 0.5, 0.3]]), torch.tensor([0]))
        tensor(0.0284)

    Source: Lin et al. 2017, Focal Loss for Dense Object Detection, section 3.2; Mukhoti et al. 2020, section 4.
    """

    setting = "gamma"
    usual = (1.0, 2.0, 3.0)

    def __init__(self, gamma: float = 2.0, *, reduction: str = "mean", ignore_index: int = -100) -> None:
        super().__init__(reduction=reduction, ignore_index=ignore_index)
        self.gamma = number(gamma, "gamma", 0)

    def row_losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        """−(1 − p_y)^γ · log p_y."""
        hard = cross_entropy(logits, labels)
        return hard if self.gamma == 0 else (self.gamma * log_miss(logits, labels)).exp() * hard
