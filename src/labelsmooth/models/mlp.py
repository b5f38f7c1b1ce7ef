"""mlp: a perceptron of equally wide layers; categories of a table are embedded."""

from __future__ import annotations

from torch import nn

from ..data import Dataset
from ._inputs import flat

KINDS = ("vector", "image", "table")


def make(dataset: Dataset, dropout: float, *, width: int = 128, depth: int = 2) -> nn.Module:
    """`depth` layers of `width` units."""
    first, features = flat(dataset)
    layers = [layer for i in range(depth) for layer in _dense(width if i else features, width, dropout)]
    return nn.Sequential(first, *layers, nn.Linear(width, len(dataset.classes)))


def _dense(features: int, width: int, dropout: float) -> list[nn.Module]:
    return [nn.Linear(features, width), nn.ReLU(), nn.Dropout(dropout)]
