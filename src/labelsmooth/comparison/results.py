"""Results: everything a comparison found, as the plain dictionary that is written to results.json and drawn."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from .._checks import UsageError
from ..calibration.two_way import TwoWay
from ..predictions import Predictions
from ._candidate import Candidate
from ._effects import effects_of, shown_classes
from ._families import resolved
from ._measured import Measured, candidate_of, measure, no_step
from ._outcome import Reason, Verdict
from ._pairing import Reader
from ._seen import Seen, look
from ._tables import curve_of, data_of, method_of, plain, reliability_of, run_of, trial_of
from ._tempered import fitted_rows
from .verdict import best_rivals, checked_min_effect, decide, exploratory, row_average
from .warnings import warnings_of

SCHEMA_VERSION = 1
STEPS = 4
_DRAWN = 4
_LISTED = 8
Histories = Mapping[str, Sequence[Sequence[Mapping[str, Any]]]]
Settings = dict[tuple[str, str], list[Measured]]


def assemble(
    predictions: Iterable[Predictions],
    *,
    histories: Histories | None = None,
    run: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    min_effect: float | None = None,
    metric: str = "nll",
    failed: Sequence[Mapping[str, str]] = (),
    holm: bool = False,
    step: Callable[[], None] = no_step,
    notes: Sequence[str] = (),
    silent: Collection[str] = (),
) -> dict[str, Any]:
    """Measure all predictions, decide, and return the content of results.json (docs/results.schema.json).

    `predictions` may be an iterator: one at a time is in memory; side effects need a sequence, from which those of the
    pair are taken a second time. Temperatures come from each file's validation split;
    if any file has none, from its test rows crosswise, which `reasons` says. `histories` gives for each method the
    epochs of its trials; `run` and `data` are copied and completed with what the predictions tell; `min_effect`,
    `metric` as in :func:`~labelsmooth.comparison.verdict.decide`; `holm` widens the exploratory intervals; `step` is
    called STEPS times for each of the predictions; `notes` go before what is found here; `silent` are codes
    of warnings to leave out.

    Without unsmoothed or without smoothed predictions among them there is no verdict: `verdict` is None and `notes` say
    why. Raises DataError when the files are not about the same rows or do not say what they are, UsageError when there
    are none.
    """
    reader = Reader()
    row_average(metric)
    checked_min_effect(min_effect)
    settings, assumed = _measured(reader, predictions, metric, step)
    candidates = [candidate_of(trials) for trials in settings.values()]
    settings = {setting: [trial.without_rows() for trial in trials] for setting, trials in settings.items()}
    notes = [*assumed, *notes, *_notes(reader, holm)]
    groups = reader.first["test"].groups
    verdict = None
    if {"hard", "smooth"} <= {candidate.family for candidate in candidates}:
        verdict = decide(
            candidates,
            groups=groups,
            min_effect=min_effect,
            metric=metric,
            forced=_forced(reader, candidates),
            notes=notes,
        )
    given = predictions if isinstance(predictions, Sequence) else None
    effects = None if verdict is None or given is None else _effects(reader, given, settings, verdict)
    intervals = {} if verdict is None else _intervals(verdict, candidates, groups, holm)
    roles = {} if verdict is None else _roles(verdict, candidates)
    found = {
        "schema_version": SCHEMA_VERSION,
        "run": run_of(run, candidates),
        "data": data_of(reader, data),
        "verdict": None if verdict is None else verdict.to_dict(),
        "notes": notes if verdict is not None else [_no_verdict(candidates), *notes],
        "methods": [
            method_of(each, _trials(settings, each), roles.get(id(each)), intervals.get(id(each)))
            for each in candidates
        ],
        "effects": effects,
        "curves": {method: curve_of(trials) for method, trials in (histories or {}).items()},
        "reliability": [
            reliability_of(role, each, _trials(settings, each)) for role, each in _drawn(verdict, candidates)
        ],
        "trials": [trial_of(trial) for each in candidates for trial in _trials(settings, each)],
        "failed": [dict(failure) for failure in failed],
    }
    done = plain(found)
    return {**done, "warnings": warnings_of(done, silent)}


def _effects(
    reader: Reader, predictions: Sequence[Predictions], settings: Settings, verdict: Verdict
) -> dict[str, Any] | None:
    """Side effects on the seeds that the pair shares; None where it shares none."""
    sides = {"hard": verdict.hard, "smooth": verdict.smooth}
    seeds = sorted(set(verdict.hard.seeds) & set(verdict.smooth.seeds))
    test = reader.first["test"]
    mapped = shown_classes(test.labels, len(reader.classes))
    trials: dict[str, list[Seen]] = {"hard": [], "smooth": []}
    for side, seed in ((side, seed) for side in sides for seed in seeds):
        trial = next(each for each in _trials(settings, sides[side]) if each.identity.seed == seed)
        place = reader.places[*trial.identity.setting, seed]
        splits = reader.aligned(trial.identity, predictions[place])
        trials[side].append(look(splits, trial.tempered, mapped))
    return effects_of(trials, test.labels, reader.classes, test.groups, mapped) if seeds else None


def _intervals(
    verdict: Verdict, candidates: list[Candidate], groups: np.ndarray | None, holm: bool
) -> dict[int, TwoWay | None]:
    """The interval of H* against each other candidate."""
    others = [candidate for candidate in candidates if candidate is not verdict.hard]
    intervals = exploratory(verdict.hard, others, groups=groups, holm=holm)
    return {id(candidate): interval for candidate, interval in zip(others, intervals, strict=True)}


def _roles(verdict: Verdict, candidates: list[Candidate]) -> dict[int, str]:
    """The pair that decides, and the best setting of each rival."""
    rivals = {id(candidate): "rival" for candidate in best_rivals(candidates)}
    return {**rivals, id(verdict.hard): "hard", id(verdict.smooth): "smooth"}


def _drawn(verdict: Verdict | None, candidates: list[Candidate]) -> list[tuple[str, Candidate]]:
    """The candidates whose reliability is drawn, and in which role."""
    if verdict is None:
        return [("other", candidate) for candidate in candidates[:_DRAWN]]
    return [("hard", verdict.hard), ("smooth", verdict.smooth)]


def _no_verdict(candidates: list[Candidate]) -> str:
    """Why nothing is decided, and what to give."""
    methods = list(dict.fromkeys(candidate.method for candidate in candidates))
    if len(methods) == 1:
        return (
            f"no verdict: {methods[0]!r} is the only model, and a verdict needs a second one, one of the two trained "
            "with smoothed labels"
        )
    families = {"hard": "unsmoothed", "smooth": "smoothed", "rival": "a rival"}
    each = {families[candidate.family] for candidate in candidates}
    missing = [families[name] for name in ("hard", "smooth") if families[name] not in each]
    return (
        f"no verdict: it compares unsmoothed with smoothed models, and there is no {' and no '.join(missing)} one; "
        "hard=FILE says which are unsmoothed where the files do not"
    )


def _trials(settings: Settings, candidate: Candidate) -> list[Measured]:
    return settings[candidate.method, candidate.checkpoint]


def _measured(
    reader: Reader, predictions: Iterable[Predictions], metric: str, step: Callable[[], None]
) -> tuple[Settings, list[str]]:
    """Trials by method and checkpoint, in the order in which their first one came, and what had to be assumed."""
    settings: Settings = {}
    for identity, splits, epoch in reader.read(predictions):
        step()
        settings.setdefault(identity.setting, []).append(measure(identity, splits, metric, epoch, step))
    if not settings:
        raise UsageError("there are no predictions to compare; give at least one hard and one smoothed model")
    trials = [trial for each in settings.values() for trial in each]
    families, assumed = resolved((trial.identity.method, trial.identity.family) for trial in trials)
    known = {setting: [_in_family(trial, families) for trial in each] for setting, each in settings.items()}
    return known, [assumed] if assumed else []


def _in_family(trial: Measured, families: dict[str, str]) -> Measured:
    return replace(trial, identity=replace(trial.identity, family=families[trial.identity.method]))


def _forced(reader: Reader, candidates: list[Candidate]) -> list[Reason]:
    """Without validation rows a choice among several settings would be made on the rows that are reported."""
    families = [candidate.family for candidate in candidates]
    crowded = [family for family in ("hard", "smooth") if families.count(family) > 1]
    if "val" in reader.first or not crowded:
        return []
    found = f"no validation split, and several {' and several '.join(crowded)} settings to choose from"
    return [Reason("chosen on test", found, "add validation rows to the predictions")]


def _notes(reader: Reader, holm: bool) -> list[str]:
    notes = []
    if "val" not in reader.first:
        part = fitted_rows(*reader.size)
        some = f", fitted on {part} rows drawn from them" if part < reader.size[0] else ""
        notes.append(
            "temperature crosswise: there is no validation split, so each fifth of the test rows got the temperature "
            f"of the other four{some} (a group is whole in one fifth)"
        )
    if reader.first["test"].groups is not None:
        notes.append("rows of one group are averaged first, so the verdict's NLL can differ a little from the table's")
    present = np.bincount(reader.first["test"].labels, minlength=len(reader.classes)) > 0
    if absent := [name for name, there in zip(reader.classes, present, strict=True) if not there]:
        more = f" and {len(absent) - _LISTED} more" if len(absent) > _LISTED else ""
        notes.append(
            f"classes without a test row: {', '.join(map(repr, absent[:_LISTED]))}{more}; what is measured says "
            "nothing of them"
        )
    if reader.clipped:
        notes.append(f"probabilities of 0: {reader.clipped} were raised to 1.2e-38, so that their NLL is finite")
    if reader.unnamed_seeds and any(len(identities) > 1 for identities in reader.settings.values()):
        notes.append("seeds: some predictions name none and were paired in the order given")
    if holm:
        notes.append("the table's intervals hold together with 95 % (Holm); the verdict's own is not widened")
    return notes
