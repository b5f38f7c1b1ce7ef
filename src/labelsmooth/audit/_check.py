"""The audit itself: find out how a loss is called and what it trains against, then try every property."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from .._checks import UsageError
from ._case import Case
from ._convention import Evidence, Finding, find
from ._designs import DESIGNS
from ._forms import Loss
from ._load import LoadedLoss, Recipe
from ._probe import Trial, best_trial, labels_for
from ._recipe import Handle, array_lengths, class_counts, completed, handle_of, ignore_candidates, recipe_of
from ._report import AuditReport, PropertyResult
from ._runner import LossRaised, Runner
from ._snippet import source_lines
from ._subject import Subject
from ._target import Target, draw, recover
from .properties import all_properties, property_names

OTHER_COUNT = 6


def _name_of(loss: Any) -> str:
    if isinstance(loss, LoadedLoss):
        return loss.name
    recipe = recipe_of(loss)
    if recipe is None:
        return " ".join(repr(loss).split())
    arguments = ", ".join(f"{name}={_short(value)}" for name, value in recipe.arguments.items())
    return f"{recipe.attribute}({arguments})" if arguments or recipe.is_class else recipe.attribute


def _short(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def _own_copy(loss: Loss) -> Loss:
    """A copy of a module, so that whatever state it keeps is left alone."""
    inner = loss.loss if isinstance(loss, LoadedLoss) else loss
    if not isinstance(inner, torch.nn.Module):
        return loss
    try:
        copied = copy.deepcopy(inner)
    except Exception:  # a module that cannot be copied is audited itself
        return loss
    return replace(loss, loss=copied) if isinstance(loss, LoadedLoss) else copied


def _row_weights(trial: Trial, labels: tuple[int, ...]) -> tuple[float, ...] | None:
    """How much a row of each class counts in a mean, from batches of two; None where all count the same."""
    runner, num_classes = trial.runner, trial.num_classes
    if runner.reduction != "mean":
        return None
    rng = np.random.default_rng(2)
    logits, weights = np.round(rng.normal(0, 2, (2, num_classes)), 2), np.ones(num_classes)
    for label in labels[1:]:
        pair = Case(logits, np.array([labels[0], label]))
        one, other, both = (float(runner.raw(c)[0]) for c in (pair.rows([0]), pair.rows([1]), pair))
        weights[label] = (both - one) / (other - both) if other != both else np.nan
    near = {"": 1e-5, "float32": 1e-3}.get(trial.precision, 0.1)
    plain = np.allclose(weights, 1, rtol=near) or not (np.isfinite(weights).all() and (weights > 0).all())
    return None if plain else tuple(weights.tolist())


def _ignored(loss: Loss, runner: Runner, num_classes: int, label: int) -> int | None:
    """The first candidate the loss takes as a label without raising."""
    if not runner.form.takes_indices:
        return None
    for index in ignore_candidates(loss, recipe_of(loss)):
        case = Case(np.zeros((2, num_classes)), np.array([label, index]))
        try:
            runner.raw(case)
        except LossRaised:
            continue
        return index
    return None


def _elsewhere(runner: Runner, trial: Trial, labels: tuple[int, ...]) -> Target | None:
    """The target at another class count; None where the loss does not take one."""
    try:
        few = tuple(label for label in labels if label < OTHER_COUNT)[:3]
        return recover(draw(runner, OTHER_COUNT, few), trial.tolerance)
    except (LossRaised, ValueError):
        return None


def _faithful(loss: Any, recipe: Recipe) -> bool:
    """True where the loss made again from its attributes holds the same attributes."""
    try:
        again = recipe.build()
    except Exception:  # the user's constructor may want something else than it keeps
        return False
    plain = (bool, int, float, str, type(None))
    held = ({k: v for k, v in vars(one).items() if isinstance(v, plain)} for one in (loss, again))
    return next(held) == next(held)


def _working_handle(loss: Loss, runner: Runner, handle: Handle | None, case: Case) -> Handle | None:
    """The handle, if what it builds is this loss again, and (for a name like eps) if it moves the gradient."""
    if handle is None or handle.amount is None:
        return handle if handle is not None and handle.certain else None
    try:
        same, other = (replace(runner, loss=handle.build(a)) for a in (handle.amount, handle.amount / 2 + 0.2))
        again = np.allclose(same.gradient(case), runner.gradient(case), rtol=1e-6, atol=1e-9)
        moved = not np.array_equal(other.gradient(case), runner.gradient(case))
    except Exception:  # building another loss runs the user's constructor, which may refuse
        return None
    return handle if again and (moved or handle.certain) else None


def _designed(name: str | None) -> dict[str, str]:
    if name is None:
        return {}
    if name not in DESIGNS:
        raise UsageError(f"design must be one of {list(DESIGNS)}; got {name!r}")
    return {prop: f"by design ({name}): {reason}" for prop, reason in DESIGNS[name].waives.items()}


def _waivers(waive: Iterable[str], design: str | None) -> dict[str, str]:
    named, known = [waive] if isinstance(waive, str) else list(waive), property_names()
    unknown = [name for name in named if name not in known]
    if unknown:
        hint = "several are given with spaces between them; " if "," in unknown[0] else ""
        raise UsageError(f"no property {unknown[0]!r} to waive; {hint}there are: {', '.join(known)}")
    return {**_designed(design), **dict.fromkeys(named, "by name")}


def _subject(loss: Loss, name: str, num_classes: int | None, design: str | None) -> Subject:
    recipe = recipe_of(loss)
    if recipe is not None and not isinstance(loss, LoadedLoss) and recipe.is_class and not _faithful(loss, recipe):
        recipe = None
    told = class_counts(loss)
    loss, recipe, filled = completed(loss, recipe, num_classes or (told or [10])[0])
    trial = best_trial(loss, name, num_classes)
    count = trial.num_classes
    labels = labels_for(loss, count)
    weights = _row_weights(trial, labels)
    runner = replace(trial.runner, row_weights=weights)
    bound = num_classes is not None or count in told or weights is not None
    elsewhere = None if bound else _elsewhere(runner, trial, labels)
    points = draw(runner, count, labels)
    target = recover(points, trial.tolerance)
    handle = _working_handle(loss, runner, handle_of(recipe), Case(points.logits[:1], points.labels[:1]))
    amount = None if handle is None else handle.amount
    finding = find(Evidence(points, target, elsewhere, amount, trial.tolerance))
    return Subject(
        name=name + filled, source=source_lines(recipe, name), runner=runner, why=trial.why, num_classes=count,
        free_classes=elsewhere is not None, tied=count in array_lengths(loss), labels=labels,
        ignore_index=_ignored(loss, runner, count, labels[0]), handle=handle, tolerance=trial.tolerance,
        precision=trial.precision,        points=points, target=target, finding=finding, design=design,
    )  # fmt: skip


def _waived(result: PropertyResult, waivers: dict[str, str]) -> PropertyResult:
    reason = waivers.get(result.name)
    if reason is None or result.status not in ("fail", "error"):
        return result
    return replace(result, status="waived", explanation=f"waived {reason}")


def _reported(subject: Subject, results: list[PropertyResult]) -> AuditReport:
    finding: Finding = subject.finding
    target = subject.target.q / subject.target.mass[:, None] if subject.fixed else None
    told = {"mean": "the mean over rows", "sum": "the sum over rows", "none": "a loss for each row"}
    precision = f" (computed in {subject.precision}, whatever it is given)" if subject.precision else ""
    return AuditReport(
        loss=subject.name,
        called_as=str(subject.runner.form),
        why=subject.why,
        reduction=told.get(subject.runner.reduction, "neither the mean nor the sum over rows") + precision,
        num_classes=subject.num_classes,
        convention=finding.name,
        smoothing=finding.smoothing,
        standard_error=finding.standard_error,
        finding=finding.sentence,
        design=finding.design,
        target_labels=subject.target.labels,
        target=None if target is None else tuple(tuple(float(v) for v in row) for row in target),
        properties=tuple(results),
    )


def check(
    loss: Loss, *, waive: Iterable[str] = (), design: str | None = None, num_classes: int | None = None
) -> AuditReport:
    """Find out what a loss does, and try every property of a smoothed cross-entropy on it.

    The loss is called with scores (N, K) and targets in the forms found in the wild (logits, log-probabilities or
    probabilities; indices, probabilities or (N, 1) indices; a tensor, tuple or dict back) until one behaves like a
    classification loss. Its net target is read off its gradient: q = m·softmax(z) − ∂loss/∂z. Runs on the CPU, in
    float64 where the loss allows; a module is copied first, and no global state is left changed.

    Args:
        loss: a module, a function, a `functools.partial`, or what `load_loss` returned.
        waive: names of properties that may fail (`property_names()`).
        design: a documented design (`design_names()`), which waives what it gives up; its values are then checked
            against its formula (`matches_design`).
        num_classes: the class count to audit at, and no other; found by trying when left out.

    Raises:
        UsageError: the loss cannot be called in any form, needs an argument, or a name is unknown.

    >>> import torch
    >>> from labelsmooth.audit import check
    >>> report = check(torch.nn.CrossEntropyLoss(label_smoothing=0.1))
    >>> report.convention, round(report.smoothing, 6), report["masked_logits_finite"].status
    ('uniform', 0.1, 'fail')

    Source: Szegedy et al. 2016, section 7 (the smoothed target); the properties are derived in docs/audit.md.
    """
    waivers = _waivers(waive, design)
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]), torch.enable_grad():
        warnings.simplefilter("ignore")
        subject = _subject(_own_copy(loss), _name_of(loss), num_classes, design)
        results = [_waived(entry.run(subject), waivers) for entry in all_properties()]
    return _reported(subject, results)
