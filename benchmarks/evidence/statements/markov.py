"""A language model whose source is known: its distance from the truth, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from labelsmooth.calibration import fit_temperature
from labelsmooth.data import Dataset, DataSplit
from labelsmooth.schemes import unsmooth
from labelsmooth.training import Settings

from ..claims import Claim, Measured
from ..pictures import HARD, INK, SMOOTH, THIRD, dots
from ..trials import probabilities, smoothed, trained
from .robustness import divergence

TITLE = "A language model on a Markov source, with exact KL"
ASKED = "How far from the true next-token distribution does smoothing leave a language model?"
SETTING = (
    "Sequences of 24 tokens (vocabulary 16) from a Markov chain whose transition matrix is drawn with the seed "
    "(rows from a "
    "Dirichlet with 0.1: few likely successors), 600 training sequences; a one-block transformer of width 32, last "
    "epoch. "
    "KL from the true next-token distribution to the model's, in nats, the mean over all test positions."
)
AMOUNT, TOKENS, LENGTH = 0.1, 16, 24


def measure(seeds: Sequence[int], small: bool = False, amount: float = AMOUNT) -> Measured:
    """KL raw, after temperature, and with the smoothing taken out again."""
    found = {
        name: [_seed(a, seed, small) for seed in seeds] for name, a in (("hard", 0.0), (f"ε = {amount:g}", amount))
    }
    rows = {name: [[seed[i] for seed in per_seed] for i in range(4)] for name, per_seed in found.items()}
    hard, smooth = rows.values()
    claims = [
        Claim("smoothing moves the model away from the truth", _minus(smooth[0], hard[0])),
        Claim("temperature brings it back in part", _minus(smooth[0], smooth[1])),
        Claim("after temperature it is still farther than hard labels after temperature", _minus(smooth[1], hard[1])),
        Claim(
            "taking the smoothing out, (p − ε/K)/(1 − ε), brings it nearer than temperature does",
            _minus(smooth[1], smooth[2]),
        ),
        Claim("the smoothed model is nearer to (1 − ε)·truth + ε/K than to the truth", _minus(smooth[0], smooth[3])),
    ]
    columns = ("KL", "KL after T", "KL, smoothing taken out", "KL to the smoothed truth")
    return Measured(columns, rows, claims, lambda figure: _draw(figure, rows))


def _minus(more: Sequence[float], less: Sequence[float]) -> list[float]:
    return [a - b for a, b in zip(more, less, strict=True)]


def source(seed: int, sequences: tuple[int, int, int]) -> tuple[Dataset, np.ndarray]:
    """Sequences drawn from a random chain, split, and its transition matrix."""
    rng = np.random.default_rng([seed, TOKENS])
    chain = rng.dirichlet(np.full(TOKENS, 0.1), size=TOKENS)
    count = sum(sequences)
    drawn = np.empty((count, LENGTH + 1), np.int64)
    drawn[:, 0] = rng.integers(0, TOKENS, count)
    for place in range(LENGTH):
        levels = chain[drawn[:, place]].cumsum(axis=1)
        drawn[:, place + 1] = np.minimum((levels < rng.random((count, 1))).sum(axis=1), TOKENS - 1)
    ends = np.cumsum((0, *sequences))
    splits = [DataSplit(drawn[a:b, :-1], drawn[a:b, 1:], np.arange(a, b)) for a, b in pairwise(ends)]
    return Dataset("markov", "tokens", *splits, None, [str(k) for k in range(TOKENS)], f"markov {seed}", {}), chain


def _seed(amount: float, seed: int, small: bool) -> list[float]:
    data, chain = source(seed, (600, 60, 120))
    settings = Settings("transformer", 1 if small else 5, 32, 1e-2, set={"width": 32, "depth": 1, "heads": 2})
    last = trained(data, smoothed(amount), settings, seed).predictions["last"]
    truth = chain[data.test.inputs.reshape(-1)]
    temperature = fit_temperature(last.splits["val"].logits, last.splits["val"].labels)[0]
    logits = last.test.logits.astype(np.float64)
    model = probabilities(logits)
    return [
        divergence(truth, model),
        divergence(truth, probabilities(logits / temperature)),
        divergence(truth, without(model, amount)),
        divergence((1 - amount) * truth + amount / TOKENS, model),
    ]


def without(model: np.ndarray, amount: float) -> np.ndarray:
    """The library's own inverse of smoothing; nothing below a millionth, rows summing to 1 again."""
    found = np.maximum(unsmooth(model, amount, clip=True).numpy(), 1e-6)
    return np.asarray(found / found.sum(axis=1, keepdims=True))


def _draw(figure: Any, rows: dict[str, list[list[float]]]) -> None:
    axes = figure.subplots()
    hard, smooth = rows.values()
    names = ["hard", "hard, T", "ε = 0.1", "ε = 0.1, T", "ε = 0.1, taken out"]
    dots(axes, names, [hard[0], hard[1], smooth[0], smooth[1], smooth[2]], [HARD, HARD, SMOOTH, SMOOTH, THIRD],
         "KL from the true next-token distribution, nats")  # fmt: skip
    axes.axvline(0, color=INK, linewidth=0.8)
