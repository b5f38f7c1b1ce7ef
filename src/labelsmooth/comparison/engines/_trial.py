"""One attempt at a trial: a failure is a value, so that one bad trial does not end a comparison (D9)."""

from __future__ import annotations

from typing import cast

from ...data import Dataset
from ...training import Diverged, Settings, TrialResult, run_trial
from ..plan import Trial


def attempt(dataset: Dataset, trial: Trial) -> TrialResult | Exception:
    """The trial's result, or why there is none: it diverged, ran out of memory, or met bad data."""
    try:
        return run_trial(dataset, trial.method, cast(Settings, trial.settings), trial.seed)
    except (Diverged, MemoryError, ArithmeticError, ValueError, RuntimeError) as error:
        return error
