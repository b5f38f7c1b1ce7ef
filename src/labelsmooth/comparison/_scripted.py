"""Trials of a script of one's own: each in a process of its own, its output in a file, its predictions read back."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from ..predictions import Predictions
from ..training import TrialResult
from ._interrupts import Stop
from .engines._trial import Failed, Outcome, failed
from .plan import Trial
from .script import Script

_PATIENCE = 3.0  # seconds
_SHOWN_LINES = 3
_SHOWN_LETTERS = 400


class ScriptFailed(RuntimeError):
    """A script ended badly, or without predictions."""


@dataclass
class _Running:
    """Processes under way, so that none is left behind when the comparison ends."""

    processes: set[subprocess.Popen[bytes]] = field(default_factory=set)
    stopped: bool = False

    def stop(self) -> None:
        """End what runs: politely, and after a moment by force."""
        self.stopped = True
        self._signal(signal.SIGTERM)
        deadline = time.monotonic() + _PATIENCE
        while self.processes and time.monotonic() < deadline:
            time.sleep(0.01)
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        for process in list(self.processes):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)


def run(trials: Sequence[Trial], folder: Path, jobs: int | None, stop: Stop) -> Generator[Outcome, None, None]:
    """Yield each trial's outcome as it comes. By default one after another: a script may use the whole machine."""
    for name in ("logs", "work"):
        (folder / name).mkdir(exist_ok=True)
    for left in (folder / "work").iterdir():
        left.unlink()
    running, waiting = _Running(), deque(trials)
    with ThreadPoolExecutor(jobs or 1) as pool:
        under_way: dict[Future[TrialResult | Failed], Trial] = {}
        try:
            while waiting or under_way:
                while waiting and len(under_way) < (jobs or 1) and not stop.asked:
                    trial = waiting.popleft()
                    under_way[pool.submit(_attempt, trial, folder, running)] = trial
                if not under_way:
                    return
                for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                    yield under_way.pop(future), future.result()
        finally:
            running.stop()


def _attempt(trial: Trial, folder: Path, running: _Running) -> TrialResult | Failed:
    """A script that outlives a killed comparison writes to a file that the next comparison does not look at."""
    script = cast(Script, trial.settings)
    out = (folder / "work" / f"{trial.name}.{os.getpid()}.npz").absolute()
    log = folder / "logs" / f"{trial.name}.log"
    try:
        _call(script.command(trial.method, trial.seed, out), log, running)
        if not out.exists():
            raise ScriptFailed(f"the script ended well but wrote nothing to its {{out}}: {script.how_to_save()}")
        return TrialResult({"last": Predictions.load(out)}, [])
    except (ScriptFailed, OSError, ValueError) as error:
        return failed(error)
    finally:
        out.unlink(missing_ok=True)


def _call(words: list[str], log: Path, running: _Running) -> None:
    if running.stopped:
        raise ScriptFailed("stopped before it began")
    with open(log, "wb") as output:
        process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        running.processes.add(process)
        code = process.wait()
    running.processes.discard(process)
    if code:
        raise ScriptFailed(f"the script ended with code {code}: {_end_of(log)} (all of its output: {log})")


def _end_of(log: Path) -> str:
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return " | ".join(line.strip() for line in lines[-_SHOWN_LINES:])[-_SHOWN_LETTERS:] or "it said nothing"
