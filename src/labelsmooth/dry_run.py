"""What compare and tune would run, where, and how long it would take; nothing is written."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from .options import CompareOptions, TuneOptions

if TYPE_CHECKING:
    from .comparison.plan import Plan, Trial
    from .comparison.tuning.search import Search
    from .data import Dataset
    from .training import Settings

_SHORT = 1.0  # seconds


@dataclass(frozen=True)
class DryRun:
    """A plan with an estimate of its time.

    trials   that the run needs at most; finished: those of them that --resume would not train again
    workers  trials at a time
    epoch    seconds of one epoch, measured here on one torch thread; rest: of all else in a trial
    seconds  the estimate: None for a script, whose trainings only it knows
    """

    kind: str
    data: str
    rows: dict[str, int]
    model: str
    methods: list[str]
    seeds: list[int]
    trials: int
    finished: int
    engine: str
    workers: int
    folder: str
    epochs: int | None = None
    epoch: float | None = None
    rest: float | None = None
    seconds: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {"schema_version": 1, **asdict(self)}

    def __str__(self) -> str:
        from .report._format import duration

        rows = ", ".join(f"{count} {name}" for name, count in self.rows.items())
        there = f" ({self.finished} of them are there)" if self.finished else ""
        most = "at most " if self.kind == "tune" else ""
        lines = [
            f"Would train {most}{self.trials} trials{there}; nothing is written now.",
            f"  data     {self.data}" + (f": {rows} rows" if rows else ""),
            f"  model    {self.model}" + (f", {self.epochs} epochs" if self.epochs else ""),
            f"  methods  {'; '.join(self.methods)}",
            f"  seeds    {' '.join(map(str, self.seeds))}",
            f"  engine   {self.engine}, {self.workers} at a time",
            f"  folder   {self.folder}",
        ]
        if self.seconds is None or self.epoch is None:
            return "\n".join([*lines, "  time     not known: a script trains as it likes"])
        measured = f"an epoch took {duration(self.epoch)} here"
        return "\n".join([*lines, f"  time     about {duration(self.seconds)}: {measured}"])


def compare(
    data: Any = "digits", y: Any = None, options: CompareOptions | None = None, *, groups: Any = None
) -> DryRun:
    """What `compare` would run with the same arguments.

    >>> found = compare("mixture", options=CompareOptions(seeds=3, smoothing=(0.1,), model="linear"))
    >>> found.trials, found.methods
    (6, ['hard', 'uniform 0.1'])
    """
    from .comparison.script import Script
    from .workflows import _planned

    chosen = options or CompareOptions()
    _check(chosen)
    dataset, plan = _planned(data, y, groups, chosen)
    trials, names = plan.trials(), [method.name for method in plan.methods]
    found = _described("compare", dataset, plan, chosen, names, list(plan.seeds), trials)
    if isinstance(plan.settings, Script) or dataset is None:
        return replace(found, engine="script", workers=min(chosen.jobs or 1, len(trials)))
    return _timed(found, dataset, trials[-1])


def tune(data: Any = "digits", y: Any = None, options: TuneOptions | None = None, *, groups: Any = None) -> DryRun:
    """What `tune` would run at most with the same arguments: clearly worse candidates are dropped on the way."""
    from .comparison.plan import Trial
    from .comparison.tuning.search import planned
    from .comparison.tuning.searching import FAMILIES
    from .methods import Method

    chosen = options or TuneOptions()
    _check(chosen)
    dataset, search = planned(data, y, groups, chosen)
    budgets = {family: search.budget(family) for family in FAMILIES}
    names = [f"{count} candidate{'s' if count > 1 else ''}, {family}" for family, count in budgets.items()]
    found = _described("tune", dataset, search, chosen, names, list(search.seeds), [])
    trials = len(search.seeds) * sum(budgets.values())
    if dataset is None:
        return replace(found, trials=trials, engine="script", workers=min(chosen.jobs or 1, trials))
    first = Trial(search.data, Method("uniform 0.1", "smooth", "uniform", 0.1), search.settings, search.seeds[0])
    return _timed(replace(found, trials=trials, workers=_workers(chosen, trials)), dataset, first)


def _check(options: Any) -> None:
    from .comparison import engines, fail_if, warnings

    engines.check(options.engine, options.jobs, options.address)
    for text in options.fail_if or ():
        fail_if.parse(text)
    warnings.checked(options.no_warn)


def _described(
    kind: str,
    dataset: Dataset | None,
    plan: Plan | Search,
    options: Any,
    methods: list[str],
    seeds: list[int],
    trials: Sequence[Trial],
) -> DryRun:
    from .comparison.running import place_of
    from .comparison.store import RunFolder

    folder = RunFolder(place_of(plan, options.out, resume=options.resume))
    folder.check_usable(plan, options.resume)
    return DryRun(
        kind=kind,
        data=plan.data.name,
        rows={} if dataset is None else {name: len(split) for name, split in dataset.splits.items()},
        model=str(plan.settings.model),
        methods=methods,
        seeds=seeds,
        trials=len(trials),
        finished=sum(map(folder.is_finished, trials)),
        engine=options.engine,
        workers=_workers(options, len(trials)),
        folder=str(folder.path),
    )


def _workers(options: Any, trials: int) -> int:
    return 1 if options.engine == "inline" else max(1, min(options.jobs or os.cpu_count() or 1, trials))


def _timed(found: DryRun, dataset: Dataset, trial: Trial) -> DryRun:
    """Train one epoch of a trial, twice where it is short: the first pays for what torch loads."""
    epochs = cast("Settings", trial.settings).epochs
    epoch, rest = _one_epoch(dataset, trial)
    if epoch + rest < _SHORT:
        epoch, rest = min((epoch, rest), _one_epoch(dataset, trial), key=sum)
    rounds = math.ceil((found.trials - found.finished) / found.workers)
    return replace(found, epochs=epochs, epoch=epoch, rest=rest, seconds=round(rounds * (epochs * epoch + rest), 2))


def _one_epoch(dataset: Dataset, trial: Trial) -> tuple[float, float]:
    """Seconds of the epoch, and of everything else in the trial."""
    import torch

    from .training import run_trial

    threads, settings = torch.get_num_threads(), replace(cast("Settings", trial.settings), epochs=1)
    torch.set_num_threads(1)
    start = time.perf_counter()
    try:
        result = run_trial(dataset, trial.method, settings, trial.seed)
    finally:
        torch.set_num_threads(threads)
    seconds = time.perf_counter() - start
    epoch = float(result.history[0]["seconds"])
    return epoch, max(0.0, seconds - epoch)
