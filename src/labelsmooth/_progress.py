"""Progress on stderr with time left; results never go there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec


@contextmanager
def track(total: int, what: str, *, show: bool = True) -> Iterator[Callable[[], None]]:
    """Yield a function to call after each of `total` steps; a bar on a terminal, one line elsewhere."""
    if not show or total == 0:
        yield lambda: None
    elif sys.stderr.isatty() and find_spec("rich"):
        yield from _bar(total, what)
    else:
        print(f"{what}: {total} to do", file=sys.stderr, flush=True)
        yield lambda: None


def say(sentence: str) -> None:
    """Say one line beside the progress."""
    print(f"labelsmooth: {sentence}", file=sys.stderr, flush=True)


def _bar(total: int, what: str) -> Iterator[Callable[[], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda: progress.advance(task)
