"""Distillation: a student learns from labels and from a teacher's softened predictions."""

from __future__ import annotations

from typing import final

from torch import Tensor

from ..losses import _dispatch
from ..targets import SoftTargets
from ._base import Rival, kept_logits, number
from ._parts import cross_entropy


@final
class DistillationLoss(Rival):
    r"""Labels and a teacher: loss = (1 − β)·CE(z, y) + β·T²·H(softmax(z_t/T), softmax(z/T)).

    H(a, b) = −Σ a log b. The teacher gets no gradient. Use it as ``loss(logits, target, teacher_logits)``.

    Args:
        temperature: T > 0 softens both sides; T² keeps the size of the gradient.
        weight: β in [0, 1], the teacher's share.
        reduction: "mean", "sum" or "none". ignore_index: rows with this label count nowhere.

    Shapes: logits and teacher_logits (K,), (N, K) or (N, K, d1, …); class indices (), (N,) or (N, d1, …).

    A teacher that was trained with label smoothing can be a worse teacher at T > 1, even where it is a better
    classifier: smoothing removes what its logits say about which wrong classes are near. How much that costs depends on
    how much the student has to learn from; the study page (`labelsmooth learn`) shows both cases, measured.

    Raises:
        ValueError, TypeError: settings out of range, a teacher with other classes or rows, a missing teacher.

    Example:
        >>> import torch
        >>> student, teacher = torch.tensor([[2.0, 0.5, 0.3]]), torch.tensor([[3.0, 1.5, 0.1]])
        >>> DistillationLoss(temperature=2.0, weight=0.5)(student, torch.tensor([0]), teacher)
        tensor(2.1025)

    Source: Hinton et al. 2015, Distilling the Knowledge in a Neural Network, section 2; on smoothed teachers Müller et
    al. 2019, When Does Label Smoothing Help?, section 4.
    """

    setting = "temperature"
    usual = (1.0, 4.0)

    def __init__(
        self,
        temperature: float = 4.0,
        weight: float = 0.9,
        *,
        reduction: str = "mean",
        ignore_index: int = -100,
    ) -> None:
        super().__init__(reduction=reduction, ignore_index=ignore_index)
        self.temperature = number(temperature, "temperature", 0, above=True)
        self.weight = number(weight, "weight", 0, 1)

    def forward(self, input: Tensor, target: Tensor, teacher_logits: Tensor | None = None) -> Tensor:
        """The loss, reduced: a scalar, or one value for each row with reduction "none"."""
        if teacher_logits is None:
            raise TypeError("DistillationLoss needs the teacher's logits: loss(logits, target, teacher_logits)")
        if teacher_logits.shape != input.shape:
            raise ValueError(
                f"the teacher's logits must have the student's shape {tuple(input.shape)}, the same rows and classes; "
                f"got {tuple(teacher_logits.shape)}"
            )
        batch, teacher = self._batch(input, target), self._batch(teacher_logits.detach(), target)
        z, labels = kept_logits(batch), batch.targets.labels
        rows = self.row_losses(z, labels)  # type: ignore[arg-type]
        return self._reduced(rows + self._from_teacher(z, kept_logits(teacher).to(z.dtype)), batch)

    def row_losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The labels' part, (1 − β)·CE."""
        return (1 - self.weight) * cross_entropy(logits, labels)

    def _from_teacher(self, z: Tensor, teacher: Tensor) -> Tensor:
        softened = SoftTargets(given=(teacher / self.temperature).softmax(1), on_given=1.0, dtype=z.dtype)
        return self.weight * self.temperature**2 * _dispatch.row_losses(z / self.temperature, softened)

    def extra_repr(self) -> str:
        """What was asked for, shown in ``print(model)``."""
        return f"{super().extra_repr()}, weight={self.weight:g}"
