"""What candidates are worth on the validation split, read from the files of their trials; the test split stays shut."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ...calibration import fit_temperature
from ...calibration.overview import overview
from ...calibration.two_way import TwoWay, group_means, two_way
from ...predictions import Split
from .._matching import same_rows
from .._measured import BINS, figures_of, row_losses
from .._tempered import divided
from ..store import RunFolder
from .search import Search, Setting

Figures = dict[str, dict[str, float]]


@dataclass(frozen=True, eq=False)
class Validated:
    """One trial and checkpoint on the validation split: the loss of each row (or group) and the figures by stage."""

    losses: np.ndarray
    figures: Figures


@dataclass(eq=False)
class Candidate:
    """One setting, what its trials gave by checkpoint and seed, and what became of it."""

    setting: Setting
    family: str
    trials: dict[str, dict[int, Validated]] = field(default_factory=dict)
    state: str = "complete"
    reason: str = ""

    @property
    def name(self) -> str:
        """The method's name, by which results know it."""
        return self.setting.method.name

    @property
    def seeds(self) -> list[int]:
        """The seeds it was trained with."""
        return sorted(next(iter(self.trials.values()), {}))

    @property
    def checkpoint(self) -> str:
        """The last or the best epoch, whichever is better over the seeds; the last of equals."""
        return min(self.trials, key=lambda checkpoint: (self._mean(checkpoint), checkpoint != "last"))

    @property
    def value(self) -> float:
        """The mean validation loss over seeds in the measure that decides: what is made small."""
        return self._mean(self.checkpoint)

    def on(self, seeds: Sequence[int]) -> Candidate:
        """The same candidate as these seeds alone show it."""
        part = {at: {seed: known[seed] for seed in seeds} for at, known in self.trials.items()}
        return replace(self, trials=part)

    def found(self, checkpoint: str | None = None) -> list[Validated]:
        """What each seed gave, in the order of the seeds."""
        by_seed = self.trials[checkpoint or self.checkpoint]
        return [by_seed[seed] for seed in sorted(by_seed)]

    def against(self, other: Candidate) -> TwoWay:
        """The interval of its loss minus the other's, over the seeds that both have and the validation rows."""
        shared = sorted(set(self.seeds) & set(other.seeds))
        ours, theirs = (np.stack([c.trials[c.checkpoint][seed].losses for seed in shared]) for c in (self, other))
        return two_way(ours - theirs)

    def _mean(self, checkpoint: str) -> float:
        values = [float(each.losses.mean()) for each in self.trials[checkpoint].values()]
        return math.fsum(values) / len(values)


@dataclass
class Rows:
    """The validation rows of the first trial that is read: those of all others have to be the same."""

    first: Split | None = None
    source: str = ""

    def checked(self, split: Split, who: str) -> Split:
        """The split, with its rows in the order of the first; raises DataError where they are others."""
        if self.first is None:
            self.first, self.source = replace(split, logits=np.empty((0, 0), np.float32), posterior=None), who
            return split
        return same_rows(self.first, split, f"{who}: the validation split", self.source)


def validated(split: Split, metric: str) -> Validated:
    """Fit the temperature on the validation rows and measure them before and after it."""
    temperature, _ = fit_temperature(split.logits, split.labels)
    after = divided(split.logits, temperature)
    stages = {"before": split.logits, "after": after}
    found = {stage: overview(split.labels, logits, BINS) for stage, logits in stages.items()}
    losses = group_means(row_losses(found["after"], metric)[None], split.groups)[0]
    return Validated(losses, {stage: figures_of(found[stage], split, stages[stage]) for stage in stages})


def read_trials(candidate: Candidate, seeds: Iterable[int], search: Search, folder: RunFolder, rows: Rows) -> None:
    """Measure what the folder holds of a candidate; one seed that failed fails it."""
    for seed in seeds:
        trial = candidate.setting.trial(search.data, seed)
        if not folder.is_finished(trial):
            candidate.state, candidate.reason = "failed", f"{trial.name}: {folder.reason(trial)}"
            return
        for checkpoint in trial.checkpoints:
            known = candidate.trials.setdefault(checkpoint, {})
            if seed not in known:
                split = rows.checked(folder.validation(trial, checkpoint), f"trial {trial.name}")
                known[seed] = validated(split, search.metric)
