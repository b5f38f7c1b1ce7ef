"""processes: trials side by side, each in a worker process with one torch thread."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import connection, get_context, parent_process
from types import ModuleType

import torch

from ...data import Dataset
from ...training import TrialResult
from ..plan import Trial
from ._shared import Shared, shared
from ._trial import attempt

Outcome = tuple[Trial, TrialResult | Exception]
_worker_dataset: Dataset


class WorkerDied(RuntimeError):
    """A worker process ended without an answer."""


def run(dataset: Dataset, trials: Sequence[Trial], jobs: int | None) -> Iterator[Outcome]:
    """Yield outcomes as they come; when a worker dies, the trials it may have held are tried again one by one."""
    workers = max(1, min(jobs or os.cpu_count() or 1, len(trials)))
    left = {trial.name: trial for trial in trials}
    with shared(dataset) as sent:
        try:
            for outcome in _pooled(sent, trials, workers):
                del left[outcome[0].name]
                yield outcome
        except BrokenProcessPool:
            for trial in left.values():
                yield _alone(sent, trial)


def _pooled(sent: Dataset | Shared, trials: Sequence[Trial], workers: int) -> Iterator[Outcome]:
    pool = ProcessPoolExecutor(workers, _context(), _start, (sent,))
    try:
        with _without_main():
            waiting: dict[Future[TrialResult | Exception], Trial] = {pool.submit(_work, t): t for t in trials}
        while waiting:
            done, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                yield waiting.pop(future), future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _alone(sent: Dataset | Shared, trial: Trial) -> Outcome:
    try:
        return next(_pooled(sent, [trial], 1))
    except BrokenProcessPool:
        return trial, WorkerDied("the worker process died, most likely for lack of memory")


def _context():  # type: ignore[no-untyped-def]
    """Workers forked from a server that has torch loaded already, where the system can; fresh ones elsewhere."""
    if sys.platform == "linux":
        context = get_context("forkserver")
        context.set_forkserver_preload([__name__])
        return context
    return get_context("spawn")


@contextmanager
def _without_main() -> Iterator[None]:
    """Keep workers from running the caller's script again: they need nothing of it."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _start(sent: Dataset | Shared) -> None:
    global _worker_dataset
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    _worker_dataset = sent.load() if isinstance(sent, Shared) else sent


def _end_with_parent() -> None:
    """A parent that is killed cannot say goodbye, and its workers would wait for work forever."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _work(trial: Trial) -> TrialResult | Exception:
    return attempt(_worker_dataset, trial)
