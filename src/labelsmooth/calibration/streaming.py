"""Metrics of data that comes in batches, or on several machines: the same bits as in one go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from .._checks import DataError
from ._classwise import ClassBins
from ._inputs import bin_count, to_array
from ._rows import checked
from ._statistics import Concentration, EachClass, TopK, TopLabel
from ._tally import Statistic, Sums, add, from_text, tally, to_text
from .brier import BrierParts, brier_parts
from .calibration_error import ReliabilityBins, reliability_of
from .metrics import ranks
from .per_class import ClassTable, class_table


class CalibrationAccumulator:
    """The figures of batches in O(bins) memory, or O(classes · bins) with ``per_class=True``.

    ``update`` adds a batch, ``merge`` another accumulator, ``compute`` gives the figures so far: accuracy, NLL, Brier
    score, signed gap, confidence, ECE (l1, l2, max, debiased). `top_k` ranks add top-k accuracies, `sharpness` entropy
    and purity, `per_class` the classwise ECE, :meth:`per_class_table` and :meth:`brier_decomposition`. Sums are kept
    exactly, as integers, so any split into batches and any order of merging gives the same bits as one batch. `bins` as
    in :func:`~labelsmooth.calibration.expected_calibration_error`; rows labelled `ignore_index` are left out. What
    needs all rows at once (AURC, the null of ECE, equal-mass bins, SmoothECE, conformal sets) is not here.

    To merge over processes send :meth:`state`, a dictionary that JSON can hold, or the object itself (it pickles).

    >>> parts = CalibrationAccumulator(top_k=2), CalibrationAccumulator(top_k=2)
    >>> parts[0].update([0], logits=[[2.0, 0.0, 1.0]])
    >>> parts[1].update([1], logits=[[1.0, 0.5, 0.0]])
    >>> found = parts[0].merge(parts[1]).compute()
    >>> found["accuracy"], found["top_2_accuracy"]
    (0.5, 1.0)
    """

    def __init__(
        self,
        bins: int = 15,
        *,
        ignore_index: int | None = None,
        top_k: int | Sequence[int] = (),
        sharpness: bool = False,
        per_class: bool = False,
    ) -> None:
        self.bins, self.ignore_index = bin_count(bins), ignore_index
        self.top_k, self.sharpness, self.per_class = ranks(top_k), bool(sharpness), bool(per_class)
        self.rows = 0
        self._statistics: list[Statistic] = [TopLabel(self.bins), *map(TopK, self.top_k)]
        self._statistics += [Concentration()] * self.sharpness + [EachClass(self.bins)] * self.per_class
        self._sums: list[Sums] = [{} for _ in self._statistics]

    def update(self, labels: Any, *, logits: Any = None, probs: Any = None, weights: Any = None) -> None:
        """Add a batch: `labels` (n,), `logits` or `probs` (n, K), `weights` (n,); a batch of no rows adds nothing.

        Raises as :func:`~labelsmooth.calibration.accuracy` does, and then nothing was added.
        """
        if len(labels) == 0 or _all_ignored(labels, self.ignore_index):
            return
        given, index, weight = checked(labels, logits, probs, weights, self.ignore_index)
        self._take(len(index), tally(self._statistics, given, index, weight))

    def merge(self, other: CalibrationAccumulator) -> Self:
        """Add what another accumulator of the same settings holds, and return this one."""
        theirs = other._settings()
        for name, mine in self._settings().items():
            if theirs[name] != mine:
                raise ValueError(f"accumulators must have the same {name}; got {mine} and {theirs[name]}")
        self._take(other.rows, other._sums)
        return self

    def compute(self) -> dict[str, float]:
        """The figures of all rows so far, by name. Raises DataError when there was none.

        accuracy, nll, brier, signed_gap, confidence, ece, ece_l2, ece_max, ece_debiased (without weights), and what was
        asked for of top_K_accuracy, entropy, purity, classwise_ece.
        """
        self._require_rows()
        found: dict[str, float] = {}
        for statistic, sums in zip(self._statistics, self._sums, strict=True):
            found |= statistic.figures(sums)
        return found

    def reliability_bins(self) -> ReliabilityBins:
        """The bins of all rows so far, as :func:`~labelsmooth.calibration.reliability_bins` gives them."""
        self._require_rows()
        return reliability_of(TopLabel(self.bins).binned(self._sums[0]))

    def per_class_table(self, classes: Sequence[str] | None = None) -> ClassTable:
        """The table of :func:`~labelsmooth.calibration.per_class_table`, of all rows so far."""
        return class_table(self._class_bins(), classes)

    def brier_decomposition(self) -> BrierParts:
        """The parts of :func:`~labelsmooth.calibration.brier_decomposition`, of all rows so far."""
        return brier_parts(self._class_bins(), self.compute()["brier"])

    def state(self) -> dict[str, Any]:
        """Everything this accumulator knows, as JSON can hold it (integers of any size as hexadecimal text)."""
        return {
            **self._settings(),
            "ignore_index": self.ignore_index,
            "rows": self.rows,
            "sums": to_text(self._sums),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """The accumulator that :meth:`state` described."""
        asked = {name: state[name] for name in ("ignore_index", "top_k", "sharpness", "per_class")}
        made = cls(state["bins"], **asked)
        made._take(state["rows"], from_text(state["sums"]))
        return made

    def _settings(self) -> dict[str, Any]:
        asked = {"top_k": list(self.top_k), "sharpness": self.sharpness, "per_class": self.per_class}
        return {"bins": self.bins, **asked}

    def _take(self, rows: int, sums: Sequence[Sums]) -> None:
        if self.per_class and self.rows and rows:
            mine, theirs = (len(each[-1]["rows"]) for each in (self._sums, sums))
            if mine != theirs:
                raise ValueError(f"batches must have the same classes; got {mine} and {theirs}")
        self.rows += rows
        for total, more in zip(self._sums, sums, strict=True):
            add(total, more)

    def _class_bins(self) -> ClassBins:
        if not self.per_class:
            raise ValueError("classes were not counted; make the accumulator with per_class=True")
        self._require_rows()
        return ClassBins(self._sums[-1], self.bins)

    def _require_rows(self) -> None:
        if not self.rows or not sum(self._sums[0]["weight"]):
            raise DataError("no row with a positive weight was added yet; call update first")


def _all_ignored(labels: Any, ignore_index: int | None) -> bool:
    if ignore_index is None:
        return False
    return bool((to_array(labels) == ignore_index).all())
