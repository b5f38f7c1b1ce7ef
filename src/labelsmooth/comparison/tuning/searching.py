"""The search itself: ask, train with the first seeds, drop, train the others with all seeds, tell; until the budget is
spent.

A search that goes on does the same from the start. Trials whose files are there are not trained again, so it comes to
where it was, and then to the same end with the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ... import _progress
from ..._checks import TrialsFailed
from ...data import Dataset
from .. import engines
from ..plan import Trial
from ..running import keep
from ..store import RunFolder
from . import pruning
from .proposals import Asked, Proposals
from .search import Search
from .validated import Candidate, read_trials

FAMILIES = ("hard", "smooth")


@dataclass(frozen=True)
class Training:
    """Where trials run, and who is told of each that is over."""

    dataset: Dataset
    folder: RunFolder
    engine: str
    jobs: int | None
    step: Callable[[], None]

    def run(self, trials: Iterable[Trial]) -> None:
        """Train what is not finished yet; every outcome is written as it comes."""
        every = {trial.name: trial for trial in trials}
        waiting = [trial for trial in every.values() if not self.folder.is_finished(trial)]
        for _ in range(len(every) - len(waiting)):
            self.step()
        if waiting:
            for trial, outcome in engines.run(self.engine, self.dataset, waiting, self.jobs):
                keep(self.folder, trial, outcome)
                self.step()


def run_search(
    dataset: Dataset, search: Search, folder: RunFolder, engine: str, jobs: int | None, *, progress: bool
) -> list[Candidate]:
    """Every candidate that was tried, in the order in which they were proposed, each once.

    Raises TrialsFailed when no unsmoothed or no smoothed candidate could be trained with all seeds.
    """
    total = len(search.seeds) * sum(map(search.budget, FAMILIES))
    proposed = [Proposals(search, family) for family in FAMILIES]
    known: dict[str, Candidate] = {}
    with _progress.track(total, f"searching on {search.data.name}, at most {total} trainings", show=progress) as step:
        training = Training(dataset, folder, engine, jobs, step)
        while asked := [(side, each) for side in proposed for each in side.ask()]:
            _one_round(search, training, [(side.family, each) for side, each in asked], known)
            for side, each in asked:
                _tell(side, each, known[each.setting.method.name])
    _refuse_nothing(list(known.values()))
    return list(known.values())


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
        read_trials(candidate, seeds, search, training.folder)


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
