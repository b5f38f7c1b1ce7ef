"""What transformers' Trainer logs of an evaluation: figures against hard labels, and the smoothed loss beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

import numpy as np
import torch
from torch import Tensor

from . import _heads
from ._figures import Running

if TYPE_CHECKING:
    from .huggingface import ComputeLoss

NUMBERS_AT_ONCE = 1 << 24


@final
class ComputeMetrics:
    """Called as the Trainer calls its `compute_metrics`, once for an evaluation or once a batch."""

    def __init__(self, loss: ComputeLoss, bins: int = 15) -> None:
        self.loss, self.bins = loss, bins
        self._start()

    def __call__(self, prediction: Any, compute_result: bool = True) -> dict[str, float]:
        """The figures of `prediction` (predictions, label_ids) and of what came before it since the last result."""
        for logits, labels in _batches(prediction):
            told = self.loss.told
            reading = self.loss.reading or _heads.reading(None, logits, labels, told)
            self._add(reading, logits, labels)
        if not compute_result:
            return {}
        found = self._running.compute()
        self._start()
        return found

    def _start(self) -> None:
        self._running = Running(self.bins, self.loss.ignore_index)

    def _add(self, reading: str, logits: Tensor, labels: Tensor) -> None:
        from .huggingface import loss_of

        smoothing, summed = self.loss.label_smoothing, {"reduction": "sum"}
        smoothed = loss_of(self.loss, reading, logits, labels, smoothing, summed)
        self._running.add(*_heads.flat(reading, logits, labels, self.loss.ignore_index), smoothed)


def _batches(prediction: Any) -> Any:
    """Logits and labels, a part of the evaluation at a time."""
    logits, labels = _first(prediction.predictions), prediction.label_ids
    if isinstance(labels, tuple):
        raise ValueError(
            f"the Trainer gathers {len(labels)} label columns where compute_metrics takes one; set "
            'label_names=["labels"] in TrainingArguments'
        )
    if labels is None:
        raise ValueError("the evaluation has no labels to compare with; add a column named labels to its data set")
    pairs = zip(logits, labels, strict=True) if isinstance(logits, list) else [(logits, labels)]
    for z, y in pairs:
        z, y = torch.as_tensor(z), torch.as_tensor(y)
        if not z.is_floating_point():
            raise ValueError(
                f"compute_metrics needs logits; the predictions are {z.dtype} of shape {tuple(z.shape)}. Leave out "
                "predict_with_generate, and let preprocess_logits_for_metrics keep the logits"
            )
        at_once = max(NUMBERS_AT_ONCE // max(z[:1].numel(), 1), 1)
        yield from zip(z.split(at_once), y.split(at_once), strict=True)


def _first(predictions: Any) -> Any:
    """The logits among what the model returned; caches and hidden states come after them."""
    if isinstance(predictions, tuple):
        return next((each for each in predictions if np.ndim(each) >= 2 or isinstance(each, list)), predictions)
    return predictions
