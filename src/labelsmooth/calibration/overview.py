"""All that is said of one model on one split, from one pass over its scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ._binning import binned_rows, equal_width_edges
from ._inputs import bin_count
from ._ranking import area, excess, risks
from ._rows import measure
from ._scores import accuracy_of, l1_error, signed_gap_of, weighted_mean
from ._simulate import ece_under_null
from .calibration_error import ReliabilityBins, reliability_of


@dataclass(frozen=True, eq=False)
class Overview:
    """The figures by name, the bins of the reliability diagram, and each row's NLL, Brier score and correctness."""

    figures: dict[str, float]
    bins: ReliabilityBins
    nll: np.ndarray
    brier: np.ndarray
    correct: np.ndarray


def overview(labels: Any, logits: Any = None, bins: int = 15, *, probs: Any = None, seed: int = 0) -> Overview:
    """What :func:`summary` says, and the rows and bins that it was computed from."""
    rows, edges = measure(labels, logits, probs), equal_width_edges(bin_count(bins))
    parts = binned_rows(rows, edges)
    ece = l1_error(parts)
    null = ece_under_null(rows.confidence, ece, edges, 1000, seed)
    risk, _ = risks(rows)
    figures = {
        "accuracy": accuracy_of(rows),
        "nll": weighted_mean(rows.nll, None),
        "brier": weighted_mean(rows.brier, None),
        "signed_gap": signed_gap_of(rows),
        "ece": ece,
        "ece_null": null.mean,
        "ece_p_value": null.p_value,
        "aurc": area(risk),
        "excess_aurc": excess(rows, risk),
        "confidence": weighted_mean(rows.confidence, None),
    }
    return Overview(figures, reliability_of(parts), rows.nll, rows.brier, rows.correct)


def summary(labels: Any, logits: Any = None, bins: int = 15, *, probs: Any = None, seed: int = 0) -> dict[str, float]:
    """Accuracy, NLL, Brier score, signed gap, ECE with its null mean and p-value, AURC, excess AURC, mean confidence.

    One pass over the scores; each figure equals that of the function of its name, and errors are theirs.

    >>> sorted(summary([0, 1], [[2.0, 0.0], [1.0, 0.0]]))[:4]
    ['accuracy', 'aurc', 'brier', 'confidence']
    """
    return overview(labels, logits, bins, probs=probs, seed=seed).figures
