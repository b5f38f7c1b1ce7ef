"""linear: logistic regression; categories of a table are embedded."""

from __future__ import annotations

from torch import nn

from ..data import Dataset
from ._inputs import flat

KINDS = ("vector", "image", "table")


def make(dataset: Dataset, dropout: float) -> nn.Module:
    """One layer."""
    first, features = flat(dataset)
    return nn.Sequential(first, nn.Dropout(dropout), nn.Linear(features, len(dataset.classes)))
