"""Margin smoothing: logits may differ by a margin for nothing, and pay beyond it."""

from __future__ import annotations

from typing import final

from torch import Tensor

from ._base import Rival, number
from ._parts import cross_entropy, mean_over_classes


@final
class MarginSmoothingLoss(Rival):
    r"""Cross-entropy and a price on logit gaps beyond a margin: loss = −log p_y + α·mean_k max(0, z_max − z_k − m).

    Args:
        alpha: α ≥ 0; 0 is cross-entropy.
        margin: m ≥ 0, in logits. 0 is MaxSup.
        reduction: "mean", "sum" or "none". ignore_index: rows with this label count nowhere.

    Shapes: logits (K,), (N, K) or (N, K, d1, …); class indices (), (N,) or (N, d1, …).

    Raises:
        ValueError, TypeError: α or m below 0 or no number; shapes that do not fit.

    Example:
        >>> import torch
        >>> MarginSmoothingLoss(0.1, margin=1.0)(torch.tensor([[2.0, 0.5, 0.3]]), torch.tensor([0]))
        tensor(0.3806)

    Source: Liu et al. 2022, The Devil is in the Margin: Margin-based Label Smoothing, section 3.3.
    """

    setting = "alpha"
    usual = (0.05, 0.1, 0.2)

    def __init__(
        self, alpha: float = 0.1, margin: float = 10.0, *, reduction: str = "mean", ignore_index: int = -100
    ) -> None:
        super().__init__(reduction=reduction, ignore_index=ignore_index)
        self.alpha, self.margin = number(alpha, "alpha", 0), number(margin, "margin", 0)

    def row_losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        """−log p_y + α·mean_k max(0, z_max − z_k − m)."""
        beyond = (logits.amax(1, keepdim=True) - logits - self.margin).relu()
        return cross_entropy(logits, labels) + self.alpha * mean_over_classes(beyond, logits)

    def extra_repr(self) -> str:
        """What was asked for, shown in ``print(model)``."""
        return f"{super().extra_repr()}, margin={self.margin:g}"
