"""One worker process: it gets trials through a pipe and answers through it, until the pipe or its parent ends."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import connection, forkserver, get_context, parent_process, resource_tracker
from types import ModuleType
from typing import Any, final

import torch

from ...data import Dataset
from ...training import TrialResult
from ..plan import Trial
from ._shared import Shared
from ._trial import Failed

Attempt = Callable[[Dataset, Trial], TrialResult | Failed]


@dataclass(frozen=True)
class Died:
    """A worker process ended without an answer: how."""

    how: str


@final
class Worker:
    """A process with one torch thread that sees one CUDA device where there are some; and the trial it has in hand."""

    def __init__(self, sent: Dataset | Shared, attempt: Attempt, device: str | None = None) -> None:
        self.trial: Trial | None = None
        self.device = device
        self.pipe, theirs = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(target=_serve, args=(theirs, sent, attempt, device), daemon=True)
        with _without_main(), _no_interrupts():
            self._process.start()
        theirs.close()

    def give(self, trial: Trial) -> None:
        """Let it train a trial; where it has died, that shows when the answer is asked for."""
        self.trial = trial
        with suppress(BrokenPipeError):
            self.pipe.send(trial)

    def answer(self) -> TrialResult | Failed | Died:
        """What came of its trial, once the pipe is ready."""
        self.trial = None
        try:
            answer: TrialResult | Failed = self.pipe.recv()
        except (EOFError, OSError):
            self._process.join()
            return Died(_how(self._process.exitcode))
        return answer

    def end(self) -> None:
        """Idle, it goes when the pipe is closed; with a trial in hand it is killed."""
        if self.trial is not None:
            self._process.kill()
        self.pipe.close()


def _how(code: int | None) -> str:
    return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"


def _context() -> Any:
    """Workers forked from a server that has torch loaded already, where the system can; fresh ones elsewhere."""
    if sys.platform == "linux":
        context = get_context("forkserver")
        context.set_forkserver_preload([f"{__package__}._server"])
        return context
    return get_context("spawn")


_CONTEXT = _context()


@contextmanager
def _without_main() -> Iterator[None]:
    """Keep workers from running the caller's script again: they need nothing of it."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextmanager
def _no_interrupts() -> Iterator[None]:
    """Ctrl-C in a terminal reaches the fork server too, which would die of it while it loads torch; what is blocked
    when it starts stays blocked there, and comes to this process afterwards."""
    if sys.platform != "linux":
        yield
        return
    resource_tracker.ensure_running()  # first, because its start lets interrupts through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(pipe: connection.Connection, sent: Dataset | Shared, attempt: Attempt, device: str | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if device is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = device  # read when CUDA is first used, which is after this
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    try:
        _answer(pipe, sent, attempt)
    except Exception:
        if not _is_orphan():
            raise


def _answer(pipe: connection.Connection, sent: Dataset | Shared, attempt: Attempt) -> None:
    dataset = sent.load() if isinstance(sent, Shared) else sent
    while True:
        try:
            trial = pipe.recv()
        except EOFError:
            return
        pipe.send(attempt(dataset, trial))


def _is_orphan() -> bool:
    """Whether the parent is gone, for whom an error of its going needs no traceback; a pipe breaks a moment earlier."""
    parent = parent_process()
    return parent is not None and bool(connection.wait([parent.sentinel], timeout=1))


def _end_with_parent() -> None:
    """A parent that is killed cannot say goodbye, and its workers would train on for nobody."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
