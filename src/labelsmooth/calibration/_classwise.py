"""Each class on its own: its probability binned against how often it was the label."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ._binning import bin_index, equal_width_edges
from ._exact import ONE, exact_sums, fixed_sums, ratio
from ._rows import Rows
from ._tally import Sums, add, finite

Blocks = Iterable[tuple[slice, np.ndarray]]


def class_sums(rows: Rows, probabilities: Blocks, bins: int) -> Sums:
    """What ClassBins is made of. `probabilities` are (m, K) blocks of the rows and where they are."""
    total: Sums = {}
    for at, p in probabilities:
        add(total, _binned_classes(p, rows.labels[at], None if rows.weights is None else rows.weights[at], bins))
    nll, infinite = finite(rows.nll, rows.weights)
    label, right = (rows.labels, rows.classes), rows.correct
    weights = np.ones(len(rows)) if rows.weights is None else rows.weights
    return {
        **total,
        "rows": np.bincount(rows.labels, minlength=rows.classes).tolist(),
        "predicted": exact_sums(weights, rows.prediction, rows.classes),
        "right": exact_sums(weights[right], rows.labels[right], rows.classes),
        "nll": exact_sums(nll, *label),
        "infinite": np.bincount(rows.labels[infinite], minlength=rows.classes).tolist(),
    }


def _binned_classes(p: np.ndarray, labels: np.ndarray, weights: np.ndarray | None, bins: int) -> Sums:
    classes = p.shape[1]
    size = classes * bins
    slots = bin_index(p, equal_width_edges(bins)) + np.arange(classes) * bins
    of_label, slot = slots[np.arange(len(p)), labels], slots.ravel()
    count = np.bincount(slot, minlength=size).tolist()
    if weights is None:
        hits = np.bincount(of_label, minlength=size).tolist()
        weight, hit = [n * ONE for n in count], [n * ONE for n in hits]
        return {"count": count, "weight": weight, "hits": hit, "probability": fixed_sums(p.ravel(), slot, size)}
    return {
        "count": count,
        "weight": exact_sums(np.repeat(weights, classes), slot, size),
        "hits": exact_sums(weights, of_label, size),
        "probability": exact_sums((p * weights[:, None]).ravel(), slot, size),
    }


@dataclass(frozen=True, eq=False)
class ClassBins:
    """For class k and bin b: rows whose p_k is in the bin, their weight, the weight of those that are of the class, and
    Σ p_k (exact, units of 2^-1126; without weights each p_k rounded to 2^-52), and what is counted by class."""

    sums: Sums
    bins: int

    @property
    def count(self) -> np.ndarray:
        """Rows (K, B)."""
        return self._by_bin(np.array(self.sums["count"], dtype=np.int64))

    @property
    def shares(self) -> np.ndarray:
        """The weight in each bin over that of all rows, (K, B)."""
        return self._by_bin(_over(self.sums["weight"], self.total))

    @property
    def frequencies(self) -> np.ndarray:
        """How often the class is the label in each bin, (K, B); NaN in an empty bin."""
        return self._by_bin(_each(self.sums["hits"], self.sums["weight"]))

    @property
    def total(self) -> int:
        """The weight of all rows."""
        return sum(self.sums["weight"][: self.bins])

    @property
    def hits(self) -> list[int]:
        """The weight of each class's rows, (K,)."""
        return self._by_class(self.sums["hits"])

    def gaps(self) -> np.ndarray:
        """Σ p_k − hits in each bin, over the weight of all rows, (K, B)."""
        pairs = zip(self.sums["probability"], self.sums["hits"], strict=True)
        return self._by_bin(_over([p - hits for p, hits in pairs], self.total))

    def signed_errors(self) -> np.ndarray:
        """Mean p_k − frequency of each class, (K,): above 0 the class is predicted too often."""
        pairs = zip(self._by_class(self.sums["probability"]), self.hits, strict=True)
        return _over([p - hits for p, hits in pairs], self.total)

    def errors(self) -> np.ndarray:
        """Calibration error of each class on its own, (K,)."""
        return np.asarray(np.abs(self.gaps()).sum(axis=1))

    def recall(self) -> np.ndarray:
        """Share of each class's rows that were predicted right, (K,)."""
        return _each(self.sums["right"], self.hits)

    def precision(self) -> np.ndarray:
        """Share of each class's predictions that are right, (K,)."""
        return _each(self.sums["right"], self.sums["predicted"])

    def frequency(self) -> np.ndarray:
        """Each class's share of the rows, (K,)."""
        return _over(self.hits, self.total)

    def nll(self) -> np.ndarray:
        """Mean NLL of each class's rows, (K,); inf where a row has it."""
        infinite = np.array(self.sums["infinite"]) > 0
        return np.where(infinite, np.inf, _each(self.sums["nll"], self.hits))

    def _by_bin(self, flat: np.ndarray) -> np.ndarray:
        return flat.reshape(-1, self.bins)

    def _by_class(self, flat: Sequence[int]) -> list[int]:
        return [sum(flat[start : start + self.bins]) for start in range(0, len(flat), self.bins)]


def _each(numerators: Sequence[int], denominators: Sequence[int]) -> np.ndarray:
    return np.array([ratio(a, b) for a, b in zip(numerators, denominators, strict=True)])


def _over(numerators: Sequence[int], denominator: int) -> np.ndarray:
    return np.array([ratio(each, denominator) for each in numerators])
