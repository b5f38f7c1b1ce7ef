"""The search itself: ask, train with the first seeds, drop, train the others with all seeds, tell; until the budget is
spent.

A search that goes on does the same from the start. Trials whose files are there are not trained again, so it comes to
where it was, and then to the same end with the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field

from ... import _progress
from ..._checks import Interrupted, TrialsFailed
from ...data import Dataset
from .._interrupts import Stop, listening
from ..plan import Trial
from ..running import keep, outcomes
from ..store import RunFolder
from . import pruning
from .proposals import Asked, Proposals
from .search import Search
from .validated import Candidate, Rows, read_trials

FAMILIES = ("hard", "smooth")


class _Stopped(Exception):
    """Somebody asked to stop; what was under way is finished and written."""


@dataclass(frozen=True)
class Training:
    """Where trials run, and who is told of each that is over."""

    dataset: Dataset | None
    folder: RunFolder
    engine: str
    jobs: int | None
    address: str | None
    stop: Stop
    step: Callable[[], None]
    rows: Rows = field(default_factory=Rows)

    def run(self, trials: Iterable[Trial]) -> None:
        """Train what is not finished yet; every outcome is written as it comes."""
        every = {trial.name: trial for trial in trials}
        waiting = [trial for trial in every.values() if not self.folder.is_finished(trial)]
        for _ in range(len(every) - len(waiting)):
            self.step()
        if waiting:
            with closing(
                outcomes(self.dataset, self.folder, self.engine, waiting, self.jobs, self.stop, self.address)
            ) as running:
                for trial, outcome in running:
                    keep(self.folder, trial, outcome)
                    self.step()
        if self.stop.asked:
            raise _Stopped


def run_search(
    dataset: Dataset | None,
    search: Search,
    folder: RunFolder,
    engine: str,
    jobs: int | None,
    *,
    progress: bool,
    address: str | None = None,
) -> tuple[list[Candidate], bool]:
    """Every candidate that was tried, in the order in which they were proposed, each once; and whether somebody asked
    to stop (Ctrl-C): then those of them that are through.

    Raises TrialsFailed when no unsmoothed or no smoothed candidate could be trained with all seeds, Interrupted when
    none of them could be yet, DataError when a script's validation rows are missing or differ between trials.
    """
    total = len(search.seeds) * sum(map(search.budget, FAMILIES))
    known: dict[str, Candidate] = {}
    what = f"searching on {search.data.name}, at most {total} trainings"
    with _progress.track(total, what, show=progress) as step, listening() as stop:
        try:
            _rounds(search, Training(dataset, folder, engine, jobs, address, stop, step), known)
        except _Stopped:
            return _through(search, list(known.values())), True
    _refuse_nothing(list(known.values()))
    return list(known.values()), False


def _rounds(search: Search, training: Training, known: dict[str, Candidate]) -> None:
    """Ask, train and tell until nobody proposes any more."""
    proposed = [Proposals(search, family) for family in FAMILIES]
    while asked := [(side, each) for side in proposed for each in side.ask()]:
        _one_round(search, training, [(side.family, each) for side, each in asked], known)
        for side, each in asked:
            _tell(side, each, known[each.setting.method.name])


def _through(search: Search, candidates: list[Candidate]) -> list[Candidate]:
    """Those that need no more training; Interrupted where they are too few to be judged."""
    through = [each for each in candidates if each.state != "complete" or each.seeds == sorted(search.seeds)]
    if not set(FAMILIES) <= {each.family for each in through if each.state == "complete"}:
        raise Interrupted
    return through


def _one_round(search: Search, training: Training, asked: list[tuple[str, Asked]], known: dict[str, Candidate]) -> None:
    """Train what is new: first seeds, drop, all seeds."""
    earlier = list(known.values())
    fresh = []
    for family, each in asked:
        if each.setting.method.name not in known:
            fresh.append(Candidate(each.setting, family))
            known[fresh[-1].name] = fresh[-1]
    _train(search, training, fresh, search.first_seeds)
    if len(search.first_seeds) < len(search.seeds):
        pruning.drop(fresh, earlier, search.first_seeds)
    going_on = [candidate for candidate in fresh if candidate.state == "complete"]
    _train(search, training, going_on, search.seeds[len(search.first_seeds) :])
    for _ in range(len(search.seeds) * len(asked) - _trained(search, fresh, going_on)):
        training.step()


def _trained(search: Search, fresh: list[Candidate], going_on: list[Candidate]) -> int:
    first = len(search.first_seeds)
    return first * len(fresh) + (len(search.seeds) - first) * len(going_on)


def _train(search: Search, training: Training, candidates: list[Candidate], seeds: tuple[int, ...]) -> None:
    training.run(each.setting.trial(search.data, seed) for seed in seeds for each in candidates)
    for candidate in candidates:
        read_trials(candidate, seeds, search, training.folder, training.rows)


def _tell(side: Proposals, asked: Asked, candidate: Candidate) -> None:
    failed = candidate.state == "failed"
    side.tell(asked, None if failed else candidate.value, dropped=candidate.state == "dropped")


def _refuse_nothing(candidates: list[Candidate]) -> None:
    for family in FAMILIES:
        of_it = [candidate for candidate in candidates if candidate.family == family]
        if not any(candidate.state == "complete" for candidate in of_it):
            what = {"hard": "unsmoothed", "smooth": "smoothed"}[family]
            reason = next(candidate.reason for candidate in of_it if candidate.reason)
            raise TrialsFailed(f"no {what} candidate could be trained with all seeds; the first, {reason}")
