"""Data that have moved, and rows that are truly ambiguous."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from labelsmooth.calibration import fit_temperature
from labelsmooth.predictions import Predictions
from labelsmooth.training import Settings

from ..claims import Claim, Measured
from ..pictures import HARD, SMOOTH, dots
from ..trials import digits, figures, gaussians, logits_of, probabilities, smoothed, trained

TITLE = "Shifted data, and ambiguous rows"
ASKED = "Is a smoothed model less over-confident on data that have moved? Does it know better which rows are ambiguous?"
SETTING = (
    "*Shifted*: digits, 600 training rows, and their test rows moved, blurred and noisy (`--shift`); temperatures "
    "come from "
    "plain validation rows. *Ambiguous*: 600 rows of the Gaussian mixture; of its test rows those whose true "
    "posterior is "
    "at most 0.6 anywhere; KL from the known posterior to the model, in nats."
)
AMOUNT = 0.1
COLUMNS = ("gap", "gap after T", "NLL after T")


def measure(seeds: Sequence[int], small: bool = False, amount: float = AMOUNT) -> Measured:
    """Plain and shifted digits; ambiguous and clear rows of the mixture."""
    sides = {"hard": 0.0, f"ε = {amount:g}": amount}
    shifted = {name: [_shifted(a, seed, small) for seed in seeds] for name, a in sides.items()}
    unclear = {name: [_ambiguous(a, seed, small) for seed in seeds] for name, a in sides.items()}
    rows = {
        f"{split} digits, {name}": [[seed[split][i] for seed in per_seed] for i in range(3)]
        for split in ("plain", "shifted")
        for name, per_seed in shifted.items()
    }
    kl = {f"{part}, {name}": [[seed[i + j] for seed in per_seed] for j in (0, 1)]
          for i, part in ((0, "ambiguous rows"), (2, "clear rows")) for name, per_seed in unclear.items()}  # fmt: skip
    h_plain, h_shift, s_shift = (
        rows[f"{split} digits, {name}"]
        for split, name in (("plain", "hard"), ("shifted", "hard"), ("shifted", f"ε = {amount:g}"))
    )
    hard, smooth = (kl[f"ambiguous rows, {name}"] for name in sides)
    claims = [
        Claim("shifted data make hard labels over-confident, also after T", _minus(h_shift[1], h_plain[1])),
        Claim("before T the smoothed model is less sure on shifted data", _minus(h_shift[0], s_shift[0])),
        Claim("after T the smoothed model has a lower NLL on shifted data", _minus(h_shift[2], s_shift[2])),
        Claim("before T smoothing is nearer to the truth on ambiguous rows", _minus(hard[0], smooth[0])),
        Claim("after T hard labels are as near or nearer on ambiguous rows", _minus(smooth[1], hard[1])),
    ]
    told = {**rows, **{f"{name}: KL before, after T": values for name, values in kl.items()}}
    return Measured(COLUMNS, told, claims, lambda figure: _draw(figure, rows, kl))


def _minus(more: Sequence[float], less: Sequence[float]) -> list[float]:
    return [a - b for a, b in zip(more, less, strict=True)]


def _shifted(amount: float, seed: int, small: bool) -> dict[str, list[float]]:
    data = digits(seed, 600, shift=True)
    last = trained(data, smoothed(amount), Settings("mlp", 2 if small else 12, 32, 2e-3), seed).predictions["last"]
    return {name: _three(last, split) for name, split in (("plain", "test"), ("shifted", "shifted"))}


def _three(last: Predictions, split: str) -> list[float]:
    before, after = figures(last, split), figures(last, split, after=True)
    return [before["signed_gap"], after["signed_gap"], after["nll"]]


def _ambiguous(amount: float, seed: int, small: bool) -> list[float]:
    """KL(posterior ‖ model) on ambiguous rows before and after T, then on the others."""
    data = gaussians(seed, (600, 300, 2000))
    last = trained(data, smoothed(amount), Settings("mlp", 2 if small else 12, 32, 2e-3), seed).predictions["last"]
    test, val = last.test, last.splits["val"]
    if test.posterior is None:
        raise ValueError("the mixture's rows need their posterior")
    temperature = fit_temperature(val.logits, val.labels)[0]
    unclear = test.posterior.max(axis=1) <= 0.6
    return [
        divergence(test.posterior[part], probabilities(logits_of(last)[1][part] / t))
        for part in (unclear, ~unclear)
        for t in (1.0, temperature)
    ]


def divergence(truth: np.ndarray, model: np.ndarray) -> float:
    """Mean KL(truth ‖ model) of rows, in nats."""
    tiny = np.finfo(np.float64).tiny
    return float((truth * (np.log(np.maximum(truth, tiny)) - np.log(np.maximum(model, tiny)))).sum(axis=1).mean())


def _draw(figure: Any, rows: dict[str, list[list[float]]], kl: dict[str, list[list[float]]]) -> None:
    left, right = figure.subplots(1, 2)
    names = [f"{name}{end}" for name in rows for end in ("", ", T")]
    dots(left, names, [row[i] for row in rows.values() for i in (0, 1)], [HARD, HARD, SMOOTH, SMOOTH] * 2,
         "confidence − accuracy")  # fmt: skip
    left.axvline(0, color="#333333", linewidth=0.8)
    names = [f"{name}{end}" for name in kl for end in ("", ", T")]
    dots(
        right,
        names,
        [row[i] for row in kl.values() for i in (0, 1)],
        [HARD, HARD, SMOOTH, SMOOTH] * 2,
        "KL to the truth",
    )
