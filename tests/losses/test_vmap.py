"""T26: vmap, and the gradients of single samples."""

from __future__ import annotations

import numpy as np
import oracle
import pytest
import torch
from losses.drawn_calls import CALLS, DOUBLE, PI, Y, Z, build
from torch import Tensor
from torch.func import functional_call, grad, vmap

from labelsmooth import CrossEntropyLoss, cross_entropy, schemes

# Forward mode scripts its decompositions when it is first used: torch's own call, in these two modules of torch.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")


VMAPPED = [words for words in CALLS if words[1] != "(K,)" and words[2] != "none" and words[3] in ("none", "torch")][::4]


@pytest.mark.parametrize("words", VMAPPED, ids=", ".join)
def test_T26_vmap_over_batches_is_one_by_one(words: tuple[str, ...]) -> None:
    call = build(words)
    several = torch.stack([call.logits, call.logits + PI.view(-1, *[1] * (call.logits.ndim - 2)), call.logits * 0.5])
    one_by_one = torch.stack([grad(call.total)(z) for z in several])
    torch.testing.assert_close(vmap(grad(call.total))(several), one_by_one, rtol=0, atol=1e-15)
    torch.testing.assert_close(vmap(call)(several), torch.stack([call(z) for z in several]), rtol=0, atol=1e-14)
    apart = vmap(call, in_dims=several.ndim - 1, chunk_size=2)(several.movedim(0, -1))
    torch.testing.assert_close(apart, torch.stack([call(z) for z in several]), rtol=0, atol=1e-14)


ONE_ROW = [words for words in CALLS if words[1] == "(N, K)" and words[5] == "none" and words[4] == "none"]


@pytest.mark.parametrize("words", [w for w in ONE_ROW if w[3] == "none"], ids=", ".join)
def test_T26_gradients_of_single_samples_are_the_rows_of_the_sum(words: tuple[str, ...]) -> None:
    call = build(words)
    options = {**call.options, "reduction": "sum"}

    def loss(z: Tensor, target: Tensor) -> Tensor:
        return cross_entropy(z, target, **options)

    each = vmap(grad(loss))(call.logits, call.target)
    z = call.logits.clone().requires_grad_()
    cross_entropy(z, call.target, **options).backward()
    assert z.grad is not None
    torch.testing.assert_close(each, z.grad, rtol=1e-13, atol=1e-15)


def test_T26_gradients_of_single_samples_of_a_model() -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.Tanh(), torch.nn.Linear(6, 3)).double()
    loss, x = CrossEntropyLoss(label_smoothing=schemes.Others(0.2)), torch.randn(4, 4, dtype=DOUBLE)
    weights = {name: w.detach() for name, w in model.named_parameters()}

    def of_one(weights: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return loss(functional_call(model, weights, (x.unsqueeze(0),)), y.unsqueeze(0))

    each = vmap(grad(of_one), in_dims=(None, 0, 0))(weights, x, Y)
    for i in range(4):
        model.zero_grad()
        loss(model(x[i : i + 1]), Y[i : i + 1]).backward()
        for name, w in model.named_parameters():
            assert w.grad is not None
            torch.testing.assert_close(each[name][i], w.grad, rtol=1e-12, atol=1e-15)


def test_T26_vmap_over_amounts_weights_and_models() -> None:
    amounts = torch.tensor([0.0, 0.1, 0.5, 1.0], dtype=DOUBLE)
    found = vmap(grad(lambda z, ε: cross_entropy(z, Y, label_smoothing=ε)), in_dims=(None, 0))(Z, amounts)
    for ε, g in zip(amounts, found, strict=True):
        want = oracle.cross_entropy(Z.numpy(), Y.numpy(), amount=ε.item()).gradient.astype(float)
        np.testing.assert_allclose(g.numpy(), want, rtol=0, atol=1e-15)
    weights = torch.rand((5, 3), dtype=DOUBLE) + 0.1
    losses = vmap(lambda w: cross_entropy(Z, Y, w, label_smoothing=0.1))(weights)
    torch.testing.assert_close(losses, torch.stack([cross_entropy(Z, Y, w, label_smoothing=0.1) for w in weights]))
    nested = vmap(vmap(lambda z, ε: cross_entropy(z, Y, label_smoothing=ε), (None, 0)), (0, None))
    table = nested(torch.stack([Z, 2 * Z]), amounts)
    want = torch.stack([torch.stack([cross_entropy(z, Y, label_smoothing=ε) for ε in amounts]) for z in (Z, 2 * Z)])
    torch.testing.assert_close(table, want, rtol=1e-14, atol=0)
