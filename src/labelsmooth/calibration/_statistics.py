"""What is counted in one pass over rows: top-label figures, top-k accuracy, sharpness, and every class on its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ._binning import Binned, binned_rows, equal_width_edges
from ._blocks import probabilities
from ._classwise import ClassBins, class_sums
from ._exact import ONE, ratio
from ._scores import debiased_l2_error, l1_error, l2_error, max_error
from ._tally import Part, Statistic, Sums, finite, weighed, weight_of

_CELLS = 1 << 18


@final
@dataclass(frozen=True)
class TopLabel(Statistic):
    """Row averages, and the calibration errors of the top probability in bins of equal width."""

    bins: int

    def count(self, part: Part) -> Sums:
        found = binned_rows(part.rows, equal_width_edges(self.bins))
        nll, infinite = finite(part.rows.nll, part.rows.weights)
        return {
            "count": found.count.tolist(),
            "weight": found.weight,
            "confidence": found.confidence,
            "correct": found.correct,
            "nll": [weighed(nll, None)],
            "infinite": [int(np.count_nonzero(infinite))],
            "brier": [weighed(part.rows.brier, part.rows.weights)],
        }

    def binned(self, sums: Sums) -> Binned:
        """The bins of the reliability diagram."""
        count = np.array(sums["count"], dtype=np.int64)
        return Binned(
            equal_width_edges(self.bins), count, *(sums[name] for name in ("weight", "confidence", "correct"))
        )

    def figures(self, sums: Sums) -> dict[str, float]:
        parts = self.binned(sums)
        total = parts.total()
        found = {
            "accuracy": ratio(sum(parts.correct), total),
            "nll": float("inf") if sums["infinite"][0] else ratio(sums["nll"][0], total),
            "brier": ratio(sums["brier"][0], total),
            "signed_gap": ratio(sum(parts.gaps()), total),
            "confidence": ratio(sum(parts.confidence), total),
            "ece": l1_error(parts),
            "ece_l2": l2_error(parts),
            "ece_max": max_error(parts),
        }
        if all(weight == n * ONE for weight, n in zip(parts.weight, sums["count"], strict=True)):
            found["ece_debiased"] = debiased_l2_error(parts)
        return found


@final
@dataclass(frozen=True)
class TopK(Statistic):
    """Share of rows whose label is among the k highest scores."""

    k: int

    def count(self, part: Part) -> Sums:
        return {"hits": [weighed(self._hits(part), part.rows.weights)], "weight": [weight_of(part.rows)]}

    def figures(self, sums: Sums) -> dict[str, float]:
        return {f"top_{self.k}_accuracy": ratio(sums["hits"][0], sums["weight"][0])}

    def _hits(self, part: Part) -> np.ndarray:
        hits, classes = np.empty(len(part.rows)), np.arange(part.rows.classes)
        for at, scores in _score_blocks(part):
            label = part.rows.labels[at, None]
            own = np.take_along_axis(scores, label, axis=1)
            before = ((scores > own) | ((scores == own) & (classes < label))).sum(axis=1)
            hits[at] = before < self.k
        return hits


@final
@dataclass(frozen=True)
class Concentration(Statistic):
    """Mean entropy (nats) and mean Σ p² of the predictions."""

    def count(self, part: Part) -> Sums:
        entropy, purity = np.empty(len(part.rows)), np.empty(len(part.rows))
        for at, p in _probability_blocks(part):
            logarithm = np.log(p, out=np.zeros(p.shape), where=p > 0)
            entropy[at] = -np.einsum("ij,ij->i", p, logarithm)
            purity[at] = np.einsum("ij,ij->i", p, p)
        values = {"entropy": entropy, "purity": purity, "confidence": part.rows.confidence}
        sums = {name: [weighed(each, part.rows.weights)] for name, each in values.items()}
        return {**sums, "weight": [weight_of(part.rows)]}

    def figures(self, sums: Sums) -> dict[str, float]:
        return {name: ratio(sums[name][0], sums["weight"][0]) for name in ("confidence", "entropy", "purity")}


@final
@dataclass(frozen=True)
class EachClass(Statistic):
    """Each class's probability in bins, against how often it was the label; recall, precision and NLL by class."""

    bins: int

    def count(self, part: Part) -> Sums:
        return class_sums(part.rows, _probability_blocks(part), self.bins)

    def figures(self, sums: Sums) -> dict[str, float]:
        return {"classwise_ece": float(ClassBins(sums, self.bins).errors().mean())}


def _probability_blocks(part: Part) -> Iterator[tuple[slice, np.ndarray]]:
    for place, block in probabilities(part.given, part.place):
        yield slice(place.start - part.place.start, place.stop - part.place.start), block


def _score_blocks(part: Part) -> Iterator[tuple[slice, np.ndarray]]:
    first, last = part.place.start, part.place.stop
    step = max(1, _CELLS // part.rows.classes)
    for start in range(first, last, step):
        stop = min(last, start + step)
        yield slice(start - first, stop - first), part.given.array[start:stop]
