"""bag: the mean of the embeddings of a text's words, then a dense layer (after Joulin et al. 2017, section 2)."""

from __future__ import annotations

from torch import Tensor, nn

from ..data import Dataset

KINDS = ("text",)


class _Bag(nn.Module):
    def __init__(self, words: int, classes: int, width: int, dropout: float):
        super().__init__()
        self.words = nn.EmbeddingBag(words + 1, width, mode="mean", padding_idx=0)
        self.head = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(width, width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, classes)
        )

    def forward(self, texts: Tensor) -> Tensor:
        return self.head(self.words(texts + 1))


def make(dataset: Dataset, dropout: float, *, width: int = 64) -> nn.Module:
    """Embeddings of `width` numbers."""
    return _Bag(dataset.cardinalities[0], len(dataset.classes), width, dropout)
