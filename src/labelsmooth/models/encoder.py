"""encoder: a small transformer that reads a text both ways and classifies the mean of its positions."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..data import Dataset
from ._block import Block, check_heads

KINDS = ("text",)


class _Encoder(nn.Module):
    def __init__(self, words: int, length: int, classes: int, dropout: float, width: int, heads: int, depth: int):
        super().__init__()
        self.words = nn.Embedding(words + 1, width, _weight=0.2 * torch.randn(words + 1, width))
        self.positions = nn.Parameter(0.02 * torch.randn(length, width))
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(Block(width, heads, dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, classes)

    def forward(self, texts: Tensor) -> Tensor:
        there = texts >= 0
        read = torch.cat([torch.ones_like(there[:, :1]), there[:, 1:]], 1)  # an empty text still reads one position
        x = self.dropout(self.words(texts + 1) + self.positions[: texts.shape[1]])
        for block in self.blocks:
            x = block(x, read)
        weight = read.to(x.dtype)[:, :, None]
        return self.head((self.norm(x) * weight).sum(1) / weight.sum(1))


def make(dataset: Dataset, dropout: float, *, width: int = 64, heads: int = 4, depth: int = 2) -> nn.Module:
    """`depth` blocks of `heads` heads, `width` numbers a position."""
    check_heads("encoder", width, heads)
    words, length = dataset.cardinalities[0], dataset.train.inputs.shape[1]
    return _Encoder(words, length, len(dataset.classes), dropout, width, heads, depth)
