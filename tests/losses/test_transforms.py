"""T26: every derivative torch can ask for, of every kind of call: 240 drawn calls."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import oracle
import pytest
import torch
from losses.drawn_calls import AXES, CALLS, DOUBLE, SPREADS, Y, Z, build
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.func import grad, vmap

from labelsmooth import LabelSmoothingLoss, cross_entropy

# Forward mode scripts its decompositions when it is first used: torch's own call, in these two modules of torch.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")


def test_T26_240_calls_every_pair_of_choices_among_them() -> None:
    assert len(set(CALLS)) == 240
    for (i, a), (j, b) in itertools.combinations(enumerate(AXES.values()), 2):
        met = {(words[i], words[j]) for words in CALLS}
        missing = set(itertools.product(a, b)) - met
        impossible = {("(K,)", "one row"), ("(K,)", "spatial"), ("(N, K)", "spatial")}
        assert missing <= impossible


@pytest.mark.parametrize("words", CALLS, ids=", ".join)
def test_T26_derivatives_of_240_calls(words: tuple[str, ...]) -> None:
    """First and second derivatives in reverse and forward mode by finite differences; the gradient also by numpy."""
    call = build(words)
    z = call.logits.clone().requires_grad_()
    assert gradcheck(call, (z,), check_forward_ad=True, fast_mode=True)
    assert gradgradcheck(call, (z,), check_fwd_over_rev=True, fast_mode=True)
    (by_hand,) = torch.autograd.grad(call.total(z), z)
    torch.testing.assert_close(grad(call.total)(call.logits), by_hand, rtol=1e-12, atol=1e-14)
    if words[-1] in SPREADS:
        np.testing.assert_allclose(by_hand.numpy(), call.answer(), rtol=1e-12, atol=1e-14)


EXHAUSTIVE = [words for words in CALLS if words[1] == "(N, K)"][::6]


@pytest.mark.parametrize("words", EXHAUSTIVE, ids=", ".join)
def test_T26_entry_by_entry_and_batched(words: tuple[str, ...]) -> None:
    call = build(words)
    z = call.logits.clone().requires_grad_()
    assert gradcheck(call, (z,), check_forward_ad=True, check_batched_grad=True, check_batched_forward_grad=True)
    assert gradgradcheck(call, (z,), check_fwd_over_rev=True, check_batched_grad=True)


def test_T26_the_divergence_and_its_derivatives() -> None:
    loss = LabelSmoothingLoss(0.2, reduction="sum")
    assert gradgradcheck(lambda z: loss(z, Y), (Z.clone().requires_grad_(),), check_fwd_over_rev=True)
    each = vmap(grad(lambda z, y: loss(z, y)))(Z, Y)
    want = oracle.cross_entropy(Z.numpy(), Y.numpy(), amount=0.2, reduction="sum").gradient.astype(float)
    np.testing.assert_allclose(each.numpy(), want, rtol=0, atol=1e-15)


# What is not finite, through the formula

BAD = list(itertools.product([1, 3], ["inf", "nan", "-inf"], ["nothing", "the true class", "the bad class", "all"]))


@pytest.mark.parametrize("classes, bad, masked", BAD)
@pytest.mark.parametrize("amount", [0.0, 0.2])
def test_T26_a_bad_logit_spoils_every_allowed_class(classes: int, bad: str, masked: str, amount: float) -> None:
    """Loss and gradient as the specification has them, also where gradients come from differentiating a formula."""
    for at, y in itertools.product(range(classes), repeat=2):
        z = torch.arange(classes, dtype=DOUBLE).unsqueeze(0)
        z[0, at] = float(bad)
        mask = torch.ones(classes, dtype=torch.bool)
        mask[{"nothing": [], "the true class": [y], "the bad class": [at], "all": slice(None)}[masked]] = False
        options: dict[str, Any] = {"class_mask": mask, "label_smoothing": amount}

        def loss(z: Tensor, y: int = y, options: dict[str, Any] = options) -> Tensor:
            return cross_entropy(z, torch.tensor([y]), **options)

        want = oracle.cross_entropy(z.numpy(), np.array([y]), class_mask=mask.numpy(), amount=amount)
        gradient, value = torch.func.grad_and_value(loss)(z)
        np.testing.assert_allclose(value.numpy(), want.loss.astype(float), rtol=1e-14)
        np.testing.assert_allclose(gradient.numpy(), want.gradient.astype(float), rtol=1e-13, atol=1e-15)
        leaf = z.clone().requires_grad_()
        (by_hand,) = torch.autograd.grad(loss(leaf), leaf)
        np.testing.assert_allclose(by_hand.numpy(), want.gradient.astype(float), rtol=1e-13, atol=1e-15)
