"""Trials of a script of one's own: each in a process of its own, its output in a file, its predictions read back."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ..predictions import Predictions
from ..training import TrialResult
from .plan import Trial
from .script import Script

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
        self.stopped = True
        for process in list(self.processes):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)


def run(
    script: Script, trials: Sequence[Trial], folder: Path, jobs: int | None
) -> Iterator[tuple[Trial, TrialResult | Exception]]:
    """Yield each trial's outcome as it comes. By default one after another: a script may use the whole machine."""
    for name in ("logs", "work"):
        (folder / name).mkdir(exist_ok=True)
    running = _Running()
    with ThreadPoolExecutor(jobs or 1) as pool:
        waiting = {pool.submit(_attempt, script, trial, folder, running): trial for trial in trials}
        try:
            while waiting:
                done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    yield waiting.pop(future), future.result()
        finally:
            running.stop()
            pool.shutdown(wait=False, cancel_futures=True)


def _attempt(script: Script, trial: Trial, folder: Path, running: _Running) -> TrialResult | Exception:
    out, log = (folder / "work" / f"{trial.name}.npz").absolute(), folder / "logs" / f"{trial.name}.log"
    out.unlink(missing_ok=True)
    try:
        _call(script.command(trial.method, trial.seed, out), log, running)
        if not out.exists():
            raise ScriptFailed(f"the script ended well but wrote nothing to its {{out}}: {script.how_to_save()}")
        return TrialResult({"last": Predictions.load(out)}, [])
    except (ScriptFailed, OSError, ValueError) as error:
        return error
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
