"""processes: trials side by side, each in a worker process with one torch thread."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from multiprocessing import connection
from typing import cast

from ...data import Dataset
from ...training import TrialResult
from .._interrupts import Stop
from ..plan import Trial
from ._devices import shared_out
from ._shared import Shared, shared
from ._trial import Failed, Outcome, attempt
from ._worker import Died, Worker


def run(dataset: Dataset, trials: Sequence[Trial], jobs: int | None, stop: Stop) -> Generator[Outcome, None, None]:
    """Yield outcomes as they come. A trial whose worker dies is tried once more when the others are over, alone:
    most often there was too little memory for all of them."""
    with shared(dataset) as sent:
        again: list[Trial] = []
        for trial, outcome in _side_by_side(sent, trials, jobs or os.cpu_count() or 1, stop):
            if isinstance(outcome, Died):
                again.append(trial)
            else:
                yield trial, outcome
        for trial, outcome in _side_by_side(sent, again, 1, stop):
            yield trial, _twice(outcome) if isinstance(outcome, Died) else outcome


def _twice(died: Died) -> Failed:
    return Failed(f"WorkerDied: its worker process died twice ({died.how}), most likely for lack of memory")


def _side_by_side(
    sent: Dataset | Shared, trials: Sequence[Trial], jobs: int, stop: Stop
) -> Iterator[tuple[Trial, TrialResult | Failed | Died]]:
    """A worker gets its next trial before its last is handed on, so that it trains while files are written."""
    waiting = deque(trials)
    count = min(jobs, len(trials))
    team = [Worker(sent, attempt, device) for device in shared_out(count)]
    try:
        for worker in team:
            _next(worker, waiting, stop)
        while busy := [worker for worker in team if worker.trial is not None]:
            ready = connection.wait([worker.pipe for worker in busy])
            for worker in (each for each in busy if each.pipe in ready):
                trial, outcome = cast(Trial, worker.trial), worker.answer()
                if isinstance(outcome, Died):
                    worker = _replaced(team, worker, sent)
                _next(worker, waiting, stop)
                yield trial, outcome
    finally:
        for worker in team:
            worker.end()


def _replaced(team: list[Worker], dead: Worker, sent: Dataset | Shared) -> Worker:
    dead.end()
    team.remove(dead)
    team.append(Worker(sent, attempt, dead.device))
    return team[-1]


def _next(worker: Worker, waiting: deque[Trial], stop: Stop) -> None:
    if waiting and not stop.asked:
        worker.give(waiting.popleft())
