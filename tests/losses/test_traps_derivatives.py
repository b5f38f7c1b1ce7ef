"""T26: forward mode, second derivatives, single samples, ensembles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from agreement import agree
from losses.subject import K
from torch import Tensor

from labelsmooth import cross_entropy

STEP = 1e-5


def small(kind: str) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(3)
    z = torch.randn(3, 4, generator=g, dtype=torch.float64)
    y = torch.randint(4, (3,), generator=g)
    return z, y if kind == "indices" else torch.randn(3, 4, generator=g, dtype=torch.float64).softmax(1)


@pytest.fixture(params=["indices", "probabilities"])
def loss_and_logits(request: pytest.FixtureRequest) -> tuple[Callable[[Tensor], Tensor], Tensor]:
    z, target = small(request.param)
    weight = torch.linspace(0.5, 2, 4, dtype=torch.float64)
    smoothing = 0.2 if request.param == "indices" else 0.0
    return lambda x: cross_entropy(x, target, weight, label_smoothing=smoothing), z


def slopes(f: Callable[[Tensor], Tensor], z: Tensor) -> Tensor:
    """The derivatives of f by every entry of z, as central differences: f's shape, then z's."""
    found = []
    for i in range(z.numel()):
        step = torch.zeros(z.numel(), dtype=z.dtype)
        step[i] = STEP
        up, down = (f(z + sign * step.view_as(z)) for sign in (1, -1))
        found.append((up - down) / (2 * STEP))
    return torch.stack(found, -1).reshape(*found[0].shape, *z.shape)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")
def test_T26_forward_mode_has_the_right_tangent(loss_and_logits: Any) -> None:
    loss, z = loss_and_logits
    v = torch.randn_like(z)
    expected = (slopes(loss, z) * v).sum()
    torch.testing.assert_close(torch.func.jvp(loss, (z,), (v,))[1], expected, rtol=1e-7, atol=1e-9)
    with torch.autograd.forward_ad.dual_level():
        dual = loss(torch.autograd.forward_ad.make_dual(z, v))
        tangent = torch.autograd.forward_ad.unpack_dual(dual).tangent
    torch.testing.assert_close(tangent, expected, rtol=1e-7, atol=1e-9)
    assert abs(expected) > 1e-3


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")
def test_T26_second_derivatives(loss_and_logits: Any) -> None:
    loss, z = loss_and_logits
    expected = slopes(lambda x: torch.func.grad(loss)(x), z)
    tolerance = {"rtol": 1e-6, "atol": 1e-8}
    torch.testing.assert_close(torch.func.hessian(loss)(z), expected, **tolerance)
    torch.testing.assert_close(torch.autograd.functional.hessian(loss, z), expected, **tolerance)
    torch.testing.assert_close(torch.func.jacrev(torch.func.jacrev(loss))(z), expected, **tolerance)
    assert torch.autograd.gradgradcheck(loss, z.clone().requires_grad_())


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")
def test_T26_gradients_of_single_samples() -> None:
    z, y = small("indices")
    single = torch.func.vmap(torch.func.grad(lambda x, t: cross_entropy(x, t, label_smoothing=0.2)))(z, y)
    for i in range(len(y)):
        torch.testing.assert_close(single[i], agree(z[i], y[i], label_smoothing=0.2).gradient)
    values = torch.func.vmap(lambda x, t: cross_entropy(x, t, label_smoothing=0.2))(z, y)
    torch.testing.assert_close(values, cross_entropy(z, y, label_smoothing=0.2, reduction="none"))


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")
def test_T26_an_ensemble_of_models() -> None:
    weights, x = torch.randn(3, 4, K, dtype=torch.float64), torch.randn(6, 4, dtype=torch.float64)
    y = torch.randint(K, (6,))
    found = torch.func.vmap(torch.func.grad(lambda w: cross_entropy(x @ w, y, label_smoothing=0.1)))(weights)
    for w, gradient in zip(weights, found, strict=True):
        torch.testing.assert_close(gradient, x.T @ agree(x @ w, y, label_smoothing=0.1).gradient)
