"""The run folder: who writes what where, and which trials are finished. Only the parent process writes."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import _checks, _files
from ..formats import Reading
from ..formats.npz import read_arrays
from ..predictions import PARTS, Predictions, Split
from ..training import Epoch, TrialResult
from . import _going_on
from ._lock import NAME as LOCK_NAME
from ._lock import Lock
from .environment import environment
from .folder import Folder, write_text
from .plan import Plan, Planned, Trial

PARTS_OF_RUN = ("predictions", "history", "failed")
_VALIDATION = re.compile(rf"val_({'|'.join(PARTS)})")


class RunFolder(Folder):
    """A folder of trials: plan.json, env.json, predictions/, history/, failed/, results.json, trials.csv, report.html,
    model_card.md.

    Each file is written to a temporary name and renamed, so that it is there whole or not at all. Whoever made this
    object is alone in the folder until :meth:`close`, or the end of the process.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(path)
        self._lock: Lock | None = None

    @classmethod
    def create(cls, path: str | os.PathLike[str], plan: Planned, *, resume: bool) -> RunFolder:
        """Make the folder and write the plan; with `resume`, go on in one that holds the same plan, or the same search
        with fewer trials.

        Raises UsageError when the folder is there already (without `resume`), holds another plan, is not writable, or
        another run is under way in it.
        """
        folder = cls(path)
        folder.check_usable(plan, resume)
        try:
            folder.path.mkdir(parents=True, exist_ok=True)
            folder._lock = Lock(folder.path)
            folder.check_usable(plan, resume)
            folder._prepare(plan)
        except OSError as error:
            raise _checks.UsageError(
                f"cannot write to {folder.path}: {error.strerror}; choose another folder with --out"
            ) from error
        return folder

    def _prepare(self, plan: Planned) -> None:
        """The plan comes first: a folder that a kill left without one holds nothing yet."""
        _files.sweep(self.path)
        self.write_json("plan.json", plan.to_dict())
        self.write_json("env.json", environment())
        for part in PARTS_OF_RUN:
            (self.path / part).mkdir(exist_ok=True)
            _files.sweep(self.path / part)

    def close(self) -> None:
        """Let other runs into the folder."""
        if self._lock is not None:
            self._lock.release()

    def _is_empty(self) -> bool:
        """Whether nothing is there but what a run killed in its first moments leaves."""
        if not self.path.exists():
            return True
        if not self.path.is_dir():
            return False
        return all(each.name == LOCK_NAME or _files.is_left_over(each) for each in self.path.iterdir())

    def check_usable(self, plan: Planned, resume: bool) -> None:
        """Raise UsageError where the plan cannot be run in this folder."""
        if self._is_empty():
            return
        if not resume:
            raise _checks.UsageError(
                f"{self.path} exists and is not empty; go on with it by --resume, or choose another folder with --out"
            )
        asked = json.loads(json.dumps(plan.to_dict()))
        _going_on.check(self.path, self.read_json("plan.json"), asked, plan.data.source or plan.data.name)

    def plan(self) -> Plan:
        """The plan this folder was made for."""
        return Plan.from_dict(self.read_json("plan.json"))

    def is_finished(self, trial: Trial) -> bool:
        """Whether every file of the trial is there."""
        return self._history(trial).exists() and all(self._predictions(trial, c).exists() for c in trial.checkpoints)

    def save(self, trial: Trial, result: TrialResult, meta: Mapping[str, Mapping[str, Any]]) -> None:
        """Write a finished trial: predictions first, the history last."""
        for checkpoint, predictions in result.predictions.items():
            predictions.meta.update(meta[checkpoint])
            predictions.save(self._predictions(trial, checkpoint))
        write_text(self._history(trial), "".join(json.dumps(record) + "\n" for record in result.history))
        self._failed(trial).unlink(missing_ok=True)

    def fail(self, trial: Trial, reason: str) -> None:
        """Record a trial that gave nothing, with its reason (D9)."""
        self.write_json(f"failed/{trial.name}.json", {"trial": trial.name, "reason": reason, **trial.to_dict()})

    def predictions(self, trial: Trial, checkpoint: str) -> Predictions:
        """The predictions of one checkpoint of a finished trial."""
        return Predictions.load(self._predictions(trial, checkpoint))

    def history(self, trial: Trial) -> list[Epoch]:
        """What a finished trial recorded at each epoch."""
        path = self._history(trial)
        try:
            records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        except (ValueError, RecursionError) as error:
            raise _damaged(path) from error
        if not all(isinstance(each, dict) and each.keys() >= _NUMBERS for each in records):
            raise _damaged(path)
        return records

    def validation(self, trial: Trial, checkpoint: str) -> Split:
        """The validation rows of a finished trial; the other splits in its file are not read."""
        path = self._predictions(trial, checkpoint)
        arrays = read_arrays(path, _VALIDATION, Reading())
        if not arrays.keys() >= {"val_logits", "val_labels"}:
            raise _checks.DataError(
                f"{path} has no validation rows, and a search chooses by them; let the script save val_logits and "
                "val_labels too, in Predictions(test_logits, test_labels, val_logits=…, val_labels=…)"
            )
        return Split(**{name.removeprefix("val_"): array for name, array in arrays.items()})

    def reason(self, trial: Trial) -> str:
        """Why the trial gave nothing."""
        record = self.read_json(f"failed/{trial.name}.json")
        if not isinstance(record, dict) or not isinstance(record.get("reason"), str):
            raise _damaged(self._failed(trial))
        return str(record["reason"])

    def failures(self, plan: Plan) -> list[dict[str, str]]:
        """Trials of the plan that were recorded as failed, and not finished at a later try."""
        failed = [t for t in plan.trials() if self._failed(t).exists() and not self.is_finished(t)]
        return [{"trial": trial.name, "reason": self.reason(trial)} for trial in failed]

    def _predictions(self, trial: Trial, checkpoint: str) -> Path:
        return self.path / "predictions" / f"{trial.name}.{checkpoint}.npz"

    def _history(self, trial: Trial) -> Path:
        return self.path / "history" / f"{trial.name}.jsonl"

    def _failed(self, trial: Trial) -> Path:
        return self.path / "failed" / f"{trial.name}.json"


_NUMBERS = {"epoch", "train_loss", "val_nll", "val_nll_after"}


def _damaged(path: Path) -> _checks.DataError:
    return _checks.DataError(f"{path} is not what a run writes; remove it, and --resume makes it again")


def default_path(plan: Planned, root: str | os.PathLike[str] = "runs") -> Path:
    """runs/<date>-<data>-<hash>."""
    return Path(root) / f"{datetime.now(UTC):%Y%m%d}-{plan.name()}"
