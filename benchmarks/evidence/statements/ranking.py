"""Fifty classes: ranking by confidence and conformal sets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labelsmooth.calibration import accuracy, conformal_sets, excess_aurc
from labelsmooth.predictions import Predictions
from labelsmooth.training import Settings

from ..claims import Claim, Measured
from ..pictures import HARD, SMOOTH, THIRD, dots
from ..trials import gaussians, instead, logits_of, smoothed, trained

TITLE = "Ranking by confidence, and conformal sets, with fifty classes"
ASKED = "Does smoothing spoil the order of confidence and the size of conformal sets when there are many classes?"
SETTING = (
    "A Gaussian mixture of 50 classes in 20 dimensions, 1000 training rows, a perceptron, last epoch of 12. Excess "
    "AURC × 10³ "
    "(0 is a perfect order), and the mean size of APS sets that hold the label with 95 %."
)
AMOUNTS, TAU, APART = (0.1, 0.3), 0.1, 2.2
COLUMNS = ("accuracy", "excess AURC × 10³", "after T", "APS size", "after T ")


def measure(seeds: Sequence[int], small: bool = False, amounts: Sequence[float] = AMOUNTS) -> Measured:
    """Hard labels, two amounts, logit normalisation: raw and after temperature."""
    methods = {
        "hard": smoothed(0.0),
        **{f"ε = {a:g}": smoothed(a) for a in amounts},
        "logit norm": instead("logit_norm", TAU),
    }
    found = {name: [_seed(method, seed, small) for seed in seeds] for name, method in methods.items()}
    rows = {name: [[seed[i] for seed in per_seed] for i in range(len(COLUMNS))] for name, per_seed in found.items()}
    some, much = (f"ε = {a:g}" for a in amounts)
    claims = [
        Claim(f"ranking gets worse from hard to {some}", _less(rows, "hard", some, 1)),
        Claim(f"ranking gets worse from {some} to {much}", _less(rows, some, much, 1)),
        Claim(f"temperature improves the ranking of {much}",
              [raw - after for raw, after in zip(rows[much][1], rows[much][2], strict=True)]),
        Claim(f"logit normalisation, after T, ranks better than {much} without",
              _gap(rows[much][1], rows["logit norm"][2])),
        Claim(f"APS sets grow from hard to {some}", _less(rows, "hard", some, 3)),
        Claim(f"APS sets grow from {some} to {much}", _less(rows, some, much, 3)),
        Claim(f"temperature makes the sets of {much} smaller", _gap(rows[much][3], rows[much][4])),
    ]  # fmt: skip
    return Measured(COLUMNS, rows, claims, lambda figure: _draw(figure, rows))


def _gap(more: Sequence[float], less: Sequence[float]) -> list[float]:
    return [a - b for a, b in zip(more, less, strict=True)]


def _less(rows: dict[str, list[list[float]]], less: str, more: str, column: int) -> list[float]:
    return _gap(rows[more][column], rows[less][column])


def _seed(method: Any, seed: int, small: bool) -> list[float]:
    data = gaussians(seed, (1000, 500, 4000), classes=50, apart=APART)
    last = trained(data, method, Settings("mlp", 1 if small else 12, 64, 5e-3), seed).predictions["last"]
    labels, logits = logits_of(last)
    after = logits_of(last, after=True)[1]
    risks = [1000 * excess_aurc(labels, logits=each) for each in (logits, after)]
    return [accuracy(labels, logits=logits), *risks, _size(last, after=False), _size(last, after=True)]


def _size(last: Predictions, *, after: bool) -> float:
    (labels, logits), (val_labels, val_logits) = (logits_of(last, split, after=after) for split in ("test", "val"))
    return conformal_sets(
        labels, logits=logits, val_labels=val_labels, val_logits=val_logits, alpha=0.05, method="aps"
    ).size


def _draw(figure: Any, rows: dict[str, list[list[float]]]) -> None:
    names = [f"{name}{end}" for name in rows for end in ("", ", T")]
    colors = [c for c in (HARD, SMOOTH, THIRD, "#7a4fa3") for _ in range(2)]
    for axes, (raw, after), label in zip(
        figure.subplots(1, 2, sharey=True), ((1, 2), (3, 4)), (COLUMNS[1], COLUMNS[3]), strict=True
    ):
        dots(axes, names, [row[column] for row in rows.values() for column in (raw, after)], colors, label)
