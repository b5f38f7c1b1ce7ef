"""Statistics that only add up: whole numbers of each batch, the same whatever its split and order."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._blocks import Scratch, over_parts
from ._exact import ONE, exact_sum
from ._inputs import Scores
from ._rows import Rows, blank, fill

Sums = dict[str, list[int]]
_ROWS_AT_ONCE = 1 << 16


@dataclass(frozen=True, eq=False)
class Part:
    """Measured rows, and where in the scores they are."""

    given: Scores
    place: slice
    rows: Rows


class Statistic(ABC):
    """Something that whole numbers tell: what a part adds to them, and the figures that they give."""

    @abstractmethod
    def count(self, part: Part) -> Sums:
        """What these rows add, lists of whole numbers by name."""

    @abstractmethod
    def figures(self, sums: Sums) -> dict[str, float]:
        """Figures by name; `sums` are of one row of positive weight at least."""


def tally(statistics: Sequence[Statistic], given: Scores, labels: np.ndarray, weights: np.ndarray | None) -> list[Sums]:
    """What all rows add to each statistic, in one pass, on a few threads, a few rows in memory at a time."""

    def work(place: slice, scratch: Scratch) -> list[Sums]:
        of_rows = None if weights is None else weights[place]
        rows = blank(labels[place], given.array.shape[1], of_rows)
        fill(rows, given, place, scratch)
        return [statistic.count(Part(given, place, rows)) for statistic in statistics]

    totals: list[Sums] = [{} for _ in statistics]
    for found in over_parts(work, given, _ROWS_AT_ONCE):
        for total, more in zip(totals, found, strict=True):
            add(total, more)
    return totals


def add(total: Sums, more: Sums) -> None:
    """Add the second to the first, in place; an empty one takes what comes."""
    for name, values in more.items():
        known = total.get(name)
        total[name] = list(values) if known is None else [a + b for a, b in zip(known, values, strict=True)]


def weighed(values: np.ndarray, weights: np.ndarray | None) -> int:
    """Σ w·values, exact, in units of 2^-1126."""
    return exact_sum(values if weights is None else weights * values)


def weight_of(rows: Rows) -> int:
    """Σ w, exact, in units of 2^-1126."""
    return len(rows) * ONE if rows.weights is None else exact_sum(rows.weights)


def finite(values: np.ndarray, weights: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """w·values, 0 in rows of weight 0 and where infinite; and where it is infinite, both (n,)."""
    if weights is not None:
        values = np.multiply(values, weights, out=np.zeros(len(values)), where=weights > 0)
    known = np.isfinite(values)
    return (values, ~known) if known.all() else (np.where(known, values, 0.0), ~known)


def to_text(sums: Iterable[Sums]) -> list[dict[str, list[str]]]:
    """The sums as JSON can hold them: whole numbers of any size as hexadecimal text."""
    return [{name: [hex(value) for value in values] for name, values in each.items()} for each in sums]


def from_text(sums: Iterable[dict[str, Any]]) -> list[Sums]:
    """The sums that :func:`to_text` wrote."""
    return [{name: [int(value, 16) for value in values] for name, values in each.items()} for each in sums]
