"""transformer: predicts the next token at every position."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..data import Dataset
from ._block import Block, check_heads

KINDS = ("tokens",)
_LOOK_BACK = 3


class _Transformer(nn.Module):
    """Causal, normalised before each block, with learned positions.

    Every position is given the characters just before it as well as its own: in few steps of training a net of this
    size does not learn by attention what a table of n-grams knows (`pydoc`: 2.15 nats without, 1.8 with).
    """

    def __init__(self, classes: int, length: int, dropout: float, width: int, heads: int, depth: int):
        super().__init__()
        tables = (0.2 * torch.randn(classes, width) for _ in range(_LOOK_BACK + 1))
        self.characters = nn.ModuleList(nn.Embedding(classes, width, _weight=table) for table in tables)
        self.positions = nn.Parameter(0.02 * torch.randn(length, width))
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(Block(width, heads, dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, classes)

    def forward(self, tokens: Tensor) -> Tensor:
        length = tokens.shape[1]
        looked_up = (F.pad(table(tokens), (0, 0, back, 0))[:, :length] for back, table in enumerate(self.characters))
        x = self.dropout(sum(looked_up, self.positions[:length]))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x)).transpose(1, 2)


def make(dataset: Dataset, dropout: float, *, width: int = 64, heads: int = 4, depth: int = 2) -> nn.Module:
    """`depth` blocks of `heads` heads, `width` numbers a position."""
    check_heads("transformer", width, heads)
    return _Transformer(len(dataset.classes), dataset.train.inputs.shape[1], dropout, width, heads, depth)
