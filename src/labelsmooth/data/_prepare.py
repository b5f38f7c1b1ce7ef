"""What is done to raw inputs, fitted on the training split alone: one way for each kind of data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from . import _columns, _words
from ._types import Source

_AT_ONCE = 1024


class Prepared(NamedTuple):
    """From raw inputs to a model's, the sizes of its tables of embeddings, and what was done, for the card."""

    transform: Callable[[np.ndarray], np.ndarray]
    cardinalities: tuple[int, ...] = ()
    card: dict[str, Any] = {}  # noqa: RUF012  (never changed)


def fitted(source: Source, train: np.ndarray) -> Prepared:
    """What to do to the inputs of every split, found from the raw training inputs."""
    if source.kind == "tokens":
        return Prepared(lambda inputs: inputs.astype(np.int64))
    if source.kind == "table":
        return Prepared(*_columns.fitted(source.names, source.categories, train))
    if source.kind == "text":
        return Prepared(*_words.fitted(source.vocabulary, train))
    return Prepared(_standard(train, (0,) if source.kind == "vector" else (0, 2, 3)))


def _standard(train: np.ndarray, axes: tuple[int, ...]) -> Callable[[np.ndarray], np.ndarray]:
    """Brings inputs to mean 0 and deviation 1 of training: per feature, or per channel of an image."""
    if train.dtype == np.uint8 and train.ndim == 4:
        mean, deviation = _of_pixels(train)
    else:
        mean = train.mean(axes, keepdims=True, dtype=np.float64)
        deviation = train.std(axes, keepdims=True, dtype=np.float64)
    deviation = np.where(deviation > 1e-12 * np.abs(mean), deviation, 1.0)

    def transform(inputs: np.ndarray) -> np.ndarray:
        made = np.empty(inputs.shape, np.float32)
        for start in range(0, len(inputs), _AT_ONCE):
            rows = slice(start, start + _AT_ONCE)
            made[rows] = (inputs[rows] - mean) / deviation
        return made

    return transform


def _of_pixels(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation per channel, from how often each of the 256 values occurs: no copy in floating point."""
    values = np.arange(256.0)
    shares = [np.bincount(images[:, c].ravel(), minlength=256) / images[:, c].size for c in range(images.shape[1])]
    mean = np.array([share @ values for share in shares])
    variance = np.array([share @ (values - m) ** 2 for share, m in zip(shares, mean, strict=True)])
    return mean[None, :, None, None], np.sqrt(variance)[None, :, None, None]
