"""The gradient where a model is nearly sure, and what that does to training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from labelsmooth import cross_entropy
from labelsmooth.training import Settings

from ..claims import Claim, Measured
from ..pictures import HARD, INK, SMOOTH, THIRD, dots, lines
from ..trials import gaussians, smoothed, trained

TITLE = "Gradients at the extremes, and the stability of training"
ASKED = "Which gradient vanishes when a model is nearly sure? Is smoothed training steadier?"
SETTING = (
    "*Gradients*: the label's entry of the gradient (K = 10, ε = 0.1) for logits drawn from a normal, the label's "
    "set so "
    "far above the mean of the others. *Stability*: a perceptron on 300 rows of the Gaussian mixture, learning "
    "rate 0.002 "
    "and 0.05, 20 epochs; the standard deviation, over the last ten epochs, of the validation NLL after "
    "temperature, and "
    "how much the last epoch lost against the best."
)
STEADIER = ("smoothing lowers the spread of the NLL", "the last epoch loses less with smoothing")
AMOUNT, LEADS, RATES = 0.1, (-20.0, -10.0, -5.0, 0.0, 5.0, 10.0, 20.0), (0.002, 0.05)


def measure(seeds: Sequence[int], small: bool = False, amount: float = AMOUNT) -> Measured:
    """Gradients at each lead, and trainings at each rate."""
    entries = {name: np.array([_entries(a, seed) for seed in seeds]) for name, a in (("hard", 0.0), ("smooth", amount))}
    runs = {rate: [[_steadiness(a, rate, seed, small) for a in (0.0, amount)] for seed in seeds] for rate in RATES}
    hard, smooth = entries["hard"], entries["smooth"]
    rows = {
        **{f"gradient, lead {lead:g}": [hard[:, i].tolist(), smooth[:, i].tolist()] for i, lead in enumerate(LEADS)},
        **{f"{what}, rate {rate:g}": [[run[side][i] for run in found] for side in (0, 1)]
           for rate, found in runs.items() for i, what in enumerate(("spread of NLL", "last over best"))},
    }  # fmt: skip
    claims = [
        Claim("right and sure (lead 20): the hard gradient vanishes (below 0.001)", hard[:, -1].tolist(), within=1e-3),
        Claim("right and sure (lead 20): the smoothed gradient pulls back, by more than 0.05",
              (smooth[:, -1] - 0.05).tolist()),
        Claim("wrong and sure (lead −20): both push with nearly all they have; they differ by less than 0.1",
              (smooth[:, 0] - hard[:, 0]).tolist(), within=0.1),
        *(Claim(f"stability: {what}, learning rate {rate:g}", [run[0][i] - run[1][i] for run in found])
          for rate, found in runs.items()
          for i, what in enumerate(STEADIER)),
    ]  # fmt: skip
    return Measured(("hard", "smoothed"), rows, claims, lambda figure: _draw(figure, entries, runs))


def _entries(amount: float, seed: int) -> list[float]:
    """The gradient's entry of the label, p_y − q_y, at each lead."""
    rng = np.random.default_rng(seed)
    logits = torch.from_numpy(rng.standard_normal((len(LEADS), 10)))
    logits[:, 0] = logits[:, 1:].mean(dim=1) + torch.tensor(LEADS, dtype=logits.dtype)
    logits.requires_grad_()
    labels = torch.zeros(len(LEADS), dtype=torch.int64)
    cross_entropy(logits, labels, label_smoothing=amount, reduction="sum").backward()
    if logits.grad is None:
        raise RuntimeError("the loss left no gradient")
    return [float(entry) for entry in logits.grad[:, 0]]


def _steadiness(amount: float, rate: float, seed: int, small: bool) -> tuple[float, float]:
    settings = Settings("mlp", 3 if small else 20, 64, rate)
    history = trained(gaussians(seed, (300, 200, 200)), smoothed(amount), settings, seed).history
    values = np.array([epoch["val_nll_after"] for epoch in history])
    return float(values[-10:].std()), float(values[-1] - values.min())


def _draw(figure: Any, entries: dict[str, np.ndarray], runs: dict[float, list[list[tuple[float, float]]]]) -> None:
    left, right = figure.subplots(1, 2)
    series = {"hard": (entries["hard"], HARD), "ε = 0.1": (entries["smooth"], SMOOTH)}
    lines(left, LEADS, series, "lead of the label's logit", "gradient at the label")
    left.axhline(0, color=INK, linewidth=0.8)
    names = [f"{what}\nrate {rate:g}" for rate in runs for what in ("spread", "last over best")]
    values = [[run[0][i] - run[1][i] for run in found] for found in runs.values() for i in (0, 1)]
    dots(right, names, values, [THIRD] * 4, "hard − smoothed (NLL)")
    right.axvline(0, color=INK, linewidth=0.8)
