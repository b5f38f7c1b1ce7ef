"""What the arithmetic must stand: masked logits, confident rows, half precision, huge logits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch

from .._case import Array, Case, make
from .._property import (
    Failure,
    Property,
    first,
    has_fixed_target,
    raw_gradient_line,
    raw_line,
    takes_logits,
)
from .._reference import cross_entropy, entropy, others_than, softmax
from .._snippet import apart, shown
from .._subject import HALVES, Subject

GAPS = {"float32": (20.0, 16.0, 12.0, 8.0, 4.0), "float64": (28.0, 20.0, 12.0)}
HALF_GAPS = (10.0, 8.0, 6.0, 4.0)
LARGE = (1e4, 1e10, 1e30)


def _masked_cases(subject: Subject) -> Iterator[Case]:
    for num_classes in subject.class_counts:
        case = subject.random(11, 2, num_classes)
        for masked in (1, num_classes - 1):
            logits = case.logits.copy()
            for row, label in enumerate(case.labels):
                others = [k for k in range(num_classes) if k != label]
                logits[row, others[:masked]] = -np.inf
            yield case.with_logits(logits)


def _masked(subject: Subject, case: Case) -> Failure | None:
    masked = np.isneginf(case.logits)
    if masked[np.arange(len(case.labels)), case.labels].any():
        return None
    value = subject.runner.raw(case)
    if not np.isfinite(value).all():
        return Failure("a finite loss: the mass goes to the other classes", shown(value),
                       (raw_line(subject, direct=True),), direct=True)  # fmt: skip
    gradient = subject.runner.raw_gradient(case, direct=True)
    if np.isfinite(gradient).all() and not gradient[masked].any():
        return None
    return Failure("a finite gradient, exactly 0 at −inf", f"gradient {shown(gradient)}",
                   (raw_gradient_line(subject, direct=True),), direct=True)  # fmt: skip


def _confident_cases(subject: Subject) -> Iterator[Case]:
    gaps = {kind: gaps for kind, gaps in GAPS.items() if kind == "float32" or subject.tolerance < 1e-6}
    for num_classes in subject.class_counts:
        label = subject.labels_of(num_classes)[0]
        for dtype, sizes in {**gaps, **dict.fromkeys(subject.halves, HALF_GAPS)}.items():
            for gap in sizes:
                logits = np.zeros((1, num_classes))
                logits[0, label] = gap
                yield Case(logits, np.array([label]), dtype)


def _unit(values: Array, dtype: str) -> Array:
    """One unit in the last place of a half type, at these values."""
    info = torch.finfo(getattr(torch, dtype))
    exponent = np.floor(np.log2(np.maximum(np.abs(values), info.tiny)))
    return info.eps * 2.0**exponent


def _gate(expected: float, wrong: float, dtype: str) -> float:
    if dtype == "float32":
        return 16 * 2.0**-24 * max(abs(expected), wrong)
    return 1e-12 * max(abs(expected), wrong) if dtype == "float64" else float(_unit(np.array(expected), dtype))


def _true_gradient(subject: Subject, case: Case) -> tuple[float, float]:
    """The gradient of the true class, m(p_y − 1) + Σ of the target's other entries, and 1 − p_y."""
    label = int(case.labels[0])
    rough = subject.tolerance > 1e-6 and not subject.weighted
    mass = 1.0 if rough else subject.target_at(case.num_classes).row(label)[0]
    wrong = others_than(case.logits[0], label)
    given = subject.off_class(label, case.num_classes) or 0.0
    return (given - mass * wrong) / subject.runner.weight(case.labels), wrong


def _known_to_the_last_digit(subject: Subject) -> str | None:
    if subject.precision in HALVES:
        return f"it computes in {subject.precision}, which keeps no such digits"
    known = subject.off_class(subject.labels[0], subject.num_classes) is not None
    known = known and (subject.finding.name == "hard" or not subject.weighted or subject.tolerance < 1e-6)
    return None if known else "it computes in float32 only: its target is not known to the last digit"


def _confident(subject: Subject, case: Case) -> Failure | None:
    label = int(case.labels[0])
    expected, wrong = _true_gradient(subject, case.rounded() if case.dtype in subject.halves else case)
    got = float(subject.runner.raw_gradient(case)[0, label])
    if abs(got - expected) <= _gate(expected, wrong, case.dtype):
        return None
    line = f"print(torch.autograd.grad({subject.runner.form.code()}.sum(), logits)[0][0, {label}].item())"
    off = f" ({abs(got / expected - 1):.1g} of it off, {case.dtype})" if expected else ""
    return Failure(f"{expected:.8g}, the gradient of the true class", f"{got:.8g}{off}", (line,))


def _takes_halves(subject: Subject) -> str | None:
    return None if subject.halves else "it refuses float16 and bfloat16"


def _ordinary_batch(subject: Subject) -> Iterator[Case]:
    """128 rows of 100 classes, as a network in training gives them: one class ahead, all of them close to it."""
    num_classes = 100 if subject.free_classes else subject.num_classes
    labels = subject.labels_of(num_classes)
    for dtype in subject.halves:
        ahead = np.zeros((128, num_classes))
        ahead[:, labels[0]] = 6
        yield Case(ahead, np.full(128, labels[0]), dtype)
        rng = np.random.default_rng(128)
        yield Case(np.round(rng.normal(0, 3, ahead.shape)), rng.choice(labels, 128), dtype)


def _half_finite(subject: Subject, case: Case) -> Failure | None:
    value = subject.runner.raw(case)
    size = f"{case.dtype}, {len(case.labels)} rows of {case.num_classes} classes"
    if not np.isfinite(value).all():
        return Failure(f"a finite loss ({size})", shown(value), (raw_line(subject, direct=True),), direct=True)
    gradient = subject.runner.raw_gradient(case, direct=True)
    if np.isfinite(gradient).all():
        return None
    return Failure(f"a finite gradient ({size})", f"gradient {shown(gradient)}",
                   (raw_gradient_line(subject, direct=True),), direct=True)  # fmt: skip


def _half_cases(subject: Subject) -> Iterator[Case]:
    for dtype in reversed(subject.halves):
        for num_classes in subject.class_counts:
            label = subject.labels_of(num_classes)[0]
            for ahead in (4.0, 2.0):
                yield make([[ahead * (k == label) for k in range(num_classes)]], [label], dtype)
            for rows, scale in ((1, 1.0), (4, 2.0)):
                yield subject.random(13 + rows, rows, num_classes, scale, dtype)


def _both(subject: Subject, case: Case) -> list[tuple[Array, Array, torch.dtype]]:
    """Value, gradient and result type, in the half type and, from the same numbers, in the widest."""
    logits, labels = case.tensors()
    given = subject.runner.form.enter(logits)
    found = []
    for dtype in (given.dtype, getattr(torch, subject.runner.widest)):
        passed = subject.runner.passed(given.detach().to(dtype).requires_grad_(), labels, entered=True)
        gradient = subject.runner.backward(passed.leaf, passed.result.sum())
        value = passed.result.detach().double().reshape(-1).numpy()
        found.append((value, gradient, passed.result.dtype))
    return found


def _half_accuracy(subject: Subject, case: Case) -> Failure | None:
    (value, gradient, returned), (true_value, true_gradient, _) = _both(subject, case)
    half = str(returned).removeprefix("torch.") in subject.halves
    allowed = _unit(true_value, case.dtype) if half else 2e-6 * (1 + np.abs(true_value))
    if not (np.abs(value - true_value) <= allowed).all():
        off = float(np.nanmax(np.abs(value - true_value) / np.maximum(np.abs(true_value), 1e-300)))
        return Failure(f"{shown(true_value)} within one unit of the type returned", f"{shown(value)} ({off:.1%} off)",
                       (raw_line(subject, direct=True),), direct=True)  # fmt: skip
    slack = float(torch.finfo(getattr(torch, case.dtype)).tiny) * 2.0**-10 + 1e-7 * np.abs(true_gradient).max()
    if (np.abs(gradient - true_gradient) <= _unit(true_gradient, case.dtype) + slack).all():
        return None
    return Failure(f"gradient {shown(true_gradient)} within one unit of {case.dtype}", f"gradient {shown(gradient)}",
                   (raw_gradient_line(subject, direct=True),), direct=True)  # fmt: skip


def _large_cases(subject: Subject) -> Iterator[Case]:
    labels, num_classes = subject.labels, subject.num_classes
    for size in LARGE:
        for label, sign in ((labels[0], 1), (labels[1], 1), (labels[0], -1)):
            logits = np.zeros((1, num_classes))
            logits[0, labels[0]] = sign * size
            yield make(logits, [label], "float32")


def _true_value(subject: Subject, case: Case) -> float:
    """The sum over rows of the cross-entropy (or KL) with the target found."""
    mass, q = subject.target_at(case.num_classes).rows(case.labels)
    q = np.where(np.abs(q) < subject.tolerance, 0.0, q)
    floor = entropy(q / mass[:, None]) * mass if subject.is_kl else 0.0
    return float((cross_entropy(case.logits, q, mass) - floor).sum())


def _large(subject: Subject, case: Case) -> Failure | None:
    value, gradient = subject.runner.value(case), subject.runner.gradient(case)
    if not np.isfinite(value) or not np.isfinite(gradient).all():
        return Failure("a finite loss and gradient", f"{shown(value)}, gradient {shown(gradient)}",
                       (raw_line(subject), raw_gradient_line(subject)))  # fmt: skip
    if not (subject.is_kl or subject.is_cross_entropy):
        return None
    expected = _true_value(subject, case)
    mass, q = subject.target_at(case.num_classes).rows(case.labels)
    true_gradient = mass[:, None] * softmax(case.logits) - q
    near = max(1e-5, 30 * subject.tolerance)
    if abs(value - expected) > near * (1 + abs(expected)):
        return Failure(*apart(expected, value), (raw_line(subject),))
    if np.abs(gradient - true_gradient).max() <= near:
        return None
    return Failure(f"gradient {shown(true_gradient)}", f"gradient {shown(gradient)}", (raw_gradient_line(subject),))


def _takes_large(subject: Subject) -> str | None:
    probabilities = subject.runner.form.inputs == "probabilities"
    return "it takes probabilities, which hold no large logits" if probabilities else None


def _rounds(subject: Subject) -> bool:
    return subject.precision in HALVES


def _precision(subject: Subject, case: Case) -> Failure | None:
    """Judged when the loss was probed: digits beyond a half type made no difference to it."""
    if not _rounds(subject):
        return None
    values = [subject.runner.value(one) for one in (case, replace(case, dtype=subject.precision).rounded())]
    lines = (raw_line(subject), f"logits = logits.{_HALF_METHODS[subject.precision]}().double()", raw_line(subject))
    told = f"{values[0]!r} for both: rounded to {subject.precision}"
    return Failure("another loss for logits that differ", told, lines)


def _unrounded(subject: Subject) -> Iterator[Case]:
    yield make(np.round(np.arange(subject.num_classes)[None] * 0.7001, 4), [subject.labels[0]])


_HALF_METHODS = {"float16": "half", "bfloat16": "bfloat16"}

PROPERTIES = (
    Property("masked_logits_finite", "a −inf logit (a masked class) leaves the loss finite, with gradient 0 there",
             "T1, T2",
             _masked_cases, _masked),
    Property("confident_gradient", "the gradient of a near-certain true class keeps its digits (p_y − 1 not cancelled)",
             "T19", _confident_cases, _confident, first(takes_logits, has_fixed_target, _known_to_the_last_digit)),
    Property("half_precision_finite", "float16 and bfloat16 give finite loss and gradient at 128 × 100", "T17",
             _ordinary_batch, _half_finite, _takes_halves),
    Property("half_precision_accuracy", "in float16 and bfloat16, loss and gradient are right to one unit", "T18",
             _half_cases, _half_accuracy, _takes_halves),
    Property("precision_kept", "float32 and float64 are not rounded to a half type inside", "T18",
             _unrounded, _precision, shrinks=False),
    Property("large_logits", "logits of 1e4 to 1e30 give the right, finite loss", "T36",
             _large_cases, _large, _takes_large),
)  # fmt: skip
