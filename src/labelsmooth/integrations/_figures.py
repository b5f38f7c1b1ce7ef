"""Figures of an evaluation that comes in batches: against hard labels, with the smoothed loss beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import torch
from torch import Tensor, nn

from .._checks import DataError
from ..calibration import CalibrationAccumulator
from ..losses import BCEWithLogitsLoss, CrossEntropyLoss, binary_cross_entropy_with_logits, cross_entropy

FIGURES = ("nll", "brier", "accuracy", "ece", "ece_debiased", "signed_gap")


@final
class Running:
    """The figures so far, of rows of logits and their labels, and of the sum of their smoothed losses."""

    def __init__(self, bins: int, ignore_index: int | None) -> None:
        self.rows = CalibrationAccumulator(bins, ignore_index=ignore_index)
        self.total = 0.0

    def add(self, logits: Tensor, labels: Tensor, smoothed: Tensor) -> None:
        """Rows (n, K), labels (n,), and the sum of their smoothed losses."""
        self.rows.update(hard(labels) if labels.is_floating_point() else labels, logits=logits)
        self.total += float(smoothed)

    def compute(self) -> dict[str, float]:
        """smoothed_loss, nll, brier, accuracy, ece, ece_debiased, signed_gap, rows."""
        found = self.rows.compute()
        figures = {name: found[name] for name in FIGURES}
        return {"smoothed_loss": self.total / self.rows.rows, **figures, "rows": self.rows.rows}

    def state(self) -> dict[str, Any]:
        """Everything known, as JSON can hold it."""
        return {"rows": self.rows.state(), "total": self.total}


def together(states: Sequence[dict[str, Any]]) -> dict[str, float]:
    """The figures of what several processes know, from their states."""
    rows = [CalibrationAccumulator.from_state(state["rows"]) for state in states]
    running = Running(rows[0].bins, rows[0].ignore_index)
    for each, state in zip(rows, states, strict=True):
        running.rows.merge(each)
        running.total += state["total"]
    return running.compute()


def hard(labels: Tensor) -> Tensor:
    """Class indices of floating labels that say which class it is: one-hot rows, or 0 and 1."""
    if labels.ndim == 2:
        if not bool(((labels == 0) | (labels == 1)).all() and (labels.sum(1) == 1).all()):
            raise DataError("metrics need hard labels; the evaluation's are class probabilities. Pass class indices")
        return labels.argmax(1)
    if not bool(((labels == 0) | (labels == 1) | (labels == -100)).all()):
        raise DataError("metrics need labels that are 0, 1 or -100; the evaluation's are softer. Round them first")
    return labels.long()


def yes_or_no(logits: Tensor) -> Tensor:
    """Each logit of a yes as a row of two classes (n, 2)."""
    return torch.stack([torch.zeros_like(logits), logits], -1).reshape(-1, 2)


@torch.no_grad()
def add_batch(running: Running, criterion: nn.Module, logits: Tensor, labels: Tensor) -> None:
    """Add a batch as `criterion`, one of our losses, reads it."""
    logits = logits.detach()
    if isinstance(criterion, BCEWithLogitsLoss):
        running.add(yes_or_no(logits), labels.reshape(-1), _binary_sum(criterion, logits, labels))
        return
    if not isinstance(criterion, CrossEntropyLoss):
        raise TypeError(f"criterion must be a loss of labelsmooth with hard labels; got {type(criterion).__name__}")
    dim = criterion.options.get("class_dim")
    dim = (0 if logits.ndim == 1 else 1) if dim is None else dim
    rows = logits.movedim(dim, -1).reshape(-1, logits.shape[dim])
    of_rows = labels.movedim(dim, -1).reshape(rows.shape) if labels.is_floating_point() else labels.reshape(-1)
    running.add(rows, of_rows, _class_sum(criterion, logits, labels))


def _class_sum(criterion: CrossEntropyLoss, logits: Tensor, labels: Tensor) -> Tensor:
    options = {name: value for name, value in criterion.options.items() if name not in ("normalizer", "empty")}
    return cross_entropy(
        logits,
        labels,
        criterion.weight,
        ignore_index=criterion.ignore_index,
        reduction="sum",
        label_smoothing=criterion.label_smoothing,
        **options,
    )


def _binary_sum(criterion: BCEWithLogitsLoss, logits: Tensor, labels: Tensor) -> Tensor:
    return binary_cross_entropy_with_logits(
        logits,
        labels,
        criterion.weight,
        reduction="sum",
        pos_weight=criterion.pos_weight,
        label_smoothing=criterion.label_smoothing,
        **{"prior": criterion.prior, **criterion.options},
    )


def is_ours(module: Any) -> bool:
    """Whether this is one of the losses whose batches can be read."""
    return isinstance(module, CrossEntropyLoss | BCEWithLogitsLoss)
