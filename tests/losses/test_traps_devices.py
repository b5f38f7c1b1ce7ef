"""T27, T30: no value asked for off the CPU, and addresses beyond 2³¹."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from losses.subject import K
from torch import Tensor
from torch.autograd import grad

from labelsmooth import cross_entropy
from labelsmooth.kernels import portable
from labelsmooth.schemes import Others

CALLS: dict[str, dict[str, Any]] = {
    "hard": {},
    "smoothed": {"label_smoothing": 0.1},
    "others": {"label_smoothing": Others(0.1)},
    "weighted": {"label_smoothing": 0.1, "weight": torch.ones(K, device="meta")},
    "masked": {"mask_below": -9.0, "class_mask": torch.ones(K, dtype=torch.bool, device="meta")},
    "rows": {"row_mask": torch.ones(6, dtype=torch.bool, device="meta"), "empty": "zero"},
    "samples": {"sample_weight": torch.ones(6, device="meta")},
    "items": {"num_items": torch.ones((), device="meta")},
    "sum": {"reduction": "sum"},
}


@pytest.mark.parametrize("target", [torch.int64, torch.uint8, torch.float32])
@pytest.mark.parametrize("name", CALLS)
def test_T27_no_value_is_asked_for_off_the_cpu(name: str, target: torch.dtype) -> None:
    """Tensors of the meta device refuse `.item()`, `bool()` and `.nonzero()`; what a GPU does, only a GPU shows."""
    z = torch.randn(6, K, device="meta", requires_grad=True)
    y = torch.zeros((6, K) if target.is_floating_point else (6,), device="meta").to(target)
    loss = cross_entropy(z, y, **CALLS[name])
    (gradient,) = grad(loss, z)
    assert gradient.shape == z.shape


def test_T27_the_meta_device_does_refuse() -> None:
    for look in (Tensor.item, bool, Tensor.nonzero):
        with pytest.raises((RuntimeError, NotImplementedError)):
            look(torch.ones((), device="meta"))


@pytest.mark.parametrize("shape", [(3 << 20, 1 << 10), (70_000, 50_000), (1, 1 << 32), (2, 4, 1 << 16, 1 << 14)])
def test_T30_addresses_of_more_than_two_to_the_31(shape: tuple[int, ...]) -> None:
    """By simulation: the kernel cuts with slices, whose bounds and addresses are 64 bits wide in torch.

    The storage is one number that every index reads, so the cuts can be made without the memory.
    """
    z = torch.zeros(()).expand(shape)
    assert z.numel() > 1 << 31
    last = None
    rows = 0
    for last in portable.blocks(z):
        cut = last.logits(z)
        rows += cut.numel() // shape[1]
        if rows > 2_000_000:
            break
        assert 0 < cut.numel() <= max(portable.BLOCK, shape[1])
    assert last is not None


def test_T30_blocks_beyond_two_to_the_31_are_where_they_belong() -> None:
    z = torch.arange(1 << 16).view(-1, 1).expand(1 << 16, 1 << 16)
    starts = [block.place[0].start for block in portable.blocks(z)]
    assert starts == list(range(0, 1 << 16, max(1, portable.BLOCK >> 16)))
    last = z[starts[-1] :]
    assert int(last[0, 0]) == starts[-1] and starts[-1] * (1 << 16) > 1 << 31
