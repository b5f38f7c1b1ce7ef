"""What rows without a mask take: one pass over the logits, whatever the target is made of."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import oracle
import pytest
import torch
from agreement import agree
from torch import Tensor

from labelsmooth import binary_cross_entropy_with_logits
from labelsmooth import cross_entropy as any_kernel
from labelsmooth.kernels import _written, portable
from labelsmooth.schemes import ClassMatrix, Others, Prior, Uniform

K = 6
TABLE = torch.rand(K, K, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).softmax(1)
WEIGHT = torch.linspace(0.5, 2, K)
cross_entropy = partial(any_kernel, kernel="portable")
SHAPES = {"small": (7, K), "a map": (3, K, 5, 4), "blocks": (5_000, K)}


def batch(shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(shape[0])
    z = 3 * torch.randn(shape, generator=g, dtype=torch.float64)
    return z.to(dtype), torch.randint(K, (shape[0], *shape[2:]), generator=g)


def soft(z: Tensor) -> Tensor:
    return torch.randn(z.shape, generator=torch.Generator().manual_seed(2)).softmax(1)


def some_ignored(y: Tensor) -> Tensor:
    y = y.clone()
    y[::3] = -100
    return y


KINDS: dict[str, Callable[[Tensor, Tensor], tuple[Tensor, dict[str, Any]]]] = {
    "indices": lambda z, y: (y, {"label_smoothing": 0.1}),
    "ignored rows": lambda z, y: (some_ignored(y), {"label_smoothing": 0.1}),
    "class weights": lambda z, y: (y, {"label_smoothing": 0.1, "weight": WEIGHT}),
    "others, weights": lambda z, y: (y, {"label_smoothing": Others(0.1), "weight": WEIGHT}),
    "prior": lambda z, y: (y, {"label_smoothing": Prior(0.1, WEIGHT / WEIGHT.sum())}),
    "table": lambda z, y: (y, {"label_smoothing": ClassMatrix(0.1, TABLE)}),
    "table, weights": lambda z, y: (y, {"label_smoothing": ClassMatrix(0.1, TABLE), "weight": WEIGHT}),
    "amounts by row": lambda z, y: (y, {"label_smoothing": Uniform(per_sample=torch.rand(y.shape))}),
    "probabilities": lambda z, y: (soft(z), {"label_smoothing": Uniform(0.1, soft_targets=True)}),
    "probabilities, rows dropped": lambda z, y: (soft(z), {"row_mask": y > 1}),
    "probabilities, weights": lambda z, y: (soft(z), {"weight": WEIGHT}),
    "probabilities, others": lambda z, y: (soft(z), {"label_smoothing": Others(0.1, soft_targets=True)}),
    "probabilities, table": lambda z, y: (soft(z), {"label_smoothing": ClassMatrix(0.1, TABLE, soft_targets=True)}),
}


def gradient_of(z: Tensor, target: Tensor, **options: Any) -> tuple[Tensor, Tensor]:
    x = z.clone().requires_grad_()
    loss = cross_entropy(x, target, **options)
    return loss.detach(), torch.autograd.grad(loss, x)[0]


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_written_out_and_the_result_is_the_same(
    kind: str, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against the same call with a mask that forbids nothing, which writes the targets out."""
    monkeypatch.setattr(portable, "BLOCK", 1 << 14)
    z, y = batch(shape)
    target, options = KINDS[kind](z, y)
    want, slope = gradient_of(z, target, **options, class_mask=torch.ones(K, dtype=torch.bool))

    def fail(*_: Any) -> None:
        raise AssertionError("targets were written out")

    monkeypatch.setattr(_written, "write", fail)
    loss, gradient = gradient_of(z, target, **options)
    torch.testing.assert_close(loss, want, rtol=2e-7, atol=0)
    torch.testing.assert_close(gradient, slope, rtol=1e-6, atol=1e-8 * slope.abs().max().item())


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("kind", KINDS)
def test_T34_the_same_bits_with_and_without_a_gradient(kind: str, shape: tuple[int, ...], reduction: str) -> None:
    z, y = batch(shape)
    target, options = KINDS[kind](z, y)
    without = cross_entropy(z, target, reduction=reduction, **options)
    assert torch.equal(cross_entropy(z.clone().requires_grad_(), target, reduction=reduction, **options), without)


CONCENTRATED: dict[str, dict[str, Any]] = {
    "others of two classes": {"label_smoothing": Others(1.0)},
    "a prior of one class": {"label_smoothing": Prior(1.0, torch.tensor([0.0, 1.0]))},
    "a table": {"label_smoothing": ClassMatrix(1.0, torch.tensor([[0.0, 1.0], [1.0, 0.0]]))},
    "weights of 0": {"label_smoothing": 0.1, "weight": torch.tensor([0.0, 1.0])},
}


@pytest.mark.parametrize("rows", [2, 20_000])
@pytest.mark.parametrize("kind", CONCENTRATED)
def test_T19_all_of_the_mass_on_another_class_than_the_true_one(kind: str, rows: int) -> None:
    """There p_k − q_k is what cancels: the gradient must be that of the other class, with the other sign."""
    z = torch.zeros(rows, 2).index_fill_(1, torch.tensor([1]), 27.5)
    _, gradient = gradient_of(z, torch.zeros(rows, dtype=torch.int64), reduction="sum", **CONCENTRATED[kind])
    p = np.exp(-np.longdouble(27.5)) / (1 + np.exp(-np.longdouble(27.5)))
    mass = 0.05 if kind == "weights of 0" else 1.0
    np.testing.assert_allclose(gradient.double().numpy(), [[mass * p, -mass * p]] * rows, rtol=2e-6)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_T4_an_infinite_upstream_leaves_ignored_rows_at_zero(reduction: str) -> None:
    z, y = batch((6, K))
    x, y = z.requires_grad_(), some_ignored(y)
    loss = cross_entropy(x, y, label_smoothing=0.1, reduction=reduction)
    (gradient,) = torch.autograd.grad(loss, x, torch.full_like(loss, torch.inf))
    assert (gradient[::3] == 0).all() and not gradient[1::3].isfinite().any()
    mask = y >= 0
    loss = binary_cross_entropy_with_logits(x[:, 0], mask.float(), mask=mask, reduction=reduction)
    (gradient,) = torch.autograd.grad(loss, x, torch.full_like(loss, torch.inf))
    assert (gradient[::3] == 0).all() and not gradient[1::3, 0].isfinite().any()


@pytest.mark.parametrize("classes", [7, 131_072])
def test_T26_under_a_transform_float32_meets_the_gates_too(classes: int) -> None:
    z = 3 * torch.randn(2, classes, generator=torch.Generator().manual_seed(0))
    agree(z, torch.tensor([3, classes - 1]), "transform", label_smoothing=0.1)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_T26_batched_upstream_gradients_of_the_binary_loss(reduction: str) -> None:
    z, _ = batch((4, 3), torch.float64)
    y, x = (z > 0.3).double(), z.clone().requires_grad_()
    loss = binary_cross_entropy_with_logits(x, y, label_smoothing=0.1, reduction=reduction, mask=z > -2)
    upstream = torch.randn((5, *loss.shape), dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    (together,) = torch.autograd.grad(loss, x, upstream, is_grads_batched=True, retain_graph=True)
    each = [torch.autograd.grad(loss, x, one, retain_graph=True)[0] for one in upstream]
    torch.testing.assert_close(together, torch.stack(each), rtol=0, atol=0)
    by_vmap = torch.func.vmap(lambda one: torch.autograd.grad(loss, x, one, retain_graph=True)[0])(upstream)
    assert torch.equal(by_vmap, together)


def test_T3_a_sum_of_row_losses_is_divided_before_it_overflows() -> None:
    """By hand on the oracle's side: 3000 rows of 1e36 add up to more than float32 holds."""
    z = torch.zeros(3_000, 2).index_fill_(1, torch.tensor([1]), 1e36)
    y = torch.zeros(3_000, dtype=torch.int64)
    want = oracle.cross_entropy(z[:1].double().numpy(), y[:1].numpy(), amount=0.0).loss
    for counted in (None, torch.arange(3_000) > 9):
        loss, gradient = gradient_of(z, y, row_mask=counted)
        np.testing.assert_allclose(loss.double().numpy(), want, rtol=1e-6)
        assert gradient.isfinite().all()
    assert cross_entropy(z, y, reduction="sum") == torch.inf
