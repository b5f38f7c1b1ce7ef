"""What a rival loss is: a loss for each row, from logits and class indices."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from numbers import Real
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ..kernels._sums import widen
from ..losses._inputs import Batch, prepare
from ..losses._options import Options
from ..losses._reduction import reduce


class Rival(nn.Module, ABC):
    """A loss of logits (K,), (N, K) or (N, K, d1, …) and class indices, reduced as torch's cross-entropy is.

    Half-precision logits give a float32 loss. Rows with `ignore_index` have loss 0 and gradient exactly 0, and the
    mean does not count them. A logit of −inf takes its class out.

    setting  what the one number it is built with is called
    usual    the values that a comparison tries
    """

    setting: ClassVar[str]
    usual: ClassVar[tuple[float, ...]]

    def __init__(self, *, reduction: str = "mean", ignore_index: int = -100) -> None:
        super().__init__()
        self.reduction, self.ignore_index = reduction, ignore_index
        self._options()

    def _options(self) -> Options:
        return Options(reduction=self.reduction, ignore_index=self.ignore_index)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss, reduced: a scalar, or one value for each row with reduction "none"."""
        batch = self._batch(input, target)
        z, labels = kept_logits(batch), batch.targets.labels
        return self._reduced(self.row_losses(z, labels), batch)  # type: ignore[arg-type]

    def _batch(self, input: Tensor, target: Tensor) -> Batch:
        batch = prepare(input, target, self._options())
        if batch.targets.labels is None:
            raise TypeError(
                f"{type(self).__name__} is defined for class indices (an integer dtype); got class probabilities of "
                f"{target.dtype}. Use target.argmax(1) for one-hot targets, or CrossEntropyLoss"
            )
        return batch

    def _reduced(self, rows: Tensor, batch: Batch) -> Tensor:
        keep = batch.targets.keep
        return reduce(rows if keep is None else torch.where(keep, rows, 0), batch, self._options())

    @abstractmethod
    def row_losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The loss of each row: logits (N, K, d1, …) in float32 or float64, labels (N, d1, …) → (N, d1, …)."""

    def extra_repr(self) -> str:
        """What was asked for, shown in ``print(model)``."""
        return f"{self.setting}={getattr(self, self.setting):g}, reduction={self.reduction!r}"


def kept_logits(batch: Batch) -> Tensor:
    """In float32 or wider, with 0 in the rows that do not count, whatever they hold."""
    z, keep = widen(batch.logits), batch.targets.keep
    return z if keep is None else torch.where(keep.unsqueeze(1), z, 0)


def number(value: Any, name: str, low: float, high: float = math.inf, *, above: bool = False) -> float:
    """`value` as a float in [low, high], or in (low, high] with `above`; an error says what to pass."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number; got {type(value).__name__} {value!r}")
    found = float(value)
    inside = low < found if above else low <= found
    if not (inside and found <= high and math.isfinite(found)):
        least = f"above {low:g}" if above else f"of at least {low:g}"
        most = "" if high == math.inf else f" and at most {high:g}"
        raise ValueError(f"{name} must be a finite number {least}{most}; got {value!r}")
    return found
