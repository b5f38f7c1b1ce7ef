"""Behaves like X: what other libraries compute, and our call for the same, in value and gradient."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from losses.emulated import (
    CLASSES,
    IGNORED,
    PEERS,
    ROWS,
    Array,
    Batch,
    Peer,
    fairseq,
    hugging_face,
    mmpretrain_classy,
    timm,
    uniform_of_classy,
)

from labelsmooth import cross_entropy
from labelsmooth.schemes import Others

DOCS = Path(__file__).parents[2] / "docs" / "emulation.md"


def draw(seed: int, ignores: bool, scale: float = 3.0) -> Batch:
    rng = np.random.default_rng(seed)
    y = rng.integers(CLASSES, size=ROWS)
    if ignores:
        y = np.where(rng.random(ROWS) < 0.3, IGNORED, y)
    many = (rng.random((ROWS, CLASSES)) < 0.4).astype(float)
    return Batch(scale * rng.normal(size=(ROWS, CLASSES)), y, rng.uniform(0.2, 2, CLASSES), many)


def slope(function: Callable[[Array], Array], z: Array) -> Array:
    """The derivative of the summed loss by central differences."""
    h, found = 1e-6, np.zeros_like(z)
    for at in np.ndindex(z.shape):
        step = np.zeros_like(z)
        step[at] = h
        found[at] = (function(z + step).sum() - function(z - step).sum()) / (2 * h)
    return found


@pytest.mark.parametrize("ε", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("peer", PEERS, ids=str)
def test_behaves_like(peer: Peer, ε: float) -> None:
    for seed in range(5):
        b = draw(seed, peer.ignores)
        z = torch.from_numpy(b.z).requires_grad_()
        loss = peer.ours(z, b, ε)
        want = np.asarray(peer.theirs(b, ε))
        found = loss[torch.from_numpy(b.counts)] if loss.ndim else loss
        want = want[b.counts] if want.ndim else want
        np.testing.assert_allclose(found.detach().numpy(), want, rtol=peer.tolerance, atol=peer.tolerance)
    (gradient,) = torch.autograd.grad(loss.sum(), z)
    by_difference = slope(lambda z: np.asarray(peer.theirs(Batch(z, b.y, b.weight, b.many), ε)), b.z)
    np.testing.assert_allclose(gradient.numpy(), by_difference, rtol=1e-6, atol=2e-8)


@pytest.mark.parametrize("peer", PEERS, ids=str)
def test_every_peer_is_in_the_table(peer: Peer) -> None:
    assert f"| {peer.name} |" in DOCS.read_text(encoding="utf-8")


def test_three_conventions_are_three_losses() -> None:
    """The same ε means different things: the table is needed."""
    b = draw(0, ignores=False)
    uniform, others, classy = timm(b, 0.1), fairseq(b, 0.1) / ROWS, mmpretrain_classy(b, 0.1)
    assert len({round(float(x), 6) for x in (uniform, others, classy)}) == 3


def test_mean_of_means_is_not_the_mean() -> None:
    """Hugging Face without num_items_in_batch: micro-batches of uneven counts weigh the same."""
    b = draw(3, ignores=True)
    halves = [Batch(b.z[s], b.y[s], b.weight, b.many[s]) for s in (slice(0, 3), slice(3, ROWS))]
    counts = [int(part.counts.sum()) for part in halves]
    assert counts[0] != counts[1]
    whole = hugging_face(b, 0.1)
    assert abs(np.mean([hugging_face(part, 0.1) for part in halves]) - whole) > 1e-3
    parts = [
        cross_entropy(torch.from_numpy(p.z), torch.from_numpy(p.y), label_smoothing=0.1, num_items=sum(counts))
        for p in halves
    ]
    assert float(sum(parts)) == pytest.approx(float(whole), abs=1e-14)


def test_megatron_underflows_where_the_loss_is_finite() -> None:
    """It takes the logarithm of probabilities that were float32: a logit gap of 120 gives log 0."""
    z = np.zeros((1, CLASSES), np.float32)
    z[0, 0] = 120
    e = np.exp(z - z.max())
    with np.errstate(divide="ignore"):
        theirs = -np.log(e / e.sum()).mean()
    ours = cross_entropy(torch.from_numpy(z), torch.tensor([0]), label_smoothing=Others(0.1))
    assert np.isinf(theirs)
    assert ours.item() == pytest.approx(0.1 * 120, rel=1e-6)


def test_classy_vision_trains_ignored_rows_towards_the_uniform() -> None:
    """Its ignored rows lose their one-hot target, and are smoothed and counted nevertheless."""
    eps, ε = np.finfo(np.float32).eps, 0.1
    b = draw(3, ignores=True)
    hot = b.hot * b.counts[:, None]
    q = hot / (eps + hot.sum(1, keepdims=True)) + ε / CLASSES
    theirs = b.against(q / q.sum(1, keepdims=True)).mean()
    ours = uniform_of_classy(torch.from_numpy(b.z), b, ε).item()
    as_theirs = np.where(b.counts, b.against(np.where(hot.any(1, keepdims=True), (hot + ε / CLASSES) / (1 + ε), 0)), 0)
    uniform = -b.log_p.mean(1)
    assert theirs == pytest.approx((as_theirs.sum() + uniform[~b.counts].sum()) / ROWS, rel=1e-6)
    assert ours == pytest.approx(as_theirs.sum() / b.counts.sum(), rel=1e-12)
