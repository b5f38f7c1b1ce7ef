"""What holds for every softmax cross-entropy, whatever its target."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .._case import Array, Case
from .._property import (
    Failure,
    Property,
    first,
    gradient_line,
    raw_line,
    takes_logits,
    total_code,
)
from .._reference import close, softmax
from .._snippet import apart, shown
from .._subject import Subject

SHIFTS = (7.0, 1000.0)


def _few_rows(subject: Subject) -> Iterator[Case]:
    for num_classes in subject.class_counts:
        yield subject.random(2, 1, num_classes)
        yield subject.random(3, 3, num_classes, scale=2)


def _rows_and_points(subject: Subject) -> Iterator[Case]:
    """Where no one target explains the points it was sought at, they show it."""
    yield from _few_rows(subject)
    if not subject.fixed:
        points = subject.points
        yield from (Case(points.logits[i : i + 1], points.labels[i : i + 1]) for i in range(len(points.labels)))


def _expected_gradient(subject: Subject, case: Case) -> Array:
    """softmax − q, with the target found; where it moves, with the one at logits 0."""
    if not subject.fixed:
        return softmax(case.logits) - np.stack([subject.anchor(int(y), case.num_classes) for y in case.labels])
    mass, q = subject.target_at(case.num_classes).rows(case.labels)
    return mass[:, None] * softmax(case.logits) - q if subject.weighted else softmax(case.logits) - q / mass[:, None]


def _softmax_minus_target(subject: Subject, case: Case) -> Failure | None:
    got, expected = subject.runner.gradient(case), _expected_gradient(subject, case)
    if close(got, expected, (10 if subject.fixed else 1) * subject.tolerance):
        return None
    right, came = apart(expected, got)
    told = f"{right} = softmax − {'the target found' if subject.fixed else 'the target at logits 0'}"
    return Failure(told, came, (gradient_line(subject, case),), note=" (see target)")


def _rows_sum_to_zero(subject: Subject, case: Case) -> Failure | None:
    got = subject.runner.gradient(case)
    if close(got.sum(-1), np.zeros(len(got)), 10 * subject.tolerance * (1 + np.abs(got).max())):
        return None
    line = f"print(torch.autograd.grad({total_code(subject, case)}, logits)[0].sum(-1))"
    return Failure("0 in every row", shown(got.sum(-1)), (line,))


def _shift(subject: Subject, case: Case) -> Failure | None:
    runner = subject.runner
    value, gradient = runner.value(case), runner.gradient(case)
    for shift in SHIFTS:
        moved = case.with_logits(case.logits + shift)
        got, moved_gradient = runner.value(moved), runner.gradient(moved)
        if close(got, value, 10 * subject.tolerance) and close(moved_gradient, gradient, 10 * subject.tolerance):
            continue
        parts = [total_code(subject, case, text) for text in ("logits", f"(logits + {shift:g})")]
        told = [f"{shown(value)}, gradient {shown(gradient)}", f"{shown(got)}, gradient {shown(moved_gradient)}"]
        return Failure(f"{told[0]}, as without the shift", f"{told[1]} after adding {shift:g}",
                       (f"print({', '.join(parts)})",))  # fmt: skip
    return None


def _classes_differ(subject: Subject) -> str | None:
    if subject.tied:
        return "it holds a number for every class (weights, a prior, a matrix): classes differ on purpose"
    if subject.ignore_index is not None and 0 <= subject.ignore_index < subject.num_classes:
        return f"class {subject.ignore_index} is ignored, so classes differ on purpose"
    return None


def _permutation(subject: Subject, case: Case) -> Failure | None:
    order = np.roll(np.arange(case.num_classes), 1)
    moved = Case(case.logits[:, order], (case.labels + 1) % case.num_classes, case.dtype)
    value, gradient = subject.runner.value(case), subject.runner.gradient(case)
    got, moved_gradient = subject.runner.value(moved), subject.runner.gradient(moved)
    if close(got, value, 10 * subject.tolerance) and close(moved_gradient, gradient[:, order], 10 * subject.tolerance):
        return None
    lines = (
        f"print({total_code(subject, case)})",
        gradient_line(subject, case),
        f"logits, target = logits.detach().roll(1, -1).requires_grad_(), {_rolled(subject, case)}",
        f"print({total_code(subject, moved)})",
        gradient_line(subject, moved),
    )
    return Failure(f"{shown(value)}, gradient {shown(gradient[:, order])}",
                   f"{shown(got)}, gradient {shown(moved_gradient)} with classes renamed", lines)  # fmt: skip


def _rolled(subject: Subject, case: Case) -> str:
    return f"(target + 1) % {case.num_classes}" if subject.runner.form.takes_indices else "target.roll(1, -1)"


def _batches(subject: Subject) -> Iterator[Case]:
    num_classes = subject.class_counts[-1]
    for rows in (2, 5, 129):
        yield subject.random(rows, rows, num_classes)


def _row_value(subject: Subject, logits: Array, label: int) -> float:
    case = Case(logits[None], np.array([label]))
    return subject.cached(("row", label, logits.tobytes()), lambda: float(subject.runner.raw(case)[0]))


def _batch_split(subject: Subject, case: Case) -> Failure | None:
    runner = subject.runner
    alone = np.array([_row_value(subject, z, int(y)) for z, y in zip(case.logits, case.labels, strict=True)])
    weights = np.array([runner.weight(case.labels[i : i + 1]) for i in range(len(alone))])
    joined = {"none": alone, "sum": np.array([alone.sum()])}
    expected = joined.get(runner.reduction, np.array([alone @ weights / weights.sum()]))
    got = runner.raw(case)
    if close(got, expected, 10 * subject.tolerance):
        return None
    each = runner.form.code("logits[i : i + 1]", "target[i : i + 1]")
    lines = (raw_line(subject), f"print([{each} for i in range(len(target))])")
    kind = {"none": "the rows alone", "sum": "the sum of the rows alone"}.get(runner.reduction, "the mean of the rows")
    right, came = apart(expected, got)
    return Failure(f"{right}, {kind}", came, lines)


PROPERTIES = (
    Property("gradient_is_softmax_minus_target", "gradient = softmax − target, one target per class", None,
             _rows_and_points, _softmax_minus_target),
    Property("gradient_rows_sum_to_zero", "each row of the gradient sums to 0", None,
             _few_rows, _rows_sum_to_zero, takes_logits),
    Property("shift_invariance", "adding 7 or 1000 to all logits of a row changes nothing", "T36",
             _few_rows, _shift, takes_logits),
    Property("permutation_equivariance", "renaming the classes renames the gradient, and no more", "T11",
             _few_rows, _permutation, first(_classes_differ)),
    Property("batch_split_additivity", "a batch is the sum or mean of its rows, whatever its size", "T20",
             _batches, _batch_split),
)  # fmt: skip
