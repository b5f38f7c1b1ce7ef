"""What averages hide: each row's outcome, the risk at each coverage, and some classes bin by bin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._binning import bin_index, equal_width_edges
from ._blocks import probabilities
from ._inputs import bin_count
from ._ranking import risks
from ._rows import checked, measure


@dataclass(frozen=True, eq=False)
class Profile:
    """Of n rows: `prediction` (n,) int64, `nll` (n,), and `risk` (n,), the error rate among the k surest, k = 1…n."""

    prediction: np.ndarray
    nll: np.ndarray
    risk: np.ndarray


def profile(labels: Any, *, logits: Any = None, probs: Any = None) -> Profile:
    """Predictions, losses and risks from one pass over the scores.

    Arguments and errors as for :func:`~labelsmooth.calibration.aurc`.

    >>> profile([0, 1], probs=[[0.9, 0.1], [0.8, 0.2]]).risk.tolist()
    [0.0, 0.5]
    """
    rows = measure(labels, logits, probs)
    return Profile(rows.prediction, rows.nll, risks(rows)[0])


@dataclass(frozen=True, eq=False)
class ClassMap:
    """Of k classes and B bins: rows whose probability of the class is in the bin, the sum of these probabilities, and
    how many of these rows are of the class; all (k, B)."""

    count: np.ndarray
    probability: np.ndarray
    hits: np.ndarray


def class_map(
    labels: Any, *, logits: Any = None, probs: Any = None, classes: Sequence[int], bins: int = 15
) -> ClassMap:
    """The reliability bins of the columns `classes` alone, each class against all others, in O(len(classes)·B) memory.

    Arguments and errors as for :func:`~labelsmooth.calibration.per_class_table`, which it equals up to float64
    rounding: (probability − hits)/n are the cells that a class-wise calibration error adds up.

    >>> found = class_map([0, 1], probs=[[0.9, 0.1], [0.7, 0.3]], classes=[1], bins=5)
    >>> found.count.tolist(), found.hits.tolist()
    ([[1, 1, 0, 0, 0]], [[0, 1, 0, 0, 0]])
    """
    given, index, _ = checked(labels, logits, probs)
    edges, size = equal_width_edges(bin_count(bins)), len(classes) * bins
    count, probability, hits = np.zeros(size, dtype=np.int64), np.zeros(size), np.zeros(size, dtype=np.int64)
    for at, block in probabilities(given):
        p = block[:, list(classes)]
        slot = bin_index(p, edges) + np.arange(len(classes)) * bins
        count += np.bincount(slot.ravel(), minlength=size)
        probability += np.bincount(slot.ravel(), weights=p.ravel(), minlength=size)
        hits += np.bincount(slot[index[at, None] == np.asarray(classes)], minlength=size)
    return ClassMap(*(each.reshape(len(classes), bins) for each in (count, probability, hits)))
