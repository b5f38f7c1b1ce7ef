"""The first layer of a model of vectors, images and tables: flat rows of numbers, categories embedded."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..data import Dataset

_WIDEST = 16


class Embedded(nn.Module):
    """The last columns of a table are places in tables of embeddings, about half as wide as they have rows."""

    def __init__(self, cardinalities: tuple[int, ...], columns: int):
        super().__init__()
        widths = [min(_WIDEST, (rows + 1) // 2) for rows in cardinalities]
        self.tables = nn.ModuleList(
            nn.Embedding(rows, width) for rows, width in zip(cardinalities, widths, strict=True)
        )
        self.numbers = columns - len(cardinalities)
        self.features = self.numbers + sum(widths)

    def forward(self, rows: Tensor) -> Tensor:
        places = rows[:, self.numbers :].long()
        return torch.cat([rows[:, : self.numbers], *(t(places[:, i]) for i, t in enumerate(self.tables))], 1)


def flat(dataset: Dataset) -> tuple[nn.Module, int]:
    """The layer that makes rows (n, features) of inputs, and the number of features."""
    if dataset.cardinalities and dataset.kind == "table":
        embedded = Embedded(dataset.cardinalities, dataset.train.inputs.shape[1])
        return embedded, embedded.features
    return nn.Flatten(), int(dataset.train.inputs[0].size)
