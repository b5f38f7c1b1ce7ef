"""What training code takes for granted: derivatives, reuse, inputs left alone, the same answer twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch

from .._case import Array, Case
from .._property import Failure, Property, total_code
from .._reference import close
from .._runner import LossRaised, Runner
from .._snippet import apart, shown
from .._subject import HALVES, Subject

SCALE = 3.0
MOST_COLUMNS = 12
REPEATS = 6


def _small(subject: Subject) -> Iterator[Case]:
    yield subject.random(4, 2, subject.class_counts[-1])


def _one_row(subject: Subject) -> Iterator[Case]:
    yield subject.random(6, 1, subject.class_counts[-1])


def _step(subject: Subject) -> tuple[float, float]:
    """The step of a central difference, and the tolerance it allows."""
    return (1e-5, 1e-6) if subject.tolerance < 1e-6 else (0.05, 5e-3)


def _nudged(case: Case, row: int, column: int, step: float) -> Case:
    logits = case.logits.copy()
    logits[row, column] += step
    return case.with_logits(logits)


def _slope(runner: Runner, case: Case, row: int, column: int, step: float) -> float:
    up, down = (runner.value(_nudged(case, row, column, sign * step)) for sign in (1, -1))
    return SCALE * (up - down) / (2 * step)


def _finite_differences(subject: Subject, case: Case) -> Failure | None:
    """3 × the loss, so that a backward that forgets the gradient it is handed is found too."""
    step, tolerance = _step(subject)
    gradient = subject.runner.gradient(case, scale=SCALE)[:, :MOST_COLUMNS]
    slopes = np.array([[_slope(subject.runner, case, *at, step) for at in row] for row in _positions(gradient)])
    if close(gradient, slopes, tolerance):
        return None
    row, column = np.unravel_index(np.nanargmax(np.abs(gradient - slopes)), gradient.shape)
    ends = [total_code(subject, case, f"(logits {sign} step)") for sign in "+-"]
    lines = (
        f"step = torch.zeros_like(logits); step[{row}, {column}] = {step:g}",
        f"print(torch.autograd.grad(3 * ({total_code(subject, case)}), logits)[0][{row}, {column}])",
        f"print(3 * ({ends[0]} - {ends[1]}) / {2 * step:g})",
    )
    where = f"of 3 × the loss by logit [{row}, {column}]"
    return Failure(f"{shown(slopes[row, column])}, the slope {where}", shown(gradient[row, column]), lines)


def _positions(values: Array) -> list[list[tuple[int, int]]]:
    rows, columns = values.shape
    return [[(row, column) for column in range(columns)] for row in range(rows)]


def _product(subject: Subject, case: Case, direction: Array) -> Array | str:
    """Hessian times direction by two backwards; in words what went wrong instead."""
    passed = subject.runner.forward(case)
    total = subject.runner.total(case, passed.result)
    try:
        (gradient,) = torch.autograd.grad(total, passed.leaf, create_graph=True)
        along = (gradient * torch.tensor(direction, dtype=gradient.dtype)).sum()
        if not along.requires_grad:
            return "a gradient without a graph: the second derivative is lost"
        (product,) = torch.autograd.grad(along, passed.leaf)
    except Exception as error:  # a custom backward is anyone's code
        return f"raised {LossRaised(error)}"
    return product.double().numpy()


def _double_backward(subject: Subject, case: Case) -> Failure | None:
    step, tolerance = _step(subject)
    direction = np.resize([1.0, -2.0, 0.5], case.logits.shape)
    ends = [subject.runner.gradient(case.with_logits(case.logits + s * step * direction)) for s in (1, -1)]
    expected = (ends[0] - ends[1]) / (2 * step)
    got = _product(subject, case, direction)
    if not isinstance(got, str) and close(got, expected, tolerance):
        return None
    told = got if isinstance(got, str) else shown(got)
    lines = (
        f"(gradient,) = torch.autograd.grad({total_code(subject, case)}, logits, create_graph=True)",
        f"direction = torch.tensor({direction.tolist()}, dtype=gradient.dtype)",
        "print(torch.autograd.grad((gradient * direction).sum(), logits)[0])",
    )
    return Failure(f"{shown(expected)}, the change of the gradient along {shown(direction)}", told, lines)


def _reuse(subject: Subject, case: Case) -> Failure | None:
    passed = subject.runner.forward(case)
    total = subject.runner.total(case, passed.result)
    gradients: list[Array] = []
    for keep in (True, False):
        try:
            gradients.append(subject.runner.backward(passed.leaf, total, retain_graph=keep))
        except LossRaised as raised:
            return _reuse_failure(subject, case, "the gradient", f"raised {raised}")
    if np.array_equal(gradients[0], gradients[1], equal_nan=True):
        return None
    first, second = apart(gradients[0], gradients[1])
    return _reuse_failure(subject, case, first, f"{second} the second time")


def _reuse_failure(subject: Subject, case: Case, expected: str, got: str) -> Failure:
    lines = (
        f"value = {total_code(subject, case)}",
        "print(torch.autograd.grad(value, logits, retain_graph=True)[0])",
        "print(torch.autograd.grad(value, logits)[0])",
    )
    return Failure(f"{expected}, twice", got, lines)


def _inputs_unchanged(subject: Subject, case: Case) -> Failure | None:
    runner = subject.runner
    given = runner.form.enter(runner.admitted(case).tensors()[0])
    passed = runner.forward(case)
    target = runner.form.encode(case.tensors()[1], given)
    for when in ("forward", "backward"):
        if when == "backward":
            runner.backward(passed.leaf, runner.total(case, passed.result))
        changed = _changed(given, passed.entered) or _changed(target, passed.target)
        if changed:
            return Failure(f"{changed[0]}, as before", f"{changed[1]} after {when}", _unchanged_lines(subject))
    return None


def _changed(before: torch.Tensor, after: torch.Tensor) -> tuple[str, str] | None:
    if torch.equal(before, after):
        return None
    return apart(before.double().numpy(), after.detach().double().numpy())


def _unchanged_lines(subject: Subject) -> tuple[str, ...]:
    form = subject.runner.form
    given = "logits.clone()" if form.inputs == "logits" else form.code_of_input("logits")
    return (
        f"given = {given}; before = given.detach().clone(), target.clone()",
        f"{replace(form, writes=False).code('given', entered=True)}.sum().backward()",
        "print(torch.equal(given, before[0]), torch.equal(target, before[1]))",
    )


def _fine_enough(subject: Subject) -> str | None:
    rounds = subject.precision in HALVES
    return f"it computes in {subject.precision}, too coarse for differences" if rounds else None


def _batch(subject: Subject) -> Iterator[Case]:
    yield subject.random(8, 8)


def _deterministic(subject: Subject, case: Case) -> Failure | None:
    value, gradient = subject.runner.raw(case), subject.runner.gradient(case)
    call = subject.runner.form.code()
    for _ in range(REPEATS):
        again, again_gradient = subject.runner.raw(case), subject.runner.gradient(case)
        if not np.array_equal(value, again, equal_nan=True):
            return _unlike(subject, float(value.sum()), float(again.sum()), f"{call}.sum().item()")
        if not np.array_equal(gradient, again_gradient, equal_nan=True):
            code = f"torch.autograd.grad({call}.sum(), logits)[0].sum().item()"
            return _unlike(subject, float(gradient.sum()), float(again_gradient.sum()), code)
    return None


def _unlike(subject: Subject, before: float, after: float, code: str) -> Failure:
    return Failure(f"{before!r}, every time", f"{after!r} on a later call",
                   (f"print({{{code} for _ in range({REPEATS})}})",))  # fmt: skip


PROPERTIES = (
    Property("finite_differences", "the gradient is the slope of the value (float64)", "T26",
             _small, _finite_differences, _fine_enough),
    Property("double_backward", "the gradient has the right derivative (Hessian products)", "T26",
             _one_row, _double_backward, _fine_enough),
    Property("reuse", "a second backward through the same graph gives the same gradient", "T25", _small, _reuse),
    Property("inputs_unchanged", "logits and targets are as before, after forward and after backward", "T25",
             _small, _inputs_unchanged),
    Property("deterministic", "the same input gives the same bits every time", "T34", _batch, _deterministic),
)  # fmt: skip
