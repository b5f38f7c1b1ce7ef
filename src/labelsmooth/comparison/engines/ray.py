"""ray: trials as tasks on a Ray cluster that is already there (Moritz et al. 2018); this process writes the files."""

from __future__ import annotations

import os
import socket
import warnings
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from ..._checks import UsageError, require
from ...data import Dataset
from ...training import TrialResult
from .._interrupts import Stop
from ..environment import versions
from ..plan import Trial
from ._trial import Failed, Outcome, attempt, failed

RETRIES = 3
_PATIENCE = 5.0  # seconds


def run(
    dataset: Dataset, trials: Sequence[Trial], jobs: int | None, stop: Stop, address: str | None = None
) -> Generator[Outcome, None, None]:
    """Yield outcomes as they come, `jobs` trials (by default as many as the cluster has CPUs) under way at a time.

    A trial whose worker or node is lost is run again, three times at most. Every node needs the labelsmooth, torch and
    numpy of this machine: trials elsewhere would be others than their names say, and are refused.
    """
    ray: Any = require("ray", "ray")
    with connected(address):
        task, sent = ray.remote(num_cpus=1, max_retries=RETRIES)(work), ray.put(dataset)
        most = jobs or max(1, int(ray.cluster_resources().get("CPU", 1)))
        waiting, under_way = deque(trials), dict[Any, Trial]()
        try:
            while waiting or under_way:
                while waiting and len(under_way) < most and not stop.asked:
                    trial = waiting.popleft()
                    under_way[task.remote(sent, trial, versions())] = trial
                if not under_way:
                    return
                for done in ray.wait(list(under_way))[0]:
                    yield under_way.pop(done), _answer(ray, done)
        finally:
            for reference in under_way:
                ray.cancel(reference, force=True)


def work(dataset: Dataset, trial: Trial, wanted: dict[str, str]) -> TrialResult | Failed:
    """One trial on a node, with one torch thread."""
    if (here := versions()) != wanted:
        return Failed(f"a node of the cluster has {here}, this machine {wanted}; install the same on every node")
    torch.set_num_threads(1)
    with warnings.catch_warnings():
        # arrays in Ray's shared memory cannot be written to, and no trial writes to its data
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return attempt(dataset, trial)


def _answer(ray: Any, done: Any) -> TrialResult | Failed:
    try:
        answer: TrialResult | Failed = ray.get(done)
    except ray.exceptions.WorkerCrashedError:
        return Failed(f"WorkerDied: its worker died {1 + RETRIES} times, most likely for lack of memory")
    except ray.exceptions.RayError as error:
        return failed(error)
    return answer


@contextmanager
def connected(address: str | None = None) -> Iterator[None]:
    """A connection for as long as trials run; one that is there already is used and left open.

    Raises UsageError where no cluster answers.
    """
    ray: Any = require("ray", "ray")
    if ray.is_initialized():
        yield
        return
    place = address or os.environ.get("RAY_ADDRESS") or "auto"
    try:
        _knock(place)
        ray.init(address=place, log_to_driver=False, logging_level="ERROR", configure_logging=False)
    except (OSError, RuntimeError, ValueError, OverflowError) as error:
        words = str(error).partition("\n")[0][:200]
        raise UsageError(
            f"there is no Ray cluster at {place!r} ({words}); give the --address of one that runs, such as "
            "10.0.0.1:6379, or start one with ray start --head"
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def _knock(place: str) -> None:
    """Whether anybody listens at host:port; Ray itself would try for minutes."""
    host, _, port = place.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE).close()
