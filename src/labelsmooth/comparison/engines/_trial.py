"""One attempt at a trial: a failure is a value, so that one bad trial does not end a comparison (D9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from ...data import Dataset
from ...training import Settings, TrialResult, run_trial
from ..plan import Trial


@dataclass(frozen=True)
class Failed:
    """Why there is no result; text, because exceptions of other people's code need not travel between processes."""

    reason: str


Outcome = tuple[Trial, TrialResult | Failed]


def attempt(dataset: Dataset, trial: Trial) -> TrialResult | Failed:
    """The trial's result, or why there is none: it diverged, ran out of memory, or its model raised something."""
    try:
        return run_trial(dataset, trial.method, cast(Settings, trial.settings), trial.seed)
    except Exception as error:  # a model of one's own runs here: whatever it raises is this trial's answer
        return failed(error)


def failed(error: Exception) -> Failed:
    """The kind of the error and its words."""
    return Failed(f"{type(error).__name__}: {error}")
