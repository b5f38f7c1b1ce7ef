"""Binned calibration errors: how far confidence is from the share of correct rows, bin by bin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._checks import DataError
from ._binning import Binned, binned, binned_rows, edges_for, equal_width_edges
from ._blocks import check_probs
from ._inputs import bin_count, to_array
from ._rows import measure
from ._scores import binned_error, debiased_l2_error, l1_error


@dataclass(frozen=True, eq=False)
class ReliabilityBins:
    """Edges (B + 1,), rows in each bin (B,), and their mean confidence and accuracy (B,), NaN in an empty bin."""

    edges: np.ndarray
    count: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray


def expected_calibration_error(
    labels: Any,
    *,
    logits: Any = None,
    probs: Any = None,
    bins: int = 15,
    binning: str = "equal_width",
    norm: str = "l1",
    weights: Any = None,
    ignore_index: int | None = None,
) -> float:
    """ECE = Σ_b (n_b/n)·|confidence_b − accuracy_b| over bins of the top probability.

    ``binning="equal_width"``: the bins (b/B, (b+1)/B], with exact edges, 0 in the first bin and 1 in the last.
    ``"equal_mass"``: about n/B rows in each, equal confidences never split. ``norm="l1"`` is the sum above, ``"l2"``
    the root of the weighted mean square, ``"max"`` the largest gap. Biased upwards for few rows: read it beside its
    null, :func:`ece_null`.

    `labels` (n,) integers; `logits` or `probs` (n, K), exactly one; `weights` (n,) count rows; rows labelled
    `ignore_index` are left out. Raises as :func:`~labelsmooth.calibration.accuracy` does, and ValueError for an unknown
    binning or norm. Source: Guo et al. 2017, section 2; Nguyen & O'Connor 2015, section 3 (equal mass).

    >>> round(expected_calibration_error([0, 1], probs=[[0.95, 0.05], [1.0, 0.0]], bins=10), 12)
    0.475
    """
    rows = measure(labels, logits, probs, weights, ignore_index)
    return binned_error(binned_rows(rows, edges_for(rows.confidence, bin_count(bins), binning)), norm)


def debiased_calibration_error(
    labels: Any,
    *,
    logits: Any = None,
    probs: Any = None,
    bins: int = 15,
    binning: str = "equal_width",
    ignore_index: int | None = None,
) -> float:
    """L2 calibration error with its bias for few rows removed: √max(0, Σ_b w_b(gap_b² − a_b(1 − a_b)/(n_b − 1))).

    Bins of one row say nothing about their own variance and are left out; NaN if there is no other. Arguments and
    errors as for :func:`expected_calibration_error`. Source: Bröcker 2012; Kumar, Liang & Ma 2019, section 4.

    >>> debiased_calibration_error([0, 1, 0, 1], probs=[[0.55, 0.45]] * 4)
    0.0
    """
    rows = measure(labels, logits, probs, None, ignore_index)
    return debiased_l2_error(binned_rows(rows, edges_for(rows.confidence, bin_count(bins), binning)))


def reliability_bins(
    labels: Any,
    *,
    logits: Any = None,
    probs: Any = None,
    bins: int = 15,
    binning: str = "equal_width",
    weights: Any = None,
    ignore_index: int | None = None,
) -> ReliabilityBins:
    """The bins of a reliability diagram; arguments and errors as for :func:`expected_calibration_error`.

    >>> reliability_bins([0, 1], probs=[[0.9, 0.1], [1.0, 0.0]], bins=2).count.tolist()
    [0, 2]
    """
    rows = measure(labels, logits, probs, weights, ignore_index)
    return reliability_of(binned_rows(rows, edges_for(rows.confidence, bin_count(bins), binning)))


def reliability_of(parts: Binned) -> ReliabilityBins:
    """Rows, mean confidence and accuracy of these bins."""
    return ReliabilityBins(parts.edges, parts.count, parts.mean(parts.confidence), parts.mean(parts.correct))


def true_calibration_error(posterior: Any, *, logits: Any = None, probs: Any = None, bins: int = 15) -> float:
    """ECE with the true probability of the predicted class in place of right or wrong, where the data's law is known.

    `posterior` (n, K), rows sum to 1; `logits` or `probs` (n, K), exactly one. Free of the noise of labels, so a
    perfectly calibrated model of the law scores 0. Raises DataError for a posterior that is no distribution or has
    another shape, and as :func:`expected_calibration_error` does.

    >>> true_calibration_error([[0.7, 0.3]], probs=[[0.7, 0.3]])
    0.0
    """
    truth = to_array(posterior).astype(np.float64)
    if truth.ndim != 2 or len(truth) == 0:
        raise DataError(f"posterior must have shape (rows, classes), as the scores; got {truth.shape}")
    check_probs(truth)
    rows = measure(np.zeros(len(truth), dtype=np.int64), logits, probs)
    if rows.classes != truth.shape[1]:
        raise DataError(f"posterior must have {rows.classes} columns, as the scores; got {truth.shape[1]}")
    of_predicted = truth[np.arange(len(truth)), rows.prediction]
    return l1_error(binned(rows.confidence, of_predicted, None, equal_width_edges(bin_count(bins))))
