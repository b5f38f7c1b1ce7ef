"""What smoothing adds: the ε asked for, linear, back to hard cross-entropy at 0, above the target's entropy."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .._case import Array, Case, make
from .._design_fits import FITS
from .._designs import DESIGNS
from .._property import Failure, Property, first, gradient_line, has_fixed_target, has_handle, total_code
from .._reference import close, cross_entropy, entropy, one_hot, softmax
from .._runner import LossRaised, Runner
from .._snippet import apart, shown, source_lines
from .._subject import Subject
from .._target import draw, recover

TRIPLES = ((0.0, 0.25, 0.5), (0.1, 0.2, 0.3))


def _zeros(subject: Subject) -> Iterator[Case]:
    yield make(np.zeros((1, subject.num_classes)), [subject.labels[0]])


def _two_rows(subject: Subject) -> Iterator[Case]:
    for num_classes in subject.class_counts:
        yield subject.random(31, 2, num_classes, scale=2)


def _no_amount(subject: Subject) -> str | None:
    if subject.handle is None or subject.handle.amount is None:
        return "no number was given for ε, so there is none to meet"
    return None if subject.finding.smoothing is not None else "the target found has no single ε"


def _no_single_amount(subject: Subject) -> str | None:
    many = subject.finding.name == "class_matrix"
    return "a class matrix may keep a part of ε on the class itself: no single ε to compare" if many else None


def _as_given(subject: Subject, case: Case) -> Failure | None:
    handle, found = subject.handle, subject.finding.smoothing
    if handle is None or handle.amount is None or found is None:
        return None
    near = 10 * subject.tolerance * (1 + handle.amount)
    moved = float(np.mean([1 - row[label] / m for label in subject.labels for m, row in [subject.target.row(label)]]))
    if abs(found - handle.amount) <= near or (subject.finding.name == "prior" and abs(moved - handle.amount) <= near):
        return None
    twice = 1 - (1 - handle.amount) ** 2
    note = ", as if applied twice" if abs(found - twice) < 1e-6 else ""
    told = f" ({handle.name}={handle.amount:g}, found {found:.4g}{note})"
    return Failure(f"ε = {handle.amount:.4g} in some convention", f"{subject.finding.sentence}{note}",
                   (gradient_line(subject, case),), note=told)  # fmt: skip


def _amounts(subject: Subject) -> tuple[float, float, float] | None:
    """Three evenly spaced net amounts that the loss takes, as its own argument."""
    return subject.cached("amounts", lambda: next((triple for triple in TRIPLES if _runs(subject, triple)), None))


def _runs(subject: Subject, triple: tuple[float, float, float]) -> bool:
    case = subject.random(32, 1)
    try:
        return all(np.isfinite(_at(subject, amount).value(case)) for amount in triple)
    except LossRaised:
        return False


def _at(subject: Subject, net: float) -> Runner:
    """The loss with this net ε; ClassyVision's argument is ε/(1 − ε)."""
    return subject.at(net / (1 - net) if subject.finding.name == "classyvision" else net)


def _cannot_vary(subject: Subject) -> str | None:
    return None if _amounts(subject) else "it refuses other values of ε, so linearity cannot be tried"


def _linear(subject: Subject, case: Case) -> Failure | None:
    """The middle amount gives the middle value and gradient (the gradient alone for the KL form)."""
    amounts = _amounts(subject) or TRIPLES[0]
    low, middle, high = (_at(subject, amount) for amount in amounts)
    gradients = [runner.gradient(case) for runner in (low, middle, high)]
    expected = (gradients[0] + gradients[2]) / 2
    if not close(gradients[1], expected, 10 * subject.tolerance):
        right, came = apart(expected, gradients[1])
        return _linear_failure(subject, case, amounts, f"gradient {right}", f"gradient {came}")
    values = [runner.value(case) for runner in (low, middle, high)]
    mean = (values[0] + values[2]) / 2
    if subject.is_kl or close(values[1], mean, 10 * subject.tolerance):
        return None
    return _linear_failure(subject, case, amounts, *apart(mean, values[1]))


def _linear_failure(subject: Subject, case: Case, amounts: tuple[float, ...], expected: str, got: str) -> Failure:
    lines: list[str] = []
    for amount in amounts:
        lines += [*_remade(subject, amount), f"print({total_code(subject, case)})", gradient_line(subject, case)]
    told = f"{expected}, halfway between ε = {amounts[0]:g} and {amounts[2]:g}"
    return Failure(told, f"{got} at ε = {amounts[1]:g}", tuple(lines))


def _remade(subject: Subject, net: float) -> list[str]:
    """The lines that make the loss with this ε, as far as they differ."""
    if subject.handle is None:
        return []
    amount = net / (1 - net) if subject.finding.name == "classyvision" else net
    lines = source_lines(subject.handle.recipe(amount), f"{subject.name} with ε = {net:g}")
    return [line for line in lines if line not in subject.source]


def _at_zero(subject: Subject) -> Runner | None:
    """The loss with ε = 0: made again, or as it is where it does not smooth."""
    as_it_is = subject.runner if subject.finding.name == "hard" else None
    if subject.handle is None:
        return as_it_is
    try:
        runner = subject.at(0.0)
        runner.value(subject.random(33, 1))
    except LossRaised:
        return as_it_is
    return runner


def _no_zero(subject: Subject) -> str | None:
    if has_handle(subject) is not None and subject.finding.name != "hard":
        return has_handle(subject)
    return None if subject.cached("zero", lambda: _at_zero(subject)) is not None else "it refuses ε = 0"


def _mass_at_zero(subject: Subject, runner: Runner, labels: Array) -> Array:
    if not subject.weighted:
        return np.ones(len(labels))
    target = subject.cached(
        "mass at zero", lambda: recover(draw(runner, subject.num_classes, subject.labels), subject.tolerance)
    )
    return target.rows(labels)[0]


def _zero(subject: Subject, case: Case) -> Failure | None:
    runner = subject.cached("zero", lambda: _at_zero(subject))
    if runner is None:
        return None
    mass, target = _mass_at_zero(subject, runner, case.labels), one_hot(case.labels, case.num_classes)
    expected = float((mass * cross_entropy(case.logits, target)).sum())
    true_gradient = mass[:, None] * (softmax(case.logits) - target)
    got, gradient = runner.value(case), runner.gradient(case)
    if close(got, expected, 10 * subject.tolerance) and close(gradient, true_gradient, 10 * subject.tolerance):
        return None
    remade = [] if runner is subject.runner else _remade(subject, 0.0)
    lines = (*remade, f"print({total_code(subject, case)})", gradient_line(subject, case))
    return Failure(f"{shown(expected)}, gradient {shown(true_gradient)}", f"{shown(got)}, gradient {shown(gradient)}",
                   lines)  # fmt: skip


def _bound_cases(subject: Subject) -> Iterator[Case]:
    """At the best logits (log q), shifted, at random, and far out where a negative entry would pay."""
    for label in subject.labels[:2]:
        mass, q = subject.target.row(label)
        best = np.round(np.log(np.maximum(q / mass, 1e-12)), 12)
        far = np.where(q < -1e-9, -100.0, 0.0)
        for logits in (best, best + 30, best - 30, far, -far):
            yield make(logits[None], [label])
    yield subject.random(34, 1)


def _floor(subject: Subject, case: Case) -> float:
    mass, q = subject.target_at(case.num_classes).rows(case.labels)
    shares = np.clip(q / mass[:, None], 0, None)
    shares = np.where(shares < 1e-9, 0.0, shares)
    return 0.0 if subject.is_kl else float((mass * entropy(shares)).sum())


def _bounded(subject: Subject, case: Case) -> Failure | None:
    """Never below the floor; at it where the gradient vanishes."""
    floor, value = _floor(subject, case), subject.runner.value(case)
    near = 100 * subject.tolerance * (1 + abs(floor))
    low = value >= floor - near
    still = np.abs(subject.runner.gradient(case)).max() < 10 * subject.tolerance
    if low and (value <= floor + near or not still):
        return None
    what = "0, the floor of a KL divergence" if subject.is_kl else f"{shown(floor)}, the entropy of the target"
    told = f"{what}, where the gradient is 0" if still else f"at least {what}"
    return Failure(told, shown(value), (f"print({total_code(subject, case)})",))


def _no_design(subject: Subject) -> str | None:
    if subject.design is None:
        return "no design was named"
    known = subject.design in FITS or DESIGNS[subject.design].conventions
    return None if known else f"the design {subject.design!r} has no formula to match"


def _design_cases(subject: Subject) -> Iterator[Case]:
    points = subject.points
    match = FITS[subject.design](points) if subject.design in FITS else None
    worst = 0 if match is None else int(np.nanargmax(np.abs(match.predicted - points.losses)))
    yield Case(points.logits[worst : worst + 1], points.labels[worst : worst + 1])


def _matches_design(subject: Subject, case: Case) -> Failure | None:
    if subject.design is None:
        return None
    design, fit = DESIGNS[subject.design], FITS.get(subject.design)
    lines = (f"print({total_code(subject, case)})",)
    if fit is None:
        agrees = subject.finding.name in design.conventions
        return None if agrees else Failure(f"a target of {subject.design}", subject.finding.sentence, lines)
    match = fit(subject.points)
    if match is not None and match.error <= 100 * subject.tolerance:
        return None
    told = "no parameter comes near" if match is None else f"the nearest, {match.text}, is {match.error:.2g} off"
    return Failure(f"{design.formula}", f"{shown(subject.runner.value(case))}: {told}", lines)


PROPERTIES = (
    Property("smoothing_as_given", "the ε found is the ε asked for", "T11",
             _zeros, _as_given, first(has_fixed_target, _no_amount, _no_single_amount), shrinks=False),
    Property("linear_in_smoothing", "value and gradient are linear in ε", None,
             _two_rows, _linear, first(has_handle, _cannot_vary)),
    Property("zero_smoothing_is_cross_entropy", "with ε = 0 it is the hard cross-entropy", None,
             _two_rows, _zero, first(has_fixed_target, _no_zero)),
    Property("bounded_by_target_entropy", "never below the entropy of its target (0 for a KL form), which it reaches",
             None, _bound_cases, _bounded, has_fixed_target),
    Property("matches_design", "its values are those of the design named", None,
             _design_cases, _matches_design, _no_design, shrinks=False),
)  # fmt: skip
