"""Short rows, which the compiled kernel solves many at a time: each row as if it were alone (T19, T21)."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from judge import UNIT, numbers
from oracle import EXTENDED
from oracle import cross_entropy as oracle
from torch import Tensor

from labelsmooth import cross_entropy
from labelsmooth.kernels import _compiled

OPENED = _compiled.load()
pytestmark = [
    pytest.mark.skipif(isinstance(OPENED, _compiled.Missing), reason=f"no compiled kernel: {OPENED}"),
    pytest.mark.skipif(not EXTENDED, reason="longdouble is no wider than float64 on this machine"),
]
ROWS = 165
LOW = -torch.inf


def logits(K: int, kind: str) -> tuple[Tensor, Tensor]:
    """Rows of every kind among ordinary ones, where a tile begins, ends and in between."""
    g = torch.Generator().manual_seed(K)
    z, y = torch.randn(ROWS, K, generator=g) * 3, torch.randint(K, (ROWS,), generator=g)
    rows = torch.tensor([0, 31, 32, 63, 64, 100, ROWS - 1])
    if kind == "confident":
        z[rows, y[rows]] += 40
    elif kind == "optimal":
        z[rows] = 0
        z[rows, y[rows]] = float(np.log((0.9 + 0.1 / K) / (0.1 / K))) + 1e-2
    elif kind == "masked":
        z[rows, (y[rows] + 1) % K] = LOW
    elif kind == "ignored":
        z[rows] = torch.nan
        y[rows] = -100
    return z, y


def agrees(z: Tensor, y: Tensor) -> None:
    leaf = z.clone().requires_grad_()
    losses = cross_entropy(leaf, y, label_smoothing=0.1, reduction="none")
    (gradient,) = torch.autograd.grad(losses.sum(), leaf)
    counted = (y != -100).numpy()
    answer = oracle(numbers(z)[counted], y.numpy()[counted], amount=0.1, reduction="none")
    wide = torch.float64 if z.dtype == torch.float64 else torch.float32
    assert (np.abs(numbers(losses)[counted] - answer.loss) <= UNIT[wide] * (1 + np.abs(answer.loss))).all()
    largest = np.abs(answer.gradient).max(1, keepdims=True)
    room = UNIT[z.dtype] * (np.abs(answer.gradient) + 0.01 * largest)
    assert (np.abs(numbers(gradient)[counted] - answer.gradient) <= room + 1e-38).all()
    assert not numbers(gradient)[~counted].any()


@pytest.mark.parametrize("kind", ["ordinary", "confident", "optimal", "masked", "ignored"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_each_row_as_if_it_were_alone(instruction_set: str, dtype: torch.dtype, kind: str) -> None:
    for K in (2, 3, 7, 8, 9, 16, 17, 64, 65, 100, 112, 113):
        z, y = logits(K, kind)
        agrees(z.to(dtype), y)


@pytest.mark.parametrize("K", [3, 10, 100])
def test_rows_that_lie_apart_leave_their_neighbours_alone(instruction_set: str, K: int) -> None:
    z, y = logits(K, "ordinary")
    wide = torch.full((ROWS, K + 3), torch.nan)
    wide[:, :K] = z
    view = wide[:, :K].requires_grad_()
    (gradient,) = torch.autograd.grad(cross_entropy(view, y, label_smoothing=0.1), view)
    leaf = z.requires_grad_()
    (expected,) = torch.autograd.grad(cross_entropy(leaf, y, label_smoothing=0.1), leaf)
    assert torch.equal(gradient, expected)


@pytest.mark.parametrize("rows", [1, 3, 4, 15, 16, 31, 33, 500])
def test_the_same_bits_for_any_number_of_threads(rows: int) -> None:
    before, found = torch.get_num_threads(), []
    z, y = torch.randn(rows * 40, 100, requires_grad=True), torch.randint(100, (rows * 40,))
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            loss = cross_entropy(z, y, label_smoothing=0.1)
            found.append((loss.detach(), *torch.autograd.grad(loss, z)))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(a, b) for other in found[1:] for a, b in zip(found[0], other, strict=True))
