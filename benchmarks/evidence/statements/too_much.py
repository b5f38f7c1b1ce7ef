"""ε = 0.9: classes that are near blur."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from labelsmooth.calibration import accuracy
from labelsmooth.predictions import Split
from labelsmooth.training import Settings

from ..claims import Claim, Measured
from ..pictures import HARD, SMOOTH, THIRD, dots
from ..trials import figures, gaussians, smoothed, trained

TITLE = "Too much smoothing, and the most confused pairs"
ASKED = "What does ε = 0.9 do to accuracy, to probabilities, and to the classes that are hard to tell apart?"
SETTING = (
    "A perceptron on 400 rows of the eight-class Gaussian mixture, last epoch of 20. The pair is the one that hard "
    "labels "
    "confuse most often on validation; its error is read on the test rows of these two classes. NLL after "
    "temperature."
)
AMOUNTS = (0.1, 0.9)


def measure(seeds: Sequence[int], small: bool = False, amounts: Sequence[float] = AMOUNTS) -> Measured:
    """Accuracy, NLL and the error of the pair for each amount."""
    found = [_seed(seed, small, (0.0, *amounts)) for seed in seeds]
    rows = {
        "hard" if not a else f"ε = {a:g}": [[seed[i][column] for seed in found] for column in range(3)]
        for i, a in enumerate((0.0, *amounts))
    }
    worse = {c: [seed[-1][c] - seed[0][c] for seed in found] for c in range(3)}
    claims = [
        Claim(f"the most confused pair is confused more often at ε = {amounts[-1]:g}", worse[2]),
        Claim(f"accuracy is lower at ε = {amounts[-1]:g}", [-d for d in worse[0]]),
        Claim(f"NLL after temperature is higher at ε = {amounts[-1]:g}", worse[1]),
    ]
    return Measured(("accuracy", "NLL after T", "error of the pair"), rows, claims, lambda figure: _draw(figure, rows))


def _seed(seed: int, small: bool, amounts: Sequence[float]) -> list[tuple[float, float, float]]:
    data, settings = gaussians(seed, (400, 400, 6000)), Settings("mlp", 2 if small else 20, 64, 2e-3)
    last = [trained(data, smoothed(a), settings, seed).predictions["last"] for a in amounts]
    pair = _most_confused(last[0].splits["val"])
    found = []
    for each in last:
        test = each.splits["test"]
        rows = np.isin(test.labels, pair)
        error = 1 - accuracy(test.labels[rows], logits=test.logits[rows])
        after = figures(each, after=True)
        found.append((after["accuracy"], after["nll"], error))
    return found


def _most_confused(split: Split) -> list[int]:
    classes = split.logits.shape[1]
    table = np.zeros((classes, classes))
    np.add.at(table, (split.labels, split.logits.argmax(axis=1)), 1)
    return list(divmod(int(np.triu(table + table.T, 1).argmax()), classes))


def _draw(figure: Any, rows: dict[str, list[list[float]]]) -> None:
    labels = ("accuracy", "NLL after T", "error of the pair")
    for column, axes in enumerate(figure.subplots(1, 3, sharey=True)):
        dots(axes, list(rows), [row[column] for row in rows.values()], (HARD, SMOOTH, THIRD), labels[column])
