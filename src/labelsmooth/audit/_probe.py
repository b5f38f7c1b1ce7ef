"""Find out how a loss is called, by calling it: form, class count, reduction, precision."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch

from .._checks import UsageError
from ._case import Case, random_case
from ._design_fits import consistent
from ._forms import Form, Loss, all_forms, pick, settled
from ._load import LoadedLoss
from ._recipe import class_counts, ignore_candidates, recipe_of
from ._reference import close
from ._runner import LossRaised, Runner
from ._target import Points, draw, recover

USUAL_COUNT = 10
OTHER_COUNTS = (5, 3, 2, 4, 100, 1000)
MOST_LABELS = 12
ROWS = 3
TOLERANCES = {"": 1e-7, "float32": 3e-5, "float16": 5e-3, "bfloat16": 4e-2}  # by what the loss computes in;
# a float64 loss may still hold its target in float32
TARGET_NAMES = ("y_true", "target", "targets", "label", "labels", "truth", "gt", "y")


@dataclass(frozen=True)
class Trial:
    """A form that ran: what its gradients say, for choosing between forms."""

    runner: Runner
    num_classes: int
    precision: str
    tolerance: float
    points: Points
    fits: bool
    shift_invariant: bool

    @cached_property
    def design(self) -> tuple[str, str] | None:
        return None if self.fits else consistent(self.points, 10 * self.tolerance)

    @property
    def evidence(self) -> tuple[bool, bool, bool]:
        logits = self.runner.form.inputs == "logits"
        return self.fits, self.design is not None, logits and self.shift_invariant

    @property
    def why(self) -> str:
        """The evidence in words."""
        if self.fits:
            return "its gradient is softmax − target in this form"
        if self.design is not None:
            return f"it has the values of a {self.design[0]} loss in this form"
        known = "it depends on the classes and a shift of the logits changes nothing"
        return known if self.evidence[2] else "the first form in which it depends on the classes"


def labels_for(loss: Loss, num_classes: int) -> tuple[int, ...]:
    """The classes to try: at most 12, spread out, and none that the loss ignores."""
    ignored = ignore_candidates(loss, recipe_of(loss))
    usable = [k for k in range(num_classes) if k not in ignored]
    spread = np.linspace(0, len(usable) - 1, min(MOST_LABELS, len(usable))).round().astype(int)
    return tuple(dict.fromkeys(usable[i] for i in spread))


def _first_call(loss: Loss, form: Form, case: Case) -> Form:
    """The form with the output that holds the loss; LossRaised where there is none."""
    logits, labels = case.tensors()
    entered = form.enter(logits.requires_grad_())
    before = entered.detach().clone()
    try:
        found = pick(form.call(loss, entered, form.encode(labels, entered)), len(labels), entered.shape[-1])
    except Exception as error:  # anyone's code runs here, in a form it may not be written for
        raise LossRaised(error) from error
    if found is None:
        raise LossRaised(TypeError("returned no differentiable number, and no row of them"))
    return settled(form, found[0], not torch.equal(before, entered))


def _depends_on_labels(runner: Runner, case: Case) -> bool:
    other = Case(case.logits, np.roll(case.labels, 1), case.dtype)
    return not np.array_equal(runner.raw(case), runner.raw(other), equal_nan=True)


def precision_of(runner: Runner, case: Case) -> str:
    """The narrower type the loss computes in, whatever it is given; empty where float64 digits count."""
    fine = Case(case.logits * 1.2345678901, case.labels)
    for dtype in ("bfloat16", "float16", "float32"):
        if np.array_equal(runner.raw(fine), runner.raw(replace(fine, dtype=dtype).rounded())):
            return dtype
    return "float32" if runner.widest == "float32" else ""


def reduction_of(runner: Runner, case: Case) -> str:
    """mean, sum, none or other, from the shape and from what copies of one row do to its gradient."""
    if runner.forward(case).result.numel() == len(case.labels):
        return "none"
    one, copies = case.rows([0]), case.rows([0] * ROWS)
    ratio = np.abs(runner.raw_gradient(copies).sum(0)).sum() / np.abs(runner.raw_gradient(one)).sum()
    return next((name for name, value in (("mean", 1), ("sum", ROWS)) if abs(ratio - value) < 1e-3), "other")


def _try(loss: Loss, form: Form, num_classes: int, labels: tuple[int, ...], widest: str) -> Trial:
    case = random_case(1, ROWS, num_classes, labels)
    case = Case(case.logits, np.resize(labels[:2], ROWS), widest)
    runner = Runner(loss, _first_call(loss, form, case), widest=widest)
    if not np.isfinite(runner.raw(case)).all():
        raise LossRaised(ValueError("gave NaN or infinity"))
    if not _depends_on_labels(runner, case):
        raise LossRaised(ValueError("the result does not depend on the target"))
    if not np.abs(runner.raw_gradient(case)).sum() > 0:
        raise LossRaised(ValueError("the gradient is zero"))
    runner = Runner(loss, runner.form, reduction_of(runner, case), widest=widest)
    return _judged(runner, num_classes, labels[:3], precision_of(runner, case))


def _judged(runner: Runner, num_classes: int, labels: tuple[int, ...], precision: str) -> Trial:
    tolerance = TOLERANCES[precision]
    points = draw(runner, num_classes, labels)
    target = recover(points, tolerance)
    fits = target.fixed and target.points_at_label and target.mass.min() > 1e-6
    case = Case(points.logits, points.labels)
    shifted = case.with_logits(points.logits + 7)
    invariant = close(runner.value(shifted), runner.value(case), 10 * tolerance)
    return Trial(runner, num_classes, precision, tolerance, points, fits, invariant)


def _target_first(loss: Loss) -> bool:
    """True where the names of the parameters say that the target comes first (Keras' order)."""
    inner = loss.loss if isinstance(loss, LoadedLoss) else loss
    try:
        names = list(inspect.signature(getattr(inner, "forward", inner)).parameters)
    except (TypeError, ValueError):
        return False
    return len(names) > 1 and names[0].lower() in TARGET_NAMES and names[1].lower() not in TARGET_NAMES


def _attempts(loss: Loss, num_classes: int, target_first: bool, refused: dict[str, str]) -> Iterator[Trial]:
    labels = labels_for(loss, num_classes)
    for form in all_forms(target_first):
        for widest in ("float64", "float32"):
            try:
                yield _try(loss, form, num_classes, labels, widest)
            except LossRaised as error:
                refused.setdefault(str(form), str(error))
            else:
                break


def _refusal(name: str, refused: dict[str, str]) -> UsageError:
    told = "\n".join(f"  {form}: {reason}" for form, reason in list(refused.items())[:6])
    return UsageError(
        f"{name} could not be called as a classification loss; expected a callable that takes scores (N, K) and a "
        f"target, and returns a differentiable number. What was tried, and what came:\n{told}\n"
        "If it needs a certain class count, pass num_classes (--num-classes); if it needs arguments, pass "
        "--arg name=value"
    )


def best_trial(loss: Loss, name: str, num_classes: int | None) -> Trial:
    """The form with the best evidence, at the first class count at which any form runs."""
    told = [num_classes] if num_classes else class_counts(loss) or [USUAL_COUNT]
    counts = told if num_classes else list(dict.fromkeys([*told, USUAL_COUNT, *OTHER_COUNTS]))
    refused: dict[str, str] = {}
    for count in counts:
        trials: list[Trial] = []
        for target_first in (_target_first(loss), not _target_first(loss)):
            for trial in _attempts(loss, count, target_first, refused):
                trials.append(trial)
                if trial.fits:
                    return trial
            if any(any(trial.evidence) for trial in trials):
                break
        if trials:
            return max(trials, key=lambda trial: trial.evidence)
    raise _refusal(name, refused)
