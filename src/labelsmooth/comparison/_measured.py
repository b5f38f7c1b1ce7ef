"""What is kept of one trial after its logits were read: its figures, the losses of its rows, its reliability bins."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..calibration import ReliabilityBins, true_calibration_error
from ..calibration.overview import Overview, overview
from ..predictions import Split
from ._candidate import Candidate
from ._pairing import Identity
from ._tempered import Tempered, crosswise, divided, from_validation

BINS = 15
STAGES = ("before", "after")
SHOWN = ("accuracy", "nll", "brier", "signed_gap", "ece", "ece_null", "aurc", "confidence")
Figures = dict[str, dict[str, float]]


def no_step() -> None:
    """Nobody watches."""


@dataclass(frozen=True, eq=False)
class Measured:
    """One trial and checkpoint: figures by stage (before and after temperature) and, after it, the loss of each row.

    `val_nll_after` is what settings are chosen by; the NLL of the test rows where there is no validation split.
    """

    identity: Identity
    tempered: Tempered
    val_nll_after: float
    row_losses: np.ndarray
    figures: Figures
    bins: dict[str, ReliabilityBins]
    shifted: Figures | None
    epoch: float | None

    def without_rows(self) -> Measured:
        """The same without the losses of its rows."""
        return replace(self, row_losses=np.empty(0))


def measure(
    identity: Identity, splits: dict[str, Split], metric: str, epoch: Any = None, step: Callable[[], None] = no_step
) -> Measured:
    """Fit the temperature, then read the test rows once before and once after it; `step` is called after each."""
    test, val, found = splits["test"], splits.get("val"), {}
    tempered = crosswise(test) if val is None else from_validation(val, test)
    step()
    for stage, logits in (("before", test.logits), ("after", tempered.test_logits(test.logits))):
        found[stage] = overview(test.labels, logits, BINS)
        step()
    figures = {"before": figures_of(found["before"], test, test.logits)}
    figures["after"] = figures_of(found["after"], test, tempered.test_logits(test.logits))
    shifted = splits.get("shifted")
    return Measured(
        identity,
        tempered,
        float(found["after"].nll.mean()) if tempered.val_nll_after is None else tempered.val_nll_after,
        row_losses(found["after"], metric),
        figures,
        {stage: each.bins for stage, each in found.items()},
        None if shifted is None else _shifted(shifted, tempered),
        float(epoch) if isinstance(epoch, int | float) else None,
    )


def _shifted(split: Split, tempered: Tempered) -> Figures:
    """The shifted rows get the temperature of the plain ones: nobody has validation rows from the future."""
    stages = {"before": split.logits, "after": divided(split.logits, tempered.temperature)}
    return {stage: figures_of(overview(split.labels, logits, BINS), split, logits) for stage, logits in stages.items()}


def figures_of(found: Overview, split: Split, logits: Any) -> dict[str, float]:
    """Every measure that results.json shows, and the true calibration error where the posterior is known."""
    figures = {name: float(found.figures[name]) for name in SHOWN}
    if split.posterior is not None:
        figures["true_calibration_error"] = true_calibration_error(split.posterior, logits=logits, bins=BINS)
    return figures


def row_losses(found: Overview, metric: str) -> np.ndarray:
    """The loss of each row (n,) in a deciding metric: NLL in nats, Brier score, or 1 − correct."""
    losses = {"nll": found.nll, "brier": found.brier, "accuracy": (~found.correct).astype(np.float64)}
    return losses[metric]


def candidate_of(trials: list[Measured]) -> Candidate:
    """All seeds of one method and checkpoint as a candidate for the verdict, in the order of the seeds."""
    trials = sorted(trials, key=lambda trial: trial.identity.seed)
    first = trials[0].identity
    after = {name: np.array([trial.figures["after"][name] for trial in trials]) for name in SHOWN}
    return Candidate(
        method=first.method,
        family=first.family,
        seeds=tuple(trial.identity.seed for trial in trials),
        val_nll_after=np.array([trial.val_nll_after for trial in trials]),
        test_rows=np.stack([trial.row_losses for trial in trials]),
        checkpoint=first.checkpoint,
        statuses=tuple(trial.tempered.status for trial in trials),
        scheme=first.scheme,
        label_smoothing=first.label_smoothing,
        weight_decay=first.weight_decay,
        dropout=first.dropout,
        rival=first.rival,
        learning_rate=first.learning_rate,
        measures={**after, "ece_before": np.array([trial.figures["before"]["ece"] for trial in trials])},
    )


def pooled(bins: Iterable[ReliabilityBins]) -> dict[str, list[float]]:
    """Bins of several seeds as one diagram: counts added, confidence and accuracy averaged over the rows."""
    parts = list(bins)
    counts = np.stack([part.count for part in parts])
    total = counts.sum(axis=0)
    means = {}
    for name in ("confidence", "accuracy"):
        sums = np.stack([np.where(part.count > 0, getattr(part, name), 0.0) * part.count for part in parts]).sum(axis=0)
        means[name] = np.where(total > 0, sums / np.maximum(total, 1), np.nan).tolist()
    return {"edges": parts[0].edges.tolist(), "count": total.tolist(), **means}
