"""Poly-1: one more or less of the first term of cross-entropy's series."""

from __future__ import annotations

from typing import final

from torch import Tensor

from ._base import Rival, number
from ._parts import cross_entropy, log_miss


@final
class PolyLoss(Rival):
    r"""Cross-entropy with another weight on its first term: loss = −log p_y + ε₁·(1 − p_y).

    −log p = Σ_j (1 − p)^j / j, so ε₁ changes the coefficient of 1 − p from 1 to 1 + ε₁.

    Args:
        epsilon: ε₁ ≥ −1; 0 is cross-entropy.
        reduction: "mean", "sum" or "none". ignore_index: rows with this label count nowhere.

    Shapes: logits (K,), (N, K) or (N, K, d1, …); class indices (), (N,) or (N, d1, …).

    Raises:
        ValueError, TypeError: ε₁ below −1 or no number; shapes that do not fit.

    Example:
        >>> import torch
        >>> PolyLoss(1.0)(torch.tensor([[2.0, 0.5, 0.3]]), torch.tensor([0]))
        tensor(0.6293)

    Source: Leng et al. 2022, PolyLoss: A Polynomial Expansion Perspective of Classification Loss Functions, section 4.
    """

    setting = "epsilon"
    usual = (-1.0, 1.0, 2.0)

    def __init__(self, epsilon: float = 1.0, *, reduction: str = "mean", ignore_index: int = -100) -> None:
        super().__init__(reduction=reduction, ignore_index=ignore_index)
        self.epsilon = number(epsilon, "epsilon", -1)

    def row_losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        """−log p_y + ε₁·(1 − p_y)."""
        return cross_entropy(logits, labels) + self.epsilon * log_miss(logits, labels).exp()
