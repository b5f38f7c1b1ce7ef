"""Images moved and mirrored at random while training; off unless asked for."""

from __future__ import annotations

import torch
from torch import Tensor


def augmented(images: Tensor, order: torch.Generator) -> Tensor:
    """Each image (n, C, H, W) mirrored with probability ½ and moved by up to an eighth of its side; edges repeat.

    Drawn from `order` alone, so that every method of a comparison sees the same images in the same order.
    """
    n, _, height, width = images.shape
    mirrored = torch.rand(n, generator=order) < 0.5
    x = torch.where(mirrored[:, None, None, None], images.flip(3), images)
    rows = _moved(n, height, order)[:, None, :, None]
    columns = _moved(n, width, order)[:, None, None, :]
    return x.gather(2, rows.expand(x.shape)).gather(3, columns.expand(x.shape))


def _moved(n: int, side: int, order: torch.Generator) -> Tensor:
    """Positions (n, side) to read, each row moved by its own step."""
    step = torch.randint(-(side // 8), side // 8 + 1, (n, 1), generator=order)
    return (torch.arange(side) + step).clamp(0, side - 1)
