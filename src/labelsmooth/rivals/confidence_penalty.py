"""Confidence penalty: the entropy of the predictions is rewarded."""

from __future__ import annotations

from typing import final

from torch import Tensor

from ._base import Rival, number
from ._parts import cross_entropy, entropy


@final
class ConfidencePenaltyLoss(Rival):
    r"""Cross-entropy less a share of the prediction's entropy: loss = −log p_y − β·H(p).

    Args:
        beta: β ≥ 0 (per nat of entropy); 0 is cross-entropy.
        reduction: "mean", "sum" or "none". ignore_index: rows with this label count nowhere.

    Shapes: logits (K,), (N, K) or (N, K, d1, …); class indices (), (N,) or (N, d1, …).

    Smoothing adds ε·KL(u‖p) up to a constant, this one β·KL(p‖u): the divergence the other way round, whose pull on
    the logits vanishes where p is almost one-hot, while smoothing's does not.

    Raises:
        ValueError, TypeError: β below 0 or no number; shapes that do not fit.

    Example:
        >>> import torch
        >>> ConfidencePenaltyLoss(0.1)(torch.tensor([[2.0, 0.5, 0.3]]), torch.tensor([0]))
        tensor(0.2607)

    Source: Pereyra et al. 2017, Regularizing Neural Networks by Penalizing Confident Output Distributions, section 3.
    """

    setting = "beta"
    usual = (0.05, 0.1, 0.3)

    def __init__(self, beta: float = 0.1, *, reduction: str = "mean", ignore_index: int = -100) -> None:
        super().__init__(reduction=reduction, ignore_index=ignore_index)
        self.beta = number(beta, "beta", 0)

    def row_losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        """−log p_y − β·H(p)."""
        return cross_entropy(logits, labels) - self.beta * entropy(logits)
