"""What a Brier score is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ._classwise import ClassBins
from ._inputs import bin_count
from ._rows import checked
from ._statistics import EachClass, TopLabel
from ._tally import tally


@dataclass(frozen=True)
class BrierParts:
    """score = reliability − resolution + uncertainty + within.

    `reliability`: distance of mean probability from frequency in the bins, 0 is calibrated. `resolution`: how far the
    bins' frequencies are from the class's share, larger is better. `uncertainty`: the score of predicting the classes'
    shares. `within`: what differs inside bins, 0 where each bin holds one probability.
    """

    score: float
    reliability: float
    resolution: float
    uncertainty: float
    within: float


def brier_decomposition(
    labels: Any,
    *,
    logits: Any = None,
    probs: Any = None,
    bins: int = 15,
    weights: Any = None,
    ignore_index: int | None = None,
) -> BrierParts:
    """The Brier score in its parts, each class's probability binned on its own and summed over classes.

    Arguments and errors as for :func:`~labelsmooth.calibration.expected_calibration_error`. Source: Murphy 1973;
    Stephenson, Coelho & Jolliffe 2008 (the variance within bins).

    >>> parts = brier_decomposition([0, 0, 0, 1], probs=[[0.75, 0.25]] * 4)
    >>> parts.reliability, parts.resolution, parts.uncertainty
    (0.0, 0.0, 0.375)
    """
    size = bin_count(bins)
    rows = checked(labels, logits, probs, weights, ignore_index)
    top, classes = tally([TopLabel(size), EachClass(size)], *rows)
    return brier_parts(ClassBins(classes, size), TopLabel(size).figures(top)["brier"])


def brier_parts(bins: ClassBins, score: float) -> BrierParts:
    """The parts of a Brier score, from each class's bins."""
    share, weight, used = bins.frequency(), bins.shares, bins.shares > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        reliability = float(np.where(used, bins.gaps() ** 2 / weight, 0.0).sum())
        apart = bins.frequencies - share[:, None]
        resolution = float(np.where(used, weight * apart**2, 0.0).sum())
    uncertainty = float((share * (1 - share)).sum())
    return BrierParts(score, reliability, resolution, uncertainty, score - reliability + resolution - uncertainty)
