"""What is done to raw inputs, fitted on the training split alone: one way for each kind of data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from . import _columns, _words
from ._types import Source


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
    mean = train.mean(axes, keepdims=True, dtype=np.float64)
    deviation = train.std(axes, keepdims=True, dtype=np.float64)
    deviation = np.where(deviation > 1e-12 * np.abs(mean), deviation, 1.0)
    return lambda inputs: ((inputs - mean) / deviation).astype(np.float32)
