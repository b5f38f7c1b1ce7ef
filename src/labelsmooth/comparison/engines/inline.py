"""inline: one trial after another in this process."""

from __future__ import annotations

from collections.abc import Generator, Sequence

import torch

from ...data import Dataset
from .._interrupts import Stop
from ..plan import Trial
from ._trial import Outcome, attempt


def run(dataset: Dataset, trials: Sequence[Trial], jobs: int | None, stop: Stop) -> Generator[Outcome, None, None]:
    """Yield an outcome for each trial, in order; torch's number of threads is 1 meanwhile."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for trial in trials:
            if stop.asked:
                return
            yield trial, attempt(dataset, trial)
    finally:
        torch.set_num_threads(threads)
