"""Running a plan into a folder: which trials are left, what is written down of each."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from .. import _progress
from .._checks import TrialsFailed
from ..data import Dataset
from ..training import Epoch, Settings, TrialResult, checkpoint_epochs
from . import _scripted, engines
from ._interrupts import Stop, listening
from .engines._trial import Failed, Outcome
from .environment import environment, versions
from .on_demand import OnDemand
from .plan import Plan, Planned, Trial
from .planning import command
from .results import assemble
from .script import Script
from .store import RunFolder, default_path, write_text
from .trials_table import table_of


def open_folder(plan: Planned, out: Path | None, *, resume: bool) -> RunFolder:
    """The folder asked for; else the newest of this plan with `resume`, or a new one under runs/."""
    return RunFolder.create(place_of(plan, out, resume=resume), plan, resume=resume)


def place_of(plan: Planned, out: Path | None, *, resume: bool) -> Path:
    """Where the folder would be; nothing is made."""
    if out is not None:
        return out
    path = default_path(plan)
    earlier = sorted(path.parent.glob(f"*-{plan.name()}*")) if path.parent.is_dir() else []
    if resume and earlier:
        return earlier[-1]
    taken = {folder.name for folder in earlier}
    free = (name for name in (path.name, *(f"{path.name}-{i}" for i in range(2, len(taken) + 3))) if name not in taken)
    return path.with_name(next(free))


def run_trials(
    dataset: Dataset | None,
    plan: Plan,
    folder: RunFolder,
    engine: str,
    jobs: int | None,
    *,
    progress: bool,
    address: str | None = None,
) -> bool:
    """Run what is not finished yet; every outcome is written as it comes. Without a data set it is a script's plan.

    Returns whether somebody asked to stop (Ctrl-C); then what was under way is finished, and nothing else.
    """
    waiting = [trial for trial in plan.trials() if not folder.is_finished(trial)]
    what = f"training {len(plan.methods)} methods with {len(plan.seeds)} seeds on {plan.data.name}"
    with _progress.track(len(waiting), what, show=progress) as step, listening() as stop:
        with closing(outcomes(dataset, folder, engine, waiting, jobs, stop, address)) as running:
            for trial, outcome in running:
                keep(folder, trial, outcome)
                step()
        return stop.asked


def keep(folder: RunFolder, trial: Trial, outcome: TrialResult | Failed) -> None:
    """Write what came of a trial: its predictions and history, or why there are none."""
    if isinstance(outcome, Failed):
        folder.fail(trial, outcome.reason)
    else:
        folder.save(trial, outcome, _meta(trial, outcome.history))


def outcomes(
    dataset: Dataset | None,
    folder: RunFolder,
    engine: str,
    waiting: list[Trial],
    jobs: int | None,
    stop: Stop,
    address: str | None,
) -> Generator[Outcome, None, None]:
    """Run trials, yielding each outcome as it comes; without a data set they are a script's."""
    if dataset is None:
        return _scripted.run(waiting, folder.path, jobs, stop)
    return engines.run(engine, dataset, waiting, jobs, stop, address)


def _meta(trial: Trial, history: list[Epoch]) -> dict[str, dict[str, Any]]:
    """What each checkpoint's file says of itself."""
    method = trial.method.to_dict()
    shared = {
        "method": method.pop("name"),
        **method,
        "seed": trial.seed,
        "data": trial.data.name,
        "data_fingerprint": trial.data.fingerprint,
        "model": trial.settings.model,
        "learning_rate": getattr(trial.settings, "learning_rate", None),
        "versions": versions(),
    }
    epochs = checkpoint_epochs(history) if history else dict.fromkeys(trial.checkpoints)
    return {c: {**shared, "checkpoint": c, "epoch": epoch} for c, epoch in epochs.items()}


def results_of(
    dataset: Dataset | None, plan: Plan, folder: RunFolder, seconds: Callable[[], float], silent: Collection[str] = ()
) -> dict[str, Any]:
    """Measure and judge every finished trial; write results.json and trials.csv; return the results."""
    finished = [trial for trial in plan.trials() if folder.is_finished(trial)]
    histories: dict[str, list[list[Epoch]]] = {}
    for trial in finished:
        if history := folder.history(trial):
            histories.setdefault(trial.method.name, []).append(history)
    failed = folder.failures(plan)
    if failed and not finished:
        raise TrialsFailed(f"all {len(failed)} trials failed; the first, {failed[0]['trial']}: {failed[0]['reason']}")
    results = assemble(
        OnDemand([partial(folder.predictions, trial, each) for trial in finished for each in trial.checkpoints]),
        histories=histories,
        run=run_record("compare", command(plan), plan.settings, plan.seeds),
        data=data_record(dataset, plan),
        min_effect=plan.min_effect,
        metric=plan.metric,
        failed=failed,
        notes=[*_unfinished(plan, finished, failed), *(m.caution() for m in plan.methods if m.caution())],
        silent=silent,
    )
    results["run"]["seconds"] = round(seconds(), 2)
    folder.write_json("results.json", results)
    write_text(folder.path / "trials.csv", table_of(results["trials"]))
    return results


def _unfinished(plan: Plan, finished: list[Trial], failed: list[dict[str, str]]) -> list[str]:
    """What a run that was interrupted says of itself."""
    planned, there = len(plan.trials()), len(finished)
    if there + len(failed) == planned:
        return []
    return [f"interrupted: {there} of {planned} trials are there; the same command with --resume runs the others"]


def run_record(kind: str, command_line: str, settings: Settings | Script, seeds: Sequence[int]) -> dict[str, Any]:
    """What is run and with what, for the results."""
    return {
        "kind": kind,
        "command": command_line,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "settings": {**_shown(settings.to_dict()), "seeds": list(seeds)},
        "env": environment(),
    }


def _shown(settings: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if value not in ({}, "", False)}


def data_record(dataset: Dataset | None, plan: Planned) -> dict[str, Any]:
    """What is known of the data, for the results; of a script's data its predictions tell the rest."""
    request = plan.data
    if dataset is None:
        card = {"source": "a script of one's own", "command": plan.settings.to_dict()["script"]}
        return {"name": request.name, "card": card}
    return {
        "name": dataset.name,
        "kind": dataset.kind,
        "classes": dataset.classes,
        "rows": {name: int(split.labels.size) for name, split in dataset.splits.items()},
        "fingerprint": dataset.fingerprint,
        "card": dataset.card,
        "label_noise": request.label_noise,
        "label_noise_val": request.label_noise_val,
        "shift": request.shift,
    }
