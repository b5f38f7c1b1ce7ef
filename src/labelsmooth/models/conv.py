"""conv: three convolutions, the image halved after each of the first two."""

from __future__ import annotations

from torch import nn

from .._checks import UsageError
from ..data import Dataset

KINDS = ("image",)


def make(dataset: Dataset, dropout: float, *, width: int = 16) -> nn.Module:
    """`width` channels in the first layer, twice and four times as many in the next."""
    _, channels, height, wide = dataset.train.inputs.shape
    if min(height, wide) < 8:
        raise UsageError(f"model 'conv' takes images of at least 8x8 pixels; got {height}x{wide}; use model 'mlp'")
    if width % 4:
        raise UsageError(f"setting 'width' of model 'conv' must be a multiple of 4; got {width}")
    return nn.Sequential(
        *_convolution(channels, width),
        nn.MaxPool2d(2),
        *_convolution(width, 2 * width),
        nn.MaxPool2d(2),
        *_convolution(2 * width, 4 * width),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Dropout(dropout),
        nn.Linear(16 * width, len(dataset.classes)),
    )


def _convolution(channels: int, width: int) -> list[nn.Module]:
    """Group rather than batch normalisation: a row's logits never depend on the other rows of its batch."""
    return [nn.Conv2d(channels, width, 3, padding=1), nn.GroupNorm(4, width), nn.ReLU()]
