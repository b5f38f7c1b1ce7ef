"""Confident classes in shards: no gradient of theirs is found by subtraction from 1 (T19)."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from oracle import EXTENDED, Array, Options, solve
from parallel.simulated import Simulated, on_ranks
from torch import Tensor

from labelsmooth import parallel, schemes

pytestmark = pytest.mark.skipif(not EXTENDED, reason="longdouble is no wider than float64 on this machine")

K, SIZES = 9, [4, 0, 2, 3]
GAPS = np.arange(2, 31, 2)


def rows(top: int, dtype: torch.dtype) -> Tensor:
    """One class ahead of all others by 2 to 30: p up to 1 − 1e-12."""
    z = np.sin(np.arange(len(GAPS) * K)).reshape(len(GAPS), K)
    z[:, top] = np.delete(z, top, 1).max(1) + GAPS
    return torch.from_numpy(z).to(dtype)


def gradient(z: Tensor, y: Tensor, scheme: schemes.Scheme) -> Array:
    parts = z.split(SIZES, 1)

    def run(world: Simulated) -> Tensor:
        own = parts[world.rank].clone().requires_grad_()
        loss = parallel.cross_entropy(own, y, group=world, label_smoothing=scheme, reduction="sum")
        return torch.autograd.grad(loss, own)[0]

    return torch.cat(on_ranks(len(SIZES), run), 1).double().numpy()


def swap() -> Array:
    """All mass of class 0 on class 7, and the other way round, all but a little."""
    table = np.eye(K)
    table[[0, 7]] = table[[7, 0]]
    return table * (1 - 2.0**-40) + 2.0**-40 / K


CASES = {
    "hard": (0.0, "uniform", lambda: schemes.Uniform(0.0)),
    "a little uniform": (2.0**-30, "uniform", lambda: schemes.Uniform(2.0**-30)),
    "a little others": (2.0**-30, "others", lambda: schemes.Others(2.0**-30)),
    "all on another class": (1.0, swap(), lambda: schemes.ClassMatrix(1.0, torch.from_numpy(swap()))),
    "all by one row": (1.0, swap()[0], lambda: schemes.Prior(1.0, torch.from_numpy(swap()[0]))),
}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("top", [0, 7])
@pytest.mark.parametrize("name", CASES)
def test_T19_the_digits_of_a_confident_class_are_kept_in_shards(name: str, top: int, dtype: torch.dtype) -> None:
    amount, spread, scheme = CASES[name]
    z, y = rows(top, dtype), torch.zeros(len(GAPS), dtype=torch.int64)
    want = solve(z.double().numpy(), y.numpy(), Options(amount=amount, spread=spread, reduction="sum")).gradient
    p = np.exp(z.double().numpy().astype(np.longdouble))
    left = 1 - (p / p.sum(1, keepdims=True))[:, top]
    error = np.abs(gradient(z, y, scheme()) - want)[:, top]
    unit = 1e-12 if dtype == torch.float64 else 16 * 2.0**-24
    assert (error <= unit * np.maximum(np.abs(want[:, top]), left)).all(), (error / left).max()
    assert left.min() < 2e-12
