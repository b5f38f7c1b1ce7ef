"""Mixup: rows and targets are mixed in pairs before the loss sees them."""

from __future__ import annotations

from typing import ClassVar, final

import torch
from torch import Tensor
from torch.distributions import Beta

from ..targets import one_hot
from ._base import number


@final
class Mixup:
    r"""Mix each row of a batch with another: x' = λx + (1 − λ)x̃, q' = λe_y + (1 − λ)e_ỹ, λ ~ Beta(α, α) for the batch.

    It changes the batch, not the loss: give what it returns to a loss that takes class probabilities. Mixing and
    smoothing commute, so ``CrossEntropyLoss(label_smoothing=Uniform(0.1, soft_targets=True))`` adds smoothing to it.

    Args:
        alpha: α > 0; small values mix little, 1 draws λ evenly from [0, 1].

    Shapes: inputs (N, …) of a floating dtype; class indices (N, d1, …) → inputs (N, …), targets (N, K, d1, …) in the
    inputs' dtype. λ and the pairs come from torch's global random state.

    Raises:
        ValueError, TypeError: α of 0 or below or no number; inputs that are not floating point.

    Example:
        >>> import torch
        >>> _ = torch.manual_seed(0)
        >>> inputs, targets = Mixup(1.0)(torch.eye(3), torch.tensor([0, 1, 2]), num_classes=3)
        >>> bool((inputs == targets).all())  # each row was its own one-hot target, and still is what it should be
        True

    Source: Zhang et al. 2018, mixup: Beyond Empirical Risk Minimization, equation 1.
    """

    setting: ClassVar[str] = "alpha"
    usual: ClassVar[tuple[float, ...]] = (0.2, 1.0)

    def __init__(self, alpha: float = 0.2) -> None:
        self.alpha = number(alpha, "alpha", 0, above=True)

    def __call__(self, inputs: Tensor, labels: Tensor, num_classes: int) -> tuple[Tensor, Tensor]:
        """Mixed inputs and class probabilities."""
        if not inputs.is_floating_point():
            raise TypeError(f"mixup mixes inputs of a floating dtype; got {inputs.dtype}, which has no in-between")
        share = Beta(self.alpha, self.alpha).sample().to(inputs)
        other = torch.randperm(len(inputs), device=inputs.device)
        targets = one_hot(labels, num_classes, inputs.dtype)
        return share * inputs + (1 - share) * inputs[other], share * targets + (1 - share) * targets[other]

    def __repr__(self) -> str:
        return f"Mixup({self.alpha:g})"
