"""A block of a transformer, normalised before each part (Xiong et al. 2020)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from .._checks import UsageError


def check_heads(name: str, width: int, heads: int) -> None:
    """Raise UsageError where the width cannot be divided among the heads."""
    if width % heads:
        raise UsageError(f"setting 'width' of model {name!r} must be a multiple of its {heads} heads; got {width}")


class Block(nn.Module):
    """Attention, then a dense layer; causal where no mask says which positions (n, L) are read."""

    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        self.heads = heads
        self.norm_attention, self.norm_dense = nn.LayerNorm(width), nn.LayerNorm(width)
        self.queries_keys_values, self.mix = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.dense = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, read: Tensor | None = None) -> Tensor:
        x = x + self.dropout(self.mix(self._attend(self.norm_attention(x), read)))
        return x + self.dropout(self.dense(self.norm_dense(x)))

    def _attend(self, x: Tensor, read: Tensor | None) -> Tensor:
        n, length, width = x.shape
        shaped = self.queries_keys_values(x).view(n, length, 3, self.heads, width // self.heads)
        q, k, v = shaped.permute(2, 0, 3, 1, 4)
        mask = None if read is None else read[:, None, None, :]
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=read is None)
        return mixed.transpose(1, 2).reshape(n, length, width)
