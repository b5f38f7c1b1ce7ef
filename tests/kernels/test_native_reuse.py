"""A graph that is used again gives the same bits, whether its gradient was kept or had to be found again (T25)."""

from __future__ import annotations

import pytest
import torch

from labelsmooth import cross_entropy

SHAPES = [(1, 3), (2, 3), (5, 64), (7, 65), (33, 100), (3, 1000), (2, 5, 6, 7), (130, 10)]
DTYPES = [torch.float32, torch.float64, torch.bfloat16, torch.float16]


def calls(shape: tuple[int, ...], dtype: torch.dtype, seed: int) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Losses of one batch: plain, smoothed, weighted, with ignored rows, of given probabilities."""
    made = torch.Generator().manual_seed(seed)
    logits = (4 * torch.randn(shape, generator=made)).to(dtype).requires_grad_()
    rows, classes = (shape[0], *shape[2:]), shape[1]
    labels = torch.randint(0, classes, rows, generator=made)
    ignored = torch.where(torch.rand(rows, generator=made) < 0.3, -100, labels)
    weight = torch.rand(classes, generator=made) + 0.5
    given = torch.rand(shape, generator=made).softmax(1)
    return [
        cross_entropy(logits, labels),
        cross_entropy(logits, labels, label_smoothing=0.1),
        cross_entropy(logits, labels, weight, label_smoothing=0.1),
        cross_entropy(logits, ignored, reduction="sum", label_smoothing=0.2),
        cross_entropy(logits, given),
    ], logits


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("scale", [1.0, 5.0, 1 / 3, 0.25])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_T25_a_second_backward_has_the_same_bits(shape: tuple[int, ...], scale: float, dtype: torch.dtype) -> None:
    losses, logits = calls(shape, dtype, seed=len(shape))
    for loss in losses:
        value = scale * loss
        first, second, third = (torch.autograd.grad(value, logits, retain_graph=True)[0] for _ in range(3))
        kept = first.clone()
        first.zero_()  # whoever is handed a gradient may write into it
        assert torch.equal(kept, second) and torch.equal(second, third)
