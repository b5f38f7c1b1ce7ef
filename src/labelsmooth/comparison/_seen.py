"""What one trial shows beside its averages, after temperature: outcomes of rows, confusions, conformal sets, bins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..calibration.conformal import conformal_sets
from ..calibration.profile import ClassMap, class_map, profile
from ..predictions import Split
from ._tempered import Tempered, divided

BINS = 15
ALPHA = 0.1
COVERAGES = np.arange(1, 101) / 100
SETS = ("lac", "aps")
_CELLS = 1 << 22
_LEAST_ROWS = 1000


@dataclass(frozen=True, eq=False)
class Seen:
    """One trial on n test rows and K classes.

    `correct` (n,); `nll` (n,); `confused` counts errors by pair of classes, either way round, as (a·K + b with a < b,
    how many); `risk` at each of COVERAGES; `sets` by method the coverage and the mean size of conformal sets, empty
    without validation rows; `map` the bins of some classes. Sets and map are of `part` of the rows.
    """

    correct: np.ndarray
    nll: np.ndarray
    confused: tuple[np.ndarray, np.ndarray]
    risk: np.ndarray
    sets: dict[str, tuple[float, float]]
    map: ClassMap
    part: int


def look(splits: dict[str, Split], tempered: Tempered, classes: Sequence[int]) -> Seen:
    """Measure one trial again, now that it is one of the pair; `classes` are those of the map."""
    test, val = splits["test"], splits.get("val")
    logits = tempered.test_logits(test.logits)
    found = profile(test.labels, logits=logits)
    rows = part_of(*test.logits.shape)
    some, labels = np.asarray(logits[rows]), test.labels[rows]
    return Seen(
        found.prediction == test.labels,
        found.nll,
        _confused(test.labels, found.prediction, test.logits.shape[1]),
        found.risk[np.ceil(COVERAGES * len(found.risk)).astype(np.int64) - 1],
        {} if val is None else _sets(labels, some, val, tempered.temperature),
        class_map(labels, logits=some, classes=classes, bins=BINS),
        len(labels),
    )


def part_of(rows: int, columns: int) -> np.ndarray:
    """The rows that sets and map are measured on: all, or of very many a part drawn once, the same in every trial."""
    most = max(_LEAST_ROWS, _CELLS // columns)
    if rows <= most:
        return np.arange(rows)
    return np.sort(np.random.default_rng(0).choice(rows, most, replace=False, shuffle=False))


def _confused(labels: np.ndarray, prediction: np.ndarray, classes: int) -> tuple[np.ndarray, np.ndarray]:
    wrong = labels != prediction
    low, high = np.minimum(labels, prediction)[wrong], np.maximum(labels, prediction)[wrong]
    codes, counts = np.unique(low.astype(np.int64) * classes + high, return_counts=True)
    return codes, counts


def _sets(labels: np.ndarray, logits: np.ndarray, val: Split, temperature: float) -> dict[str, tuple[float, float]]:
    rows = part_of(*val.logits.shape)
    held_out = np.asarray(divided(val.logits, temperature)[rows])
    found = {}
    for method in SETS:
        sets = conformal_sets(
            labels, logits=logits, val_labels=val.labels[rows], val_logits=held_out, alpha=ALPHA, method=method
        )
        found[method] = (sets.coverage, sets.size)
    return found
