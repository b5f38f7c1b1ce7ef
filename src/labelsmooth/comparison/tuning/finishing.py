"""The end of a search: the test split is opened for H* and S* alone, and the verdict's rule decides."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from typing import Any

from ...data import Dataset
from ..on_demand import OnDemand
from ..results import assemble
from ..running import data_record, run_record
from ..store import RunFolder, write_text
from ..trials_table import table_of
from ..warnings import warnings_of
from . import readings
from .choosing import chosen, tuning_of
from .search import Search
from .searching import FAMILIES
from .validated import Candidate

_INTERRUPTED = "interrupted: these are the candidates that were through; the same command with --resume goes on"


def results_of(
    dataset: Dataset | None,
    search: Search,
    folder: RunFolder,
    candidates: Sequence[Candidate],
    seconds: Callable[[], float],
    silent: Collection[str] = (),
    *,
    interrupted: bool = False,
) -> dict[str, Any]:
    """Choose on validation, judge on test, write results.json and trials.csv; return the results."""
    tuning = tuning_of(search, candidates)
    pair = [chosen(candidates, family) for family in FAMILIES]
    reading = {family: each.name for family, each in zip(FAMILIES, pair, strict=True)}
    earlier = readings.remember(folder, {"trials": search.trials, "candidates": len(candidates), **reading})
    tuning["read_before"] = earlier
    trials = [(each, each.setting.trial(search.data, seed)) for each in pair for seed in search.seeds]
    results = assemble(
        OnDemand([partial(folder.predictions, trial, each.checkpoint) for each, trial in trials]),
        histories={
            each.name: [folder.history(trial) for candidate, trial in trials if candidate is each]
            for each in pair
            if dataset is not None
        },
        run=run_record("tune", search.command(), search.settings, search.seeds),
        data=data_record(dataset, search),
        min_effect=search.min_effect,
        metric=search.metric,
        failed=[{"trial": name, "reason": why} for name, why in _failures(candidates)],
        notes=_notes(tuning, interrupted),
    )
    results["tuning"] = tuning
    results["warnings"] = warnings_of(results, silent)
    results["run"]["seconds"] = round(seconds(), 2)
    folder.write_json("results.json", results)
    write_text(folder.path / "trials.csv", table_of(results["trials"]))
    return results


def _failures(candidates: Sequence[Candidate]) -> Iterator[tuple[str, str]]:
    for candidate in candidates:
        if candidate.state == "failed":
            name, _, why = candidate.reason.partition(": ")
            yield name, why


def _notes(tuning: dict[str, Any], interrupted: bool) -> list[str]:
    earlier = tuning["read_before"]
    return [*([_INTERRUPTED] if interrupted else []), _searched(tuning), *([readings.note(earlier)] if earlier else [])]


def _searched(tuning: dict[str, Any]) -> str:
    tried = tuning["candidates"]
    smoothed = sum(line["family"] == "smooth" for line in tried)
    return (
        f"H* and S* were chosen on validation among {len(tried) - smoothed} unsmoothed and {smoothed} smoothed "
        f"candidates; the test split was {'now ' if tuning['read_before'] else ''}read for these two alone"
    )
