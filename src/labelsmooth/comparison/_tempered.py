"""The temperature of one trial: from its validation split, or crosswise from the test rows when there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._blocked import Mapped
from ..calibration import fit_temperature, row_nll
from ..predictions import Split

FOLDS = 5
ENOUGH_ROWS = 20_000
ENOUGH_CELLS = 10_000_000
HELD_CELLS = 1 << 24


@dataclass(frozen=True, eq=False)
class Tempered:
    """A temperature for each test row (all the same with a validation split), its status, and the NLL on validation."""

    of_rows: np.ndarray
    temperature: float
    status: str
    val_nll_after: float | None

    def test_logits(self, logits: np.ndarray) -> Mapped:
        """Test logits (n, K) after temperature, float64, computed block by block."""
        return divided(logits, self.of_rows)


def divided(logits: Any, temperature: np.ndarray | float) -> Mapped:
    """z/T in float64, block by block, the largest logit taken off first so that a small T overflows nowhere.

    `temperature` is one number or one for each row (n,).
    """
    of_rows = np.broadcast_to(np.asarray(temperature, dtype=np.float64), (len(logits),))

    def change(block: np.ndarray, rows: slice) -> np.ndarray:
        wide = block.astype(np.float64)
        wide -= wide.max(axis=1, keepdims=True)
        wide /= of_rows[rows, None]
        return wide

    return Mapped(logits, change, np.float64)


def from_validation(val: Split, test: Split) -> Tempered:
    """One temperature, fitted on the validation rows."""
    temperature, status = fit_temperature(val.logits, val.labels)
    chosen = float(row_nll(val.labels, divided(val.logits, temperature)).mean())
    return Tempered(np.full(len(test.labels), temperature), temperature, status, chosen)


def crosswise(test: Split) -> Tempered:
    """Each fifth of the test rows gets the temperature of the other four; a group is whole in one fifth.

    Of very many rows a part, drawn once, is fitted: from m rows the NLL is about 1/(2m) nats above the best. Folds and
    part depend on the rows alone, so all files that are compared share them. There is no NLL on validation.
    """
    units = np.arange(len(test.labels)) if test.groups is None else np.unique(test.groups, return_inverse=True)[1]
    count = int(units.max()) + 1
    fold = (np.random.default_rng(0).permutation(count) % min(FOLDS, count))[units]
    of_rows, statuses = np.ones(len(units)), ["interior"]
    for each in np.unique(fold):
        rest = _enough(np.flatnonzero(fold != each), test.logits.shape[1])
        if not len(rest):
            return Tempered(of_rows, 1.0, "degenerate", None)
        part = test.logits[rest]
        held = np.asarray(part) if part.size <= HELD_CELLS else part
        of_rows[fold == each], status = fit_temperature(held, test.labels[rest])
        statuses.append(status)
    worst = next((status for status in statuses if status != "interior"), "interior")
    return Tempered(of_rows, float(of_rows.mean()), worst, None)


def fitted_rows(rows: int, columns: int) -> int:
    """How many of `rows` a crosswise temperature is fitted on."""
    return min(rows, max(ENOUGH_ROWS, ENOUGH_CELLS // columns))


def _enough(rows: np.ndarray, columns: int) -> np.ndarray:
    count = fitted_rows(len(rows), columns)
    if count == len(rows):
        return rows
    return np.sort(np.random.default_rng(0).choice(rows, count, replace=False, shuffle=False))
