"""Corrupted copies of inputs, in their own units: what a model meets when the world has moved."""

from __future__ import annotations

import numpy as np

from ._types import Source

DESCRIPTION = {
    "image": "half of the images moved up, down, left or right by 1/16 of their side (at least one pixel), all blurred "
    "(weights 1 4 1) and noisy (Gaussian, 10 % of the range of pixels), clipped to that range",
    "vector": "each row scaled about the training mean by a factor from [0.7, 1.3], Gaussian noise of half a training "
    "standard deviation",
    "tokens": "one input token in ten, on average, replaced by a random one; labels untouched",
    "table": "numbers scaled about the training mean by a factor from [0.7, 1.3] for each row, Gaussian noise of half "
    "a training standard deviation; one category in ten, on average, replaced by that of another training row",
    "text": "one word in ten, on average, replaced by a random one",
}
_DIRECTIONS = np.array([(0, 0)] * 4 + [(0, 1), (0, -1), (1, 0), (-1, 0)])


def corrupt(source: Source, inputs: np.ndarray, train: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A corrupted copy of raw `inputs`; ranges, means and deviations come from the raw training inputs."""
    if source.kind == "image":
        return _image(inputs.astype(np.float64), float(train.min()), float(train.max()), rng)
    if source.kind == "vector":
        return _vector(inputs.astype(np.float64), train.astype(np.float64), rng)
    if source.kind == "table":
        return _table(inputs, train, np.array([known is not None for known in source.categories]), rng)
    if source.kind == "text":
        drawn = rng.choice(train[train >= 0], inputs.shape)
        return np.where((rng.random(inputs.shape) < 0.1) & (inputs >= 0), drawn, inputs)
    return np.where(rng.random(inputs.shape) < 0.1, rng.integers(0, len(source.classes), inputs.shape), inputs)


def _image(x: np.ndarray, low: float, high: float, rng: np.random.Generator) -> np.ndarray:
    step = max(1, max(x.shape[2:]) // 16)
    moved = _moved(x, step * _DIRECTIONS[rng.integers(0, len(_DIRECTIONS), len(x))])
    blurred = _blurred(_blurred(moved, 2), 3)
    return np.clip(blurred + 0.1 * (high - low) * rng.standard_normal(x.shape), low, high)


def _moved(x: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Every image moved by its own (dy, dx); the pixels at the edge are repeated."""
    rows = np.clip(np.arange(x.shape[2]) - offsets[:, :1], 0, x.shape[2] - 1)
    columns = np.clip(np.arange(x.shape[3]) - offsets[:, 1:], 0, x.shape[3] - 1)
    return x[np.arange(len(x))[:, None, None], :, rows[:, :, None], columns[:, None, :]].transpose(0, 3, 1, 2)


def _blurred(x: np.ndarray, axis: int) -> np.ndarray:
    index = np.arange(x.shape[axis])
    before, after = np.maximum(index - 1, 0), np.minimum(index + 1, len(index) - 1)
    return (x.take(before, axis) + 4 * x + x.take(after, axis)) / 6


def _vector(x: np.ndarray, train: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    mean, deviation = train.mean(0), train.std(0)
    scale = rng.uniform(0.7, 1.3, (len(x), 1))
    return mean + scale * (x - mean) + 0.5 * deviation * rng.standard_normal(x.shape)


def _table(x: np.ndarray, train: np.ndarray, coded: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    made = x.copy()
    if not coded.all():
        made[:, ~coded] = _vector(x[:, ~coded], np.apply_along_axis(_filled, 0, train[:, ~coded]), rng)
    others = train[rng.integers(0, len(train), len(x))]
    swapped = (rng.random(x.shape) < 0.1) & coded
    return np.where(swapped, others, made)


def _filled(column: np.ndarray) -> np.ndarray:
    empty = np.isnan(column)
    return np.where(empty, np.median(column[~empty]) if not empty.all() else 0.0, column)
