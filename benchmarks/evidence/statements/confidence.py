"""Confidence falls always; calibration gains only where hard labels were over-confident."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from labelsmooth.training import Settings

from ..claims import Claim, Measured
from ..pictures import HARD, SMOOTH, dots
from ..trials import digits, figures, gaussians, smoothed, trained

TITLE = "Over-confidence and smoothing"
ASKED = "Does smoothing lower confidence? Does it help raw calibration, and where?"
SETTING = (
    "Perceptrons, last epoch, before temperature, hard labels against uniform ε = 0.1. *Over-confident*: the "
    "eight-class Gaussian mixture, 300 training rows. *Calibrated*: clean digits, 600 rows."
)
AMOUNT = 0.1
FIGURES = ("accuracy", "confidence", "ece", "ece_null")
OVERFIT, CLEAN = Settings("mlp", 15, 32, 2e-3), Settings("mlp", 10, 32, 2e-3)


def measure(seeds: Sequence[int], small: bool = False, amount: float = AMOUNT) -> Measured:
    """Both data sets, with and without smoothing."""
    found = {kind: [_pair(kind, seed, small, amount) for seed in seeds] for kind in ("over-confident", "calibrated")}
    values = {
        f"{kind}, {name}": [[pair[i][column] for pair in pairs] for column in FIGURES]
        for kind, pairs in found.items()
        for i, name in enumerate(("hard", f"ε = {amount:g}"))
    }  # fmt: skip
    hurt = [_rise(pair, amount) for pair in found["calibrated"]]
    claims = [
        *(Claim(f"mean confidence falls ({kind})", _drop(pairs, "confidence")) for kind, pairs in found.items()),
        Claim("ECE falls where hard labels are over-confident", _drop(found["over-confident"], "ece")),
        Claim("ECE rises where hard labels are calibrated", [-d for d in _drop(found["calibrated"], "ece")]),
        Claim("the gap there moves by ε(mean top probability − 1/K), to a factor of 2 (its log₂)", hurt, within=1.0),
    ]
    return Measured(("accuracy", "confidence", "ECE", "ECE null"), values, claims, lambda figure: _draw(figure, values))


def _pair(kind: str, seed: int, small: bool, amount: float) -> list[dict[str, float]]:
    settings = Settings("mlp", 2, 64, 2e-3) if small else OVERFIT if kind == "over-confident" else CLEAN
    data = gaussians(seed, (300, 200, 600)) if kind == "over-confident" else digits(seed, 600)
    return [figures(trained(data, smoothed(a), settings, seed).predictions["last"]) for a in (0.0, amount)]


def _drop(pairs: list[list[dict[str, float]]], name: str) -> list[float]:
    return [hard[name] - smooth[name] for hard, smooth in pairs]


def _rise(pair: list[dict[str, float]], amount: float) -> float:
    """log₂ of how far the signed gap moved, over what theory says for a calibrated model."""
    hard, smooth = pair
    moved = hard["signed_gap"] - smooth["signed_gap"]
    return float(np.log2(max(moved, 1e-6) / (max(amount, 1e-6) * (hard["confidence"] - 0.1))))


def _draw(figure: Any, values: dict[str, list[list[float]]]) -> None:
    left, right = figure.subplots(1, 2, sharey=True)
    colors = [HARD, SMOOTH, HARD, SMOOTH]
    dots(left, list(values), [row[1] for row in values.values()], colors, "mean confidence")
    dots(right, list(values), [row[2] for row in values.values()], colors, "ECE")
