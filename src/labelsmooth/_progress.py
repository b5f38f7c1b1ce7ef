"""Progress on stderr with time left; results never go there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from threading import Timer
from typing import Protocol

from ._terminal import shown


class Shown(Protocol):
    """Something that shows progress from `start` to `stop`; `step` may come before the start."""

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def step(self) -> None: ...


@contextmanager
def track(total: int, what: str, *, show: bool = True, after: float = 0.0) -> Iterator[Callable[[], None]]:
    """Yield a function to call after each of `total` steps; a bar on a terminal, one line elsewhere.

    Nothing is shown before `after` seconds are over.
    """
    if not show or total == 0:
        yield lambda: None
        return
    shown: Shown = _Bar(total, what) if sys.stderr.isatty() and find_spec("rich") else _Line(total, what)
    timer = Timer(after, shown.start)
    timer.daemon = True
    timer.start() if after else shown.start()
    try:
        yield shown.step
    finally:
        timer.cancel()
        if after:
            timer.join()
        shown.stop()


def say(sentence: str) -> None:
    """Say one line beside the progress."""
    print(f"labelsmooth: {shown(sentence)}", file=sys.stderr, flush=True)


class _Line:
    def __init__(self, total: int, what: str) -> None:
        self._text = shown(f"{what}: {total} to do")

    def start(self) -> None:
        print(self._text, file=sys.stderr, flush=True)

    def step(self) -> None:
        """A line is said once."""

    def stop(self) -> None:
        """Nothing to take away."""


class _Bar:
    def __init__(self, total: int, what: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        what_for = TextColumn("{task.description}", markup=False)
        columns = (what_for, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._progress.add_task(shown(what), total=total)

    def start(self) -> None:
        self._progress.start()

    def step(self) -> None:
        self._progress.advance(self._task)

    def stop(self) -> None:
        self._progress.stop()
