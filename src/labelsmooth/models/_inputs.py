"""The first layer of a model of vectors, images and tables: flat rows of numbers, categories embedded."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..data import Dataset

_WIDEST = 16


class Embedded(nn.Module):
    """The last columns of a table are places in one table of embeddings, each column in rows of its own.

    One look-up for all columns: a table for each would take most of the time of a small model.
    """

    start: Tensor

    def __init__(self, cardinalities: tuple[int, ...], columns: int):
        super().__init__()
        width = min(_WIDEST, (max(cardinalities) + 1) // 2)
        self.table = nn.Embedding(sum(cardinalities), width)
        self.register_buffer("start", torch.tensor([0, *cardinalities[:-1]]).cumsum(0))
        self.numbers = columns - len(cardinalities)
        self.features = self.numbers + width * len(cardinalities)

    def forward(self, rows: Tensor) -> Tensor:
        places = rows[:, self.numbers :].long() + self.start
        return torch.cat([rows[:, : self.numbers], self.table(places).flatten(1)], 1)


def flat(dataset: Dataset) -> tuple[nn.Module, int]:
    """The layer that makes rows (n, features) of inputs, and the number of features."""
    if dataset.cardinalities and dataset.kind == "table":
        embedded = Embedded(dataset.cardinalities, dataset.train.inputs.shape[1])
        return embedded, embedded.features
    return nn.Flatten(), int(dataset.train.inputs[0].size)
