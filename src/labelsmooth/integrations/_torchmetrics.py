"""The `Metric` of torchmetrics over our accumulator; importing this file imports torchmetrics."""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor
from torchmetrics import Metric

from .. import _checks
from ..calibration import CalibrationAccumulator
from ._limbs import Layout, of_limbs, to_limbs


@final
class CalibrationMetric(Metric):
    """What :func:`~labelsmooth.integrations.torchmetrics.calibration_metric` makes."""

    full_state_update = False
    is_differentiable = False
    higher_is_better = None

    sums: Tensor
    rows: Tensor

    def __init__(self, preds: str, settings: dict[str, Any], class_dim: int = 1, **options: Any) -> None:
        super().__init__(**options)
        self.scores = _checks.one_of(preds, ("logits", "probs"), "preds")
        self.settings, self.class_dim = settings, class_dim
        self.layout = Layout.of(CalibrationAccumulator(**settings))
        self.add_state("sums", self.layout.zeros(), dist_reduce_fx="sum")
        self.add_state("rows", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Add a batch: `preds` (N, K, d1, …) with the classes in `class_dim`, `target` (N, d1, …) of class indices."""
        wide = preds.detach().movedim(self.class_dim, -1)
        if target.shape != wide.shape[:-1]:
            raise ValueError(
                f"target must have shape {tuple(wide.shape[:-1])} for preds {tuple(preds.shape)} with classes in "
                f"dimension {self.class_dim}; got {tuple(target.shape)}. class_dim= says where the classes are"
            )
        batch = CalibrationAccumulator(**self.settings)
        batch.update(target.reshape(-1), **{self.scores: wide.reshape(-1, wide.shape[-1])})
        if batch.rows:
            self.sums += to_limbs(batch.state(), self.layout).to(self.sums.device)
            self.rows += batch.rows

    def compute(self) -> dict[str, Tensor]:
        """The figures of all rows so far, float64, and how many rows they rest on."""
        found = self.accumulator().compute()
        figures = {name: torch.tensor(value, dtype=torch.float64) for name, value in found.items()}
        return {name: each.to(self.sums.device) for name, each in figures.items()} | {"rows": self.rows.clone()}

    def accumulator(self) -> CalibrationAccumulator:
        """The accumulator of what this metric holds, for reliability bins and for merging with others."""
        empty = CalibrationAccumulator(**self.settings)
        if not int(self.rows):
            return empty
        state = empty.state()
        return CalibrationAccumulator.from_state({**state, "rows": int(self.rows), "sums": self._sums()})

    def _sums(self) -> list[dict[str, list[str]]]:
        return of_limbs(self.sums, self.layout)
