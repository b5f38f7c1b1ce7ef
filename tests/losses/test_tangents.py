"""T26: tangents in forward mode, of anything that may have one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from losses.drawn_calls import DOUBLE, TABLE, Y, Z
from torch import Tensor
from torch.autograd import forward_ad, gradcheck, gradgradcheck
from torch.func import grad, jvp, linearize, vjp

from labelsmooth import LabelSmoothingLoss, cross_entropy, schemes

# Forward mode scripts its decompositions when it is first used: torch's own call, in these two modules of torch.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")


OTHERS: dict[str, tuple[Tensor, Callable[[Tensor, Tensor], Tensor]]] = {
    "amount": (torch.tensor(0.2, dtype=DOUBLE), lambda z, x: cross_entropy(z, Y, label_smoothing=x)),
    "amount of a scheme": (
        torch.tensor(0.2, dtype=DOUBLE),
        lambda z, x: cross_entropy(z, Y, label_smoothing=schemes.Others(x)),
    ),
    "per_class": (
        torch.tensor([0.1, 0.4, 0.7], dtype=DOUBLE),
        lambda z, x: cross_entropy(z, Y, label_smoothing=schemes.Uniform(per_class=x), reduction="sum"),
    ),
    "probabilities": (TABLE[[0, 1, 2, 0]] + 0.1, lambda z, x: cross_entropy(z, x)),
    "weight": (torch.tensor([0.5, 2, 1], dtype=DOUBLE), lambda z, x: cross_entropy(z, Y, x, label_smoothing=0.1)),
    "weight of rows by class": (
        torch.tensor([0.5, 2, 1], dtype=DOUBLE),
        lambda z, x: cross_entropy(z, Y, x, weight_mode="sample", label_smoothing=0.1),
    ),
    "sample_weight": (
        torch.tensor([0.5, 2, 1, 3], dtype=DOUBLE),
        lambda z, x: cross_entropy(z, Y, sample_weight=x, label_smoothing=0.1),
    ),
    "amount of the divergence": (torch.tensor(0.2, dtype=DOUBLE), lambda z, x: LabelSmoothingLoss(x)(z, Y)),
}


def slope(f: Callable[[Tensor], Tensor], x: Tensor, v: Tensor) -> float:
    h = 1e-6
    return (f(x + h * v) - f(x - h * v)).item() / (2 * h)


@pytest.mark.filterwarnings("ignore:class probabilities must be")
@pytest.mark.parametrize("name", OTHERS)
def test_T26_no_tangent_is_lost(name: str) -> None:
    """A kernel with a gradient by hand would drop a tangent that comes with the target, without a word."""
    x, f = OTHERS[name]
    v = torch.linspace(-0.5, 1, x.numel(), dtype=DOUBLE).reshape(x.shape)
    want = slope(lambda x: f(Z, x), x, v)
    assert abs(want) > 1e-3
    assert jvp(lambda x: f(Z, x), (x,), (v,))[1].item() == pytest.approx(want, abs=1e-8)
    assert (grad(lambda x: f(Z, x))(x) * v).sum().item() == pytest.approx(want, abs=1e-8)
    for z in (Z, Z.clone().requires_grad_()):
        with forward_ad.dual_level():
            tangent = forward_ad.unpack_dual(f(z, forward_ad.make_dual(x, v))).tangent
            assert tangent is not None
            assert tangent.item() == pytest.approx(want, abs=1e-8)


@pytest.mark.filterwarnings("ignore:class probabilities must be")
@pytest.mark.parametrize("name", OTHERS)
def test_T26_derivatives_with_respect_to_everything_else(name: str) -> None:
    x, f = OTHERS[name]
    inputs = (Z.clone().requires_grad_(), x.clone().requires_grad_())
    assert gradcheck(f, inputs, check_forward_ad=True, fast_mode=True)
    assert gradgradcheck(f, inputs, check_fwd_over_rev=True, fast_mode=True)


@pytest.mark.filterwarnings("ignore:Attempted to insert a get_attr Node")  # torch.func.linearize warns of itself
@pytest.mark.parametrize("requires_grad", [False, True])
@pytest.mark.parametrize("rows", [4, 20_000])
def test_T26_tangent_of_the_logits(rows: int, requires_grad: bool) -> None:
    z, v = torch.randn((rows, 3), dtype=DOUBLE), torch.randn((rows, 3), dtype=DOUBLE)
    y = torch.arange(rows) % 3

    def loss(z: Tensor) -> Tensor:
        return cross_entropy(z, y, label_smoothing=0.1, reduction="none")

    q = torch.nn.functional.one_hot(y, 3).to(DOUBLE) * 0.9 + 0.1 / 3
    want = ((z.softmax(1) - q) * v).sum(1)
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(z.clone().requires_grad_(requires_grad), v)
        tangent = forward_ad.unpack_dual(loss(dual)).tangent
        assert tangent is not None
        torch.testing.assert_close(tangent, want, rtol=0, atol=1e-14)
    torch.testing.assert_close(jvp(loss, (z,), (v,))[1], want, rtol=0, atol=1e-14)
    torch.testing.assert_close(linearize(loss, z)[1](v), want, rtol=0, atol=1e-14)
    back = vjp(loss, z)[1](torch.ones(rows, dtype=DOUBLE))[0]
    torch.testing.assert_close((back * v).sum(1), want, rtol=0, atol=1e-14)
