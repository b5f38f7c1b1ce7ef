"""Smoothing gives the logit gap an end, and training arrives there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from labelsmooth.training import Settings, predict

from ..claims import Claim, Measured
from ..pictures import HARD, INK, SMOOTH, THIRD, lines
from ..trials import digits, smoothed, trained

TITLE = "The logit gap against theory"
ASKED = "Does training end at the logit gap log(1 + K(1 − ε)/ε), and has hard training an end?"
SETTING = (
    "A perceptron on 60 rows of digits (K = 10), batches of 12, no weight decay: the mean over training rows of "
    "the "
    "label's logit less the mean of the others."
)
AMOUNTS, EPOCHS = (0.1, 0.2), (5, 10, 20, 40)
TOLERANCE = 0.02


def measure(seeds: Sequence[int], small: bool = False, amounts: Sequence[float] = AMOUNTS) -> Measured:
    """The gap at some epochs for each amount."""
    epochs = (1, 2) if small else EPOCHS
    found = {a: np.array([_watched(a, seed, epochs) for seed in seeds]) for a in (0.0, *amounts)}
    rows = {_name(a): [gap[:, i].tolist() for i in range(len(epochs))] for a, gap in found.items()}
    hard = found[0.0]
    claims = [
        *(Claim(f"ε = {a:g} ends within {TOLERANCE:.0%} of {theory(a):.3f} (relative difference)",
                (found[a][:, -1] / theory(a) - 1).tolist(), within=TOLERANCE) for a in amounts),
        Claim(f"hard labels go beyond the gap of ε = {min(amounts):g}", (hard[:, -1] - theory(min(amounts))).tolist()),
        Claim("hard labels still widen the gap between the last two looks", (hard[:, -1] - hard[:, -2]).tolist()),
    ]  # fmt: skip
    return Measured([f"epoch {e}" for e in epochs], rows, claims, lambda figure: _draw(figure, epochs, found))


def theory(amount: float, classes: int = 10) -> float:
    """log(1 + K(1 − ε)/ε)."""
    return float(np.log1p(classes * (1 - amount) / amount))


def _name(amount: float) -> str:
    return f"ε = {amount:g} (theory {theory(amount):.3f})" if amount else "hard (no bound)"


def _watched(amount: float, seed: int, epochs: Sequence[int]) -> list[float]:
    data = digits(seed, 60)
    data = replace(data, val=data.val.take(np.arange(40)))  # nothing is chosen here
    gaps: list[float] = []

    def look(epoch: dict[str, Any], model: Any) -> None:
        if epoch["epoch"] in epochs:
            logits = predict(model, data.train.inputs).astype(np.float64)
            own = logits[np.arange(len(logits)), data.train.labels]
            gaps.append(float((own - (logits.sum(axis=1) - own) / (logits.shape[1] - 1)).mean()))

    trained(data, replace(smoothed(amount), weight_decay=0.0), Settings("mlp", max(epochs), 12, 5e-3), seed, look)
    return gaps


def _draw(figure: Any, epochs: Sequence[int], found: dict[float, np.ndarray]) -> None:
    axes = figure.subplots()
    colors = (HARD, SMOOTH, THIRD, "#7a4fa3")
    series = {_name(a): (gap, color) for (a, gap), color in zip(found.items(), colors, strict=False)}
    lines(axes, epochs, series, "epoch", "logit gap on training rows")
    for amount in list(found)[1:]:
        axes.axhline(theory(amount), color=INK, linewidth=0.8, linestyle=":")
