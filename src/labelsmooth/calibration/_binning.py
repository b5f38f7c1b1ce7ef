"""Bins of confidence: the only place where a bin edge is defined.

Bin b of B holds (b/B, (b+1)/B], and the first bin also 0 (Guo et al. 2017, section 2, with its first bin closed). The
edge kept for the real number b/B is the largest float64 that does not exceed it, so comparing floats with the edge
decides exactly as rational arithmetic would (C9); no confidence is outside the bins (C1, C2).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np

from .._checks import one_of
from ._exact import ONE, exact_sums, ratio
from ._rows import Rows


@lru_cache(maxsize=64)
def equal_width_edges(bins: int) -> np.ndarray:
    """The B + 1 edges of B bins of equal width in [0, 1]."""
    edges = np.array([_float_below(Fraction(b, bins)) for b in range(bins + 1)])
    edges.flags.writeable = False
    return edges


def _float_below(number: Fraction) -> float:
    nearest = float(number)
    return nearest if Fraction(nearest) <= number else float(np.nextafter(nearest, 0.0))


def equal_mass_edges(confidence: np.ndarray, bins: int) -> np.ndarray:
    """Edges that put about n/B rows into each bin: each inner edge is a confidence, and closes its bin from above.

    Equal confidences are never split: quantiles that coincide are one edge, so there may be fewer bins than asked for,
    every row is in exactly one, and none of the bins is empty (C7).
    """
    ranked, n = np.sort(confidence), len(confidence)
    ranks = [-(-b * n // bins) - 1 for b in range(1, bins)]
    inner = np.unique(ranked[[rank for rank in ranks if rank >= 0]])
    return np.concatenate(([0.0], inner[inner < ranked[-1]], [1.0]))


def edges_for(confidence: np.ndarray, bins: int, binning: str) -> np.ndarray:
    """The edges of `bins` bins, of "equal_width" or "equal_mass"."""
    if one_of(binning, ("equal_width", "equal_mass"), "binning") == "equal_mass":
        return equal_mass_edges(confidence, bins)
    return equal_width_edges(bins)


def bin_index(confidence: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The bin of each confidence, from 0, in an array of the same shape."""
    bins = len(edges) - 1
    if edges is not equal_width_edges(bins):
        return np.searchsorted(edges[1:-1], confidence, side="left")
    near = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    near -= confidence <= edges[near]
    return np.clip(near + (confidence > edges[near + 1]), 0, bins - 1)  # a confidence may be 1 + 2⁻⁵² by rounding


@dataclass(frozen=True, eq=False)
class Binned:
    """What fell into each bin: rows, and exact sums (units of 2^-1126) of weight, confidence and correctness."""

    edges: np.ndarray
    count: np.ndarray
    weight: list[int]
    confidence: list[int]
    correct: list[int]

    def gaps(self) -> list[int]:
        """Σ of confidence − correctness in each bin, exact."""
        return [sure - right for sure, right in zip(self.confidence, self.correct, strict=True)]

    def total(self) -> int:
        """Σ of all weights, exact."""
        return sum(self.weight)

    def mean(self, sums: list[int]) -> np.ndarray:
        """The mean in each bin of what `sums` adds up; NaN in an empty bin."""
        return np.array([ratio(part, weight) for part, weight in zip(sums, self.weight, strict=True)])


def binned(confidence: np.ndarray, correct: np.ndarray, weights: np.ndarray | None, edges: np.ndarray) -> Binned:
    """Put rows into bins; `correct` (n,) is 0/1 or any float, such as the true probability of the predicted class."""
    index, size = bin_index(confidence, edges), len(edges) - 1
    count = np.bincount(index, minlength=size)
    if weights is None:
        weight = [int(n) * ONE for n in count]
        return Binned(edges, count, weight, exact_sums(confidence, index, size), _correct_sums(correct, index, size))
    return Binned(
        edges,
        count,
        exact_sums(weights, index, size),
        exact_sums(weights * confidence, index, size),
        exact_sums(weights * correct, index, size),
    )


def _correct_sums(correct: np.ndarray, index: np.ndarray, size: int) -> list[int]:
    if correct.dtype != np.bool_:
        return exact_sums(correct, index, size)
    return [int(n) * ONE for n in np.bincount(index[correct], minlength=size)]


def binned_rows(rows: Rows, edges: np.ndarray) -> Binned:
    """Put measured rows into bins by their confidence."""
    return binned(rows.confidence, rows.correct, rows.weights, edges)
