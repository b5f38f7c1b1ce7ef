"""Trainings that several statements share: the product's own trials, on data that a seed decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from labelsmooth.calibration import fit_temperature, summary
from labelsmooth.data import Dataset, DataSplit, load
from labelsmooth.data.sources import mixture
from labelsmooth.methods import Method
from labelsmooth.predictions import Predictions
from labelsmooth.training import Settings, TrialResult, run_trial

HARD = Method("hard", "hard")


def smoothed(amount: float) -> Method:
    """Uniform smoothing by this amount; hard labels for 0."""
    if not amount:
        return HARD
    return replace(HARD, name=f"uniform {amount:g}", family="smooth", scheme="uniform", label_smoothing=amount)


def instead(rival: str, setting: float) -> Method:
    """A rival of smoothing."""
    return replace(HARD, name=f"{rival} {setting:g}".replace("_", " "), family="rival", rival=rival, setting=setting)


def trained(
    data: Dataset, method: Method, settings: Settings, seed: int, look: Callable[..., None] | None = None
) -> TrialResult:
    """One trial of the product."""
    return run_trial(data, method, settings, seed, look)


def digits(seed: int, rows: int, **options: Any) -> Dataset:
    """Handwritten digits, split by this seed, with so many training rows."""
    data = load("digits", seed=seed, **options)
    return replace(data, train=data.train.take(np.arange(min(rows, len(data.train)))))


def gaussians(seed: int, rows: tuple[int, int, int], classes: int = mixture.K, apart: float = 1.0) -> Dataset:
    """Rows of a Gaussian mixture with known posterior, its means and deviations drawn as the built-in mixture's are."""
    rng = np.random.default_rng([seed, classes])
    shape = (classes, mixture.D)
    built_in = classes == mixture.K
    mean, deviation = (
        mixture.parameters() if built_in else (0.48 * rng.standard_normal(shape), rng.uniform(0.8, 1.25, shape))
    )
    splits, start = [], 0
    for count in rows:
        labels = rng.integers(0, classes, count)
        noise = deviation[labels] * rng.standard_normal((count, mixture.D))
        inputs = (apart * mean[labels] + noise).astype(np.float32)
        known = mixture.posterior(inputs, apart * mean, deviation)
        splits.append(DataSplit(inputs, labels, np.arange(start, start + count), posterior=known))
        start += count
    names = [str(k) for k in range(classes)]
    return Dataset("mixture", "vector", *splits, None, names, f"mixture {seed}", {})


def logits_of(predictions: Predictions, split: str = "test", *, after: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Labels and logits of a split, on request after the temperature that validation gives."""
    val, rows = predictions.splits["val"], predictions.splits[split]
    temperature = fit_temperature(val.logits, val.labels)[0] if after else 1.0
    return rows.labels, rows.logits.astype(np.float64) / temperature


def figures(predictions: Predictions, split: str = "test", *, after: bool = False) -> dict[str, float]:
    """The product's summary of a split."""
    return summary(*logits_of(predictions, split, after=after))


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Softmax of rows, in float64."""
    weight = np.exp(logits - logits.max(axis=1, keepdims=True))
    return weight / weight.sum(axis=1, keepdims=True)
