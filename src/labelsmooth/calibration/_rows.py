"""One pass over the scores: all that the metrics need to know of each row, in O(rows) memory.

Everything is relative to the largest logit, and the top class is kept apart from the sum over the others, so that
neither 1 − confidence nor the loss of a confident row is computed by subtracting from 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._checks import DataError
from ._blocks import Scratch, check_largest, check_probs, numbering, over_parts
from ._inputs import Scores, class_labels, row_weights, scores

_FAR = 64.0
_FLOATS = ("confidence", "doubt", "nll", "brier")


@dataclass(frozen=True, eq=False)
class Rows:
    """What is known of each of n rows (float64, but for the class indices): `doubt` is 1 − confidence, `brier` and
    `nll` are the row's own scores, `weights` are None where every row counts once."""

    labels: np.ndarray
    prediction: np.ndarray
    confidence: np.ndarray
    doubt: np.ndarray
    nll: np.ndarray
    brier: np.ndarray
    classes: int
    weights: np.ndarray | None = None

    @property
    def correct(self) -> np.ndarray:
        """Where the top class is the label, (n,) bool; of equal top scores the first class is the prediction."""
        return self.prediction == self.labels

    def part(self, rows: slice) -> Rows:
        """These rows, as views."""
        weights = None if self.weights is None else self.weights[rows]
        arrays = {name: getattr(self, name)[rows] for name in ("labels", "prediction", *_FLOATS)}
        return Rows(**arrays, classes=self.classes, weights=weights)

    def __len__(self) -> int:
        return len(self.labels)


def checked(
    labels: Any, logits: Any = None, probs: Any = None, weights: Any = None, ignore_index: int | None = None
) -> tuple[Scores, np.ndarray, np.ndarray | None]:
    """Scores, labels and weights of the rows that are not ignored, all shapes and labels checked."""
    given = scores(logits, probs)
    rows, classes = given.array.shape
    index = class_labels(labels, rows, classes, ignore_index)
    weight = row_weights(weights, rows)
    if ignore_index is not None and (index == ignore_index).any():
        kept = index != ignore_index
        given, index = given.keep(kept), index[kept]
        weight = None if weight is None else weight[kept]
    if len(index) == 0:
        raise DataError(f"every row has the ignored label {ignore_index}; there is nothing to measure")
    if weight is not None and not weight.any():
        raise DataError("all weights are 0; there is nothing to measure")
    return given, index, weight


def measure(
    labels: Any, logits: Any = None, probs: Any = None, weights: Any = None, ignore_index: int | None = None
) -> Rows:
    """Check everything that was passed and measure each row that is not ignored."""
    given, index, weight = checked(labels, logits, probs, weights, ignore_index)
    rows = blank(index, given.array.shape[1], weight)
    for _ in over_parts(lambda part, scratch: fill(rows.part(part), given, part, scratch), given):
        pass
    return rows


def blank(labels: np.ndarray, classes: int, weights: np.ndarray | None) -> Rows:
    """Rows with these labels that are still to be measured."""
    n = len(labels)
    floats = {name: np.empty(n) for name in _FLOATS}
    return Rows(labels, np.empty(n, dtype=np.int64), classes=classes, weights=weights, **floats)


def fill(rows: Rows, given: Scores, place: slice, scratch: Scratch) -> None:
    """Measure the rows of the scores at this place."""
    of_block = _from_probs if given.are_probs else _from_logits
    for start in range(0, len(rows), scratch.rows):
        at = slice(start, min(len(rows), start + scratch.rows))
        first = place.start + start
        block = np.ascontiguousarray(given.array[first : place.start + at.stop])
        found = of_block(block, rows.labels[at], scratch, numbering(given, first))
        rows.prediction[at], rows.confidence[at], rows.doubt[at], rows.nll[at], rows.brier[at] = found


def _from_logits(
    block: np.ndarray, label: np.ndarray, scratch: Scratch, number: Callable[[int], int]
) -> tuple[np.ndarray, ...]:
    odds = scratch.take(len(block))
    np.copyto(odds, block)
    top = block.argmax(axis=1)
    start = np.arange(0, odds.size, odds.shape[1])
    at_top, at_label = start + top, start + label
    largest = check_largest(odds.take(at_top), number)
    with np.errstate(over="ignore", under="ignore"):
        below = largest - odds.take(at_label)
        _exponential(odds, largest, scratch)
        top_odds, label_odds = odds.take(at_top), odds.take(at_label)
        odds.reshape(-1)[at_top] = 0.0
        rest = np.einsum("ij->i", odds) / top_odds
        squares = np.einsum("ij,ij->i", odds, odds) / (top_odds * top_odds)
        label_odds /= top_odds
        confidence, others = 1.0 / (1.0 + rest), 1.0 - label_odds
        miss = (rest + others) * confidence
        brier = miss * miss + (squares + others * (1.0 + label_odds)) * (confidence * confidence)
        return top, confidence, rest * confidence, np.log1p(rest) + below, brier


def _exponential(odds: np.ndarray, largest: np.ndarray, scratch: Scratch) -> None:
    """exp(z − shift) in place; the shift is the row's largest logit, or 0 where exp(z) is far from overflow anyway."""
    far = np.abs(largest) > _FAR
    if far.any():
        odds[far] -= largest[far, None]
    scratch.exp(len(odds))


def _from_probs(
    block: np.ndarray, label: np.ndarray, scratch: Scratch, number: Callable[[int], int]
) -> tuple[np.ndarray, ...]:
    values = scratch.take(len(block))
    np.copyto(values, block)
    top = block.argmax(axis=1)
    start = np.arange(0, values.size, values.shape[1])
    at_label = start + label
    check_probs(values, number)
    confidence, of_label = (np.minimum(values.take(at), 1.0) for at in (start + top, at_label))  # 1 + 2⁻⁵² is rounding
    values.reshape(-1)[at_label] = 0.0
    with np.errstate(divide="ignore", under="ignore"):
        others = np.einsum("ij,ij->i", values, values)
        nll = 0.0 - np.log(of_label)
        return top, confidence, 1.0 - confidence, nll, (1.0 - of_label) ** 2 + others
