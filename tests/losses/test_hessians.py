"""T26: second and third derivatives, and many upstream gradients at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import oracle
import pytest
import torch
from losses.drawn_calls import DOUBLE, Call, Y, Z, build
from torch import Tensor
from torch.func import hessian, jacfwd, jacrev, vmap

from labelsmooth import cross_entropy
from labelsmooth.kernels import portable

# Forward mode scripts its decompositions when it is first used: torch's own call, in these two modules of torch.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")


HESSIANS: dict[str, Callable[..., Callable[[Tensor], Tensor]]] = {
    "hessian": hessian,
    "jacfwd of jacrev": lambda f: jacfwd(jacrev(f)),
    "jacrev of jacrev": lambda f: jacrev(jacrev(f)),
    "jacrev of jacfwd": lambda f: jacrev(jacfwd(f)),
    "jacfwd of jacfwd": lambda f: jacfwd(jacfwd(f)),
    "autograd": lambda f: lambda z: torch.autograd.functional.hessian(f, z),
    "autograd, vectorised": lambda f: lambda z: torch.autograd.functional.hessian(f, z, vectorize=True),
}


def curvature(call: Call, m: Tensor) -> Tensor:
    """m(diag p − ppᵀ) of each row on the diagonal, in numpy; `m` has one number for each row of (N, K) logits."""
    n, k = call.logits.shape
    out = np.zeros((n, k, n, k))
    for i, z in enumerate(call.logits.numpy().astype(oracle.REAL)):
        p = np.exp(z - z.max()) / np.exp(z - z.max()).sum()
        out[i, :, i] = float(m[i]) * (np.diag(p) - np.outer(p, p))
    return torch.from_numpy(out)


@pytest.mark.parametrize("way", HESSIANS)
@pytest.mark.parametrize("mask", ["none", "-inf"])
@pytest.mark.parametrize("scheme", ["none", "uniform", "class_matrix"])
def test_T26_hessian_is_that_of_the_softmax(scheme: str, mask: str, way: str) -> None:
    call = build(("indices", "(N, K)", "mean", "none", "none", mask, scheme))
    found = HESSIANS[way](call)(call.logits)
    torch.testing.assert_close(found, curvature(call, torch.full((3,), 1 / 3, dtype=DOUBLE)), rtol=0, atol=1e-15)


@pytest.mark.parametrize("way", HESSIANS)
def test_T26_hessian_with_class_weights_and_a_dropped_row(way: str) -> None:
    call = build(("indices", "(N, K)", "sum", "torch", "one row", "none", "uniform"))
    w, y = call.options["weight"], call.target[:2]
    m = torch.cat(((1 - 0.2) * w[y] + 0.2 * w.mean(), torch.zeros(1)))
    found = HESSIANS[way](call)(call.logits)
    want = curvature(Call(call.words, call.logits.nan_to_num(), call.target, {}, {}), m)
    torch.testing.assert_close(found, want, rtol=0, atol=1e-15)


@pytest.mark.parametrize("shift", [0.0, 1e3, -1e6])
@pytest.mark.parametrize("way", HESSIANS)
def test_T26_hessian_of_a_confident_row_keeps_its_digits(way: str, shift: float) -> None:
    """p(1 − p) near p = 1 would be 0 if 1 − p were found by subtraction."""
    z = torch.tensor([[60.0, 0.0, -20.0]], dtype=DOUBLE) + shift
    found = HESSIANS[way](lambda z: cross_entropy(z, torch.tensor([0])))(z)[0, :, 0]
    p = np.exp(z.numpy()[0].astype(oracle.REAL) - z.max().item())
    p = p / p.sum()
    rest = np.array([p[1] + p[2], p[0] + p[2], p[0] + p[1]])
    want = (np.diag(p * rest) - np.outer(p, p) * (1 - np.eye(3))).astype(float)
    np.testing.assert_allclose(found.numpy(), want, rtol=1e-14, atol=0)


@pytest.mark.parametrize("rows", [50, 4000])
def test_T26_products_with_the_hessian_small_and_in_blocks(rows: int) -> None:
    """Both forms of the everyday kernel, differentiated twice: m(p∘v − p⟨p, v⟩)."""
    g = torch.Generator().manual_seed(0)
    z = torch.randn((rows, 10), generator=g, dtype=DOUBLE, requires_grad=True)
    y, v = torch.randint(10, (rows,), generator=g), torch.randn((rows, 10), generator=g, dtype=DOUBLE)
    assert (z.numel() > portable.SMALL) == (rows > 1000)
    (first,) = torch.autograd.grad(cross_entropy(z, y, label_smoothing=0.1, reduction="sum"), z, create_graph=True)
    (second,) = torch.autograd.grad((first * v).sum(), z, create_graph=True)
    p = z.detach().softmax(1)
    torch.testing.assert_close(second.detach(), p * (v - (p * v).sum(1, keepdim=True)), rtol=0, atol=1e-15)
    (third,) = torch.autograd.grad((second * v).sum(), z)
    c = v - (p * v).sum(1, keepdim=True)
    torch.testing.assert_close(third, p * (c * c - (p * c * c).sum(1, keepdim=True)), rtol=0, atol=1e-14)


@pytest.mark.parametrize("rows", [50, 4000])
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_T26_many_upstream_gradients_at_once(reduction: str, rows: int) -> None:
    z, y = torch.randn((rows, 10), dtype=DOUBLE, requires_grad=True), torch.arange(rows) % 10
    y[3] = -100
    loss = cross_entropy(z, y, label_smoothing=0.1, reduction=reduction)
    upstream = torch.randn((3, *loss.shape), dtype=DOUBLE)
    (together,) = torch.autograd.grad(loss, z, upstream, is_grads_batched=True, retain_graph=True)
    one_by_one = [torch.autograd.grad(loss, z, u, retain_graph=True)[0] for u in upstream]
    torch.testing.assert_close(together, torch.stack(one_by_one), rtol=1e-14, atol=1e-18)
    assert not together[:, 3].any()


def test_T26_hessians_of_many_rows_at_once() -> None:
    each = vmap(hessian(lambda z, y: cross_entropy(z, y, label_smoothing=0.1)))(Z, Y)
    p = Z.softmax(1)
    torch.testing.assert_close(each, torch.diag_embed(p) - p[:, :, None] * p[:, None], rtol=0, atol=1e-15)
