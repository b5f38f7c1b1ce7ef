"""Rows that are to be ignored: they count nowhere, whatever they hold."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .._case import Case
from .._property import Failure, Property, ignores, raw_gradient_line, raw_line
from .._reference import close
from .._snippet import apart, shown
from .._subject import Subject


def _with_ignored(subject: Subject) -> Iterator[Case]:
    for rows, gone in ((2, [1]), (5, [0, 3])):
        case = subject.random(rows, rows)
        labels = case.labels.copy()
        labels[gone] = subject.ignore_index
        yield Case(case.logits, labels)


def _holding(subject: Subject) -> Iterator[Case]:
    for case in _with_ignored(subject):
        for junk in (np.nan, np.inf, -np.inf):
            logits = case.logits.copy()
            logits[case.labels == subject.ignore_index, 0] = junk
            yield case.with_logits(logits)


def _value(subject: Subject, case: Case, kept: np.ndarray) -> Failure | None:
    """The value without the ignored rows; a loss of rows has exact zeros for them."""
    got, alone = subject.runner.raw(case), subject.runner.raw(case.rows(kept))
    expected = alone
    if subject.runner.reduction == "none":
        expected = np.zeros(len(case.labels))
        expected[kept] = alone
        exact = np.array_equal(got[~kept], expected[~kept])
    else:
        exact = True
    if exact and close(got, expected, 10 * subject.tolerance):
        return None
    right, came = apart(expected, got)
    return Failure(f"{right}, as without the ignored row", came, (raw_line(subject, direct=True),),
                   direct=True)  # fmt: skip


def _gradient(subject: Subject, case: Case, kept: np.ndarray) -> Failure | None:
    got = subject.runner.raw_gradient(case, direct=True)
    expected = np.zeros_like(got)
    expected[kept] = subject.runner.raw_gradient(case.rows(kept), direct=True)
    if not got[~kept].any() and close(got[kept], expected[kept], 10 * subject.tolerance):
        return None
    return Failure(f"gradient {shown(expected)}: 0 in the ignored row", f"gradient {shown(got)}",
                   (raw_gradient_line(subject, direct=True),), direct=True)  # fmt: skip


def _inert(subject: Subject, case: Case) -> Failure | None:
    kept = case.labels != subject.ignore_index
    if kept.all() or not kept.any():
        return None
    return _value(subject, case, kept) or _gradient(subject, case, kept)


PROPERTIES = (
    Property("ignored_rows_inert", "an ignored row counts nowhere: not in the value, the mean, the gradient", "T8",
             _with_ignored, _inert, ignores),
    Property("ignored_rows_may_hold_nan", "an ignored row may hold NaN or infinity: gradient 0 there", "T4",
             _holding, _inert, ignores),
)  # fmt: skip
