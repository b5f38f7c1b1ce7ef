"""Where trials run: one file an engine, each with `run(dataset, trials, jobs, stop)` that yields an outcome a trial.

An outcome is (trial, result) or (trial, Failed). The same trials give the same results on every engine: each trial
runs with one torch thread. After `stop.asked` no trial begins, and what runs is finished; an engine that is closed ends
at once what runs.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from ... import _checks

if TYPE_CHECKING:
    from ...data import Dataset
    from .._interrupts import Stop
    from ..plan import Trial
    from ._trial import Outcome


def names() -> list[str]:
    """The engines, read from the folder.

    >>> names()
    ['inline', 'processes', 'ray']
    """
    return sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))


def check(engine: str, jobs: int | None, address: str | None = None) -> None:
    """Raise UsageError for an engine that is not there, a number of jobs under 1, or an address that nobody reads."""
    if address is not None and engine != "ray":
        raise _checks.UsageError(f"--address is of a Ray cluster: give --engine ray with it; got engine {engine!r}")
    if engine not in names():
        raise _checks.UsageError(f"engine must be one of {names()}; got {engine!r}")
    if engine == "ray":
        _checks.require("ray", "ray")
    if jobs is not None and jobs < 1:
        raise _checks.UsageError(f"jobs must be at least 1; got {jobs}")


@contextmanager
def connected(engine: str, address: str | None = None) -> Iterator[None]:
    """Reach what the engine needs to reach, before anything is written. Raises UsageError where nothing answers."""
    if engine != "ray":
        yield
        return
    with import_module(".ray", __name__).connected(address):
        yield


def run(
    engine: str, dataset: Dataset, trials: Sequence[Trial], jobs: int | None, stop: Stop, address: str | None = None
) -> Generator[Outcome, None, None]:
    """Run the trials on the engine of that name, yielding each outcome as it comes."""
    check(engine, jobs, address)
    where = () if address is None else (address,)
    outcomes: Generator[Outcome, None, None] = import_module(f".{engine}", __name__).run(
        dataset, trials, jobs, stop, *where
    )
    return outcomes
