"""Logit normalisation: only the direction of the logits is trained."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from ._base import Rival, number
from ._parts import cross_entropy

SMALLEST = 1e-7
"""A norm below it counts as this: the loss has no direction to train at 0."""


@final
class LogitNormLoss(Rival):
    r"""Cross-entropy of logits scaled to one length: loss = CE(z / (τ·‖z‖₂), y).

    Args:
        tau: τ > 0, the temperature of the normalised logits; the smaller, the more certain they can be. With K classes
            the loss cannot fall below log(1 + (K − 1)·exp(−√(K/(K−1))/τ)).
        reduction: "mean", "sum" or "none". ignore_index: rows with this label count nowhere.

    Shapes: logits (K,), (N, K) or (N, K, d1, …); class indices (), (N,) or (N, d1, …).

    What a model trained with it predicts is softmax of its own logits, whose length was never trained: use it with
    temperature scaling, or for ranking.

    Raises:
        ValueError, TypeError: τ of 0 or below, or no number; shapes that do not fit.

    Example:
        >>> import torch
        >>> loss = LogitNormLoss(0.5)
        >>> loss(torch.tensor([[2.0, 0.5, 0.3]]), torch.tensor([0]))
        tensor(0.3594)
        >>> loss(torch.tensor([[20.0, 5.0, 3.0]]), torch.tensor([0]))
        tensor(0.3594)

    Source: Wei et al. 2022, Mitigating Neural Network Overconfidence with Logit Normalization, section 4.
    """

    setting = "tau"
    usual = (0.1, 0.2, 0.5)

    def __init__(self, tau: float = 0.1, *, reduction: str = "mean", ignore_index: int = -100) -> None:
        super().__init__(reduction=reduction, ignore_index=ignore_index)
        self.tau = number(tau, "tau", 0, above=True)

    def row_losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        """CE(z / (τ·‖z‖), y), the norm over the classes whose logit is not −inf."""
        return cross_entropy(logits / (self.tau * _norm(logits)), labels)


def _norm(z: Tensor) -> Tensor:
    """‖z‖₂ of each row, kept; scaled by the largest entry first, so that squares do not overflow."""
    finite = torch.where(z == -torch.inf, 0, z)
    largest = finite.detach().abs().amax(1, keepdim=True).clamp_min(SMALLEST)
    length = (finite / largest).square().sum(1, keepdim=True)
    smallest = (SMALLEST / largest).square()
    return largest * torch.where(length > smallest, length, smallest).sqrt()
