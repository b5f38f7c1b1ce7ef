"""MaxSup: smoothing that pulls on the largest logit instead of the true class's."""

from __future__ import annotations

from typing import final

from torch import Tensor

from ._base import Rival, number
from ._parts import cross_entropy, mean_over_classes


@final
class MaxSuppressionLoss(Rival):
    r"""Cross-entropy and a pull on the largest logit: loss = −log p_y + α·(z_max − z̄), z̄ the mean logit.

    Args:
        alpha: α ≥ 0; 0 is cross-entropy.
        reduction: "mean", "sum" or "none". ignore_index: rows with this label count nowhere.

    Shapes: logits (K,), (N, K) or (N, K, d1, …); class indices (), (N,) or (N, d1, …).

    On rows that are predicted right it is uniform smoothing with ε = α, exactly. On rows that are wrong smoothing
    pulls the true logit down as well; this pulls the wrong one instead.

    Raises:
        ValueError, TypeError: α below 0 or no number; shapes that do not fit.

    Example:
        >>> import torch
        >>> from labelsmooth import cross_entropy
        >>> logits, target = torch.tensor([[2.0, 0.5, 0.3]]), torch.tensor([0])
        >>> MaxSuppressionLoss(0.2)(logits, target), cross_entropy(logits, target, label_smoothing=0.2)
        (tensor(0.5539), tensor(0.5539))

    Source: Zhou et al. 2025, MaxSup: Overcoming Representation Collapse in Label Smoothing, section 3.
    """

    setting = "alpha"
    usual = (0.05, 0.1, 0.2)

    def __init__(self, alpha: float = 0.1, *, reduction: str = "mean", ignore_index: int = -100) -> None:
        super().__init__(reduction=reduction, ignore_index=ignore_index)
        self.alpha = number(alpha, "alpha", 0)

    def row_losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        """−log p_y + α·(z_max − z̄)."""
        below_peak = logits.amax(1, keepdim=True) - logits
        return cross_entropy(logits, labels) + self.alpha * mean_over_classes(below_peak, logits)
