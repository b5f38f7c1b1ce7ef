"""What faults planted in the source showed to be missing (benchmarks/mutants.py): derivatives of every kind."""

from __future__ import annotations

import itertools

import pytest
import torch

from labelsmooth import cross_entropy, smooth_labels
from labelsmooth.schemes import Prior

# Forward mode scripts its decompositions when it is first used: torch's own call, in these two modules of torch.
pytestmark = [
    pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning"),
    pytest.mark.usefixtures("plain_torch"),
]

Z, Y = torch.tensor([[1.0, -2.0, 0.5]] * 4, dtype=torch.float64), torch.tensor([0, 1, 2, 1])


def test_torch_func_sees_the_right_values() -> None:
    """vmap, per-sample gradients and tangents, against the loss itself."""

    def loss(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return cross_entropy(z, y, label_smoothing=0.1)

    rows = cross_entropy(Z, Y, label_smoothing=0.1, reduction="none")
    torch.testing.assert_close(torch.func.vmap(loss)(Z, Y), rows)
    q = smooth_labels(Y, 3, 0.1, dtype=torch.float64)
    torch.testing.assert_close(torch.func.vmap(torch.func.grad(loss))(Z, Y), Z.softmax(1) - q)
    tangent = torch.linspace(-1, 1, 12, dtype=torch.float64).reshape(4, 3)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(Z, tangent)
        _, slope = torch.autograd.forward_ad.unpack_dual(loss(dual, Y))
    torch.testing.assert_close(slope, ((Z.softmax(1) - q) * tangent).sum() / 4)


def test_a_tangent_reaches_logits_that_ask_for_a_gradient() -> None:
    z, tangent = Z.clone().requires_grad_(), torch.linspace(-1, 1, 12, dtype=torch.float64).reshape(4, 3)
    q = smooth_labels(Y, 3, 0.1, dtype=torch.float64)
    for reduction in ("sum", "none"):
        with torch.autograd.forward_ad.dual_level():
            dual = torch.autograd.forward_ad.make_dual(z, tangent)
            loss = cross_entropy(dual, Y, label_smoothing=0.1, reduction=reduction)
            slope = torch.autograd.forward_ad.unpack_dual(loss).tangent
        assert slope is not None
        torch.testing.assert_close(slope.sum().detach(), ((Z.softmax(1) - q) * tangent).sum())


def test_a_gradient_that_is_a_graph_is_the_same_gradient() -> None:
    for reduction in ("mean", "sum", "none"):
        z = Z.clone().requires_grad_()
        loss = cross_entropy(z, Y, label_smoothing=0.1, reduction=reduction).sum()
        (plain,) = torch.autograd.grad(loss, z, retain_graph=True)
        (graph,) = torch.autograd.grad(loss, z, create_graph=True)
        torch.testing.assert_close(graph.detach(), plain, rtol=1e-14, atol=1e-16)


def test_second_derivatives() -> None:
    for smoothing in (0.0, 0.1, Prior(0.2, [0.5, 0.2, 0.3])):
        z = Z.clone().requires_grad_()
        assert torch.autograd.gradgradcheck(lambda z, s=smoothing: cross_entropy(z, Y, label_smoothing=s), (z,))


def test_T7_an_empty_mean_has_no_gradient() -> None:
    """Neither where every row is ignored, nor where rows that count are divided by 0."""
    nothing = [(torch.full((4,), -100), None), (Y, 0), (Y, torch.tensor(0.0))]
    for empty, smoothing, (y, count) in itertools.product(("nan", "zero"), (0.0, 0.1), nothing):
        z = Z.clone().requires_grad_()
        loss = cross_entropy(z, y, label_smoothing=smoothing, empty=empty, num_items=count)
        (gradient,) = torch.autograd.grad(loss, z)
        assert loss.isnan() if empty == "nan" else loss == 0
        assert (gradient == 0).all()
