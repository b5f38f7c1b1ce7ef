"""The columns of a table as inputs of a model, fitted on the training rows alone.

A column of numbers: what is missing becomes the median, with a column beside it that says so where training rows miss
some; then mean 0 and deviation 1. A column of categories: whole numbers for a table of embeddings, 0 for what is rare
in training or new after it; what is missing is a category like any other. A column that is constant in training is
left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._checks import DataError

_LEAST_ROWS = 2
_MOST_CATEGORIES = 1000
Transform = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class _Numbers:
    name: str
    median: float
    mean: float
    deviation: float
    missing: int

    def transform(self, column: np.ndarray) -> list[np.ndarray]:
        empty = np.isnan(column)
        filled = (np.where(empty, self.median, column) - self.mean) / self.deviation
        return [filled, empty] if self.missing else [filled]

    def card(self) -> dict[str, Any]:
        filled = f"{self.missing} missing in training: set to the median {self.median:.4g} and marked; "
        scaled = f"standardised (mean {self.mean:.4g}, deviation {self.deviation:.4g})"
        return {"name": self.name, "kind": "numbers", "done": (filled if self.missing else "") + scaled}


@dataclass(frozen=True)
class _Categories:
    name: str
    codes: np.ndarray
    kept: int
    rare: int
    missing: bool

    def transform(self, column: np.ndarray) -> np.ndarray:
        return self.codes[column.astype(np.int64)]

    def card(self) -> dict[str, Any]:
        rare = f"; {self.rare} that are rare in training share one place with new ones" if self.rare else ""
        missing = ", 'missing' among them" if self.missing else ""
        return {"name": self.name, "kind": "categories", "done": f"{self.kept} categories{missing}{rare}; embedded"}


def fitted(
    names: Sequence[str], categories: Sequence[list[str] | None], train: np.ndarray
) -> tuple[Transform, tuple[int, ...], dict[str, Any]]:
    """The transform of raw tables (n, columns), the numbers of categories of its last columns, and the card's part."""
    numbers: dict[int, _Numbers] = {}
    coded: dict[int, _Categories] = {}
    cards: list[dict[str, Any]] = []
    for place, (name, known) in enumerate(zip(names, categories, strict=True)):
        column = train[:, place]
        found = _numbers(name, column) if known is None else _categories(name, known, column)
        if isinstance(found, _Numbers):
            numbers[place] = found
        elif isinstance(found, _Categories):
            coded[place] = found
        cards.append(_left_out(name, known, found) if isinstance(found, str) else found.card())
    if not numbers and not coded:
        raise DataError(
            f"no column is left to learn from: each of {list(names)} has one value, or another in each row; add columns"
        )

    def transform(inputs: np.ndarray) -> np.ndarray:
        made = [part for place, each in numbers.items() for part in each.transform(inputs[:, place])]
        made += [each.transform(inputs[:, place]) for place, each in coded.items()]
        return np.column_stack(made).astype(np.float32)

    return transform, tuple(each.kept + 1 for each in coded.values()), {"columns": cards}


def _left_out(name: str, known: list[str] | None, why: str) -> dict[str, Any]:
    return {"name": name, "kind": "numbers" if known is None else "categories", "done": f"left out: {why}"}


def _numbers(name: str, column: np.ndarray) -> _Numbers | str:
    there = column[~np.isnan(column)]
    if not there.size or (there.min() == there.max() and there.size == column.size):
        return "one value in all training rows" if there.size else "missing in all training rows"
    median = float(np.median(there))
    filled = np.where(np.isnan(column), median, column)
    mean, deviation = float(filled.mean()), float(filled.std())
    usable = deviation > 1e-12 * abs(mean)
    return _Numbers(name, median, mean, deviation if usable else 1.0, int(np.isnan(column).sum()))


def _categories(name: str, known: list[str], column: np.ndarray) -> _Categories | str:
    counts = np.bincount(column.astype(np.int64), minlength=len(known))
    if np.count_nonzero(counts) < 2:
        return "one value in all training rows"
    order = np.argsort(-counts, kind="stable")[:_MOST_CATEGORIES]
    kept = np.sort(order[counts[order] >= _LEAST_ROWS])
    if not kept.size:
        return "another value in every training row"
    codes = np.zeros(len(known), np.int64)
    codes[kept] = np.arange(1, len(kept) + 1)
    missing = bool(codes[known.index("")]) if "" in known else False
    return _Categories(name, codes, len(kept), int(np.count_nonzero(counts)) - len(kept), missing)
