"""Wrong training labels: what ECE does under smoothing turns with the length of training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from labelsmooth.calibration import expected_calibration_error, signed_gap
from labelsmooth.training import Settings, predict

from ..claims import Claim, Measured
from ..pictures import HARD, INK, SMOOTH, lines
from ..trials import digits, smoothed, trained

TITLE = "Calibration under label noise, against the length of training"
ASKED = "With 40 % wrong training labels, does smoothing help or hurt raw calibration?"
SETTING = (
    "Digits, 320 training rows of which 40 % have a wrong label, validation and test clean; a perceptron, hard "
    "labels "
    "against uniform ε = 0.05, looked at on the test rows while it trains, before temperature."
)
AMOUNT, EPOCHS = 0.05, (3, 5, 10, 20, 40)


def measure(seeds: Sequence[int], small: bool = False, amount: float = AMOUNT) -> Measured:
    """ECE and signed gap at some epochs of one long training each."""
    epochs = (1, 2) if small else EPOCHS
    names = ("hard", f"ε = {amount:g}")
    found = {
        n: np.array([_watched(a, seed, epochs) for seed in seeds]) for n, a in zip(names, (0.0, amount), strict=True)
    }
    hard, smooth = (found[name] for name in names)
    rows = {
        f"{name}, epoch {epoch}": [found[name][:, i, 0].tolist(), found[name][:, i, 1].tolist()]
        for i, epoch in enumerate(epochs)
        for name in names
    }
    claims = [
        Claim("early, hard labels are under-confident (gap below 0)", (-hard[:, 0, 1]).tolist()),
        Claim("early, smoothing raises ECE", (smooth[:, 0, 0] - hard[:, 0, 0]).tolist()),
        Claim("late, hard labels are over-confident (gap above 0)", hard[:, -1, 1].tolist()),
        Claim("late, smoothing lowers ECE", (hard[:, -1, 0] - smooth[:, -1, 0]).tolist()),
    ]
    return Measured(("ECE", "signed gap"), rows, claims, lambda figure: _draw(figure, epochs, found))


def _watched(amount: float, seed: int, epochs: Sequence[int]) -> list[tuple[float, float]]:
    data, looks = digits(seed, 320, label_noise=0.4), []

    def look(epoch: dict[str, Any], model: Any) -> None:
        if epoch["epoch"] in epochs:
            logits = predict(model, data.test.inputs)
            labels = data.test.labels
            looks.append((expected_calibration_error(labels, logits=logits), signed_gap(labels, logits=logits)))

    trained(data, smoothed(amount), Settings("mlp", max(epochs), 32, 2e-3), seed, look)
    return looks


def _draw(figure: Any, epochs: Sequence[int], found: dict[str, np.ndarray]) -> None:
    for axes, column, label in zip(figure.subplots(1, 2), (0, 1), ("ECE", "confidence − accuracy"), strict=True):
        series = {n: (v[:, :, column], c) for (n, v), c in zip(found.items(), (HARD, SMOOTH), strict=True)}
        lines(axes, epochs, series, "epoch", label)
        if column:
            axes.axhline(0, color=INK, linewidth=0.8)
