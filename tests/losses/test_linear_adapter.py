"""Smoothing added to somebody else's head for hard labels."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from heads import Found, agree, gradients, make, truth
from torch import Tensor, nn
from torch.nn import functional as F

from labelsmooth import smooth_head
from labelsmooth.schemes import ClassMatrix, Others, Prior, Uniform

PI = torch.arange(1.0, 12.0, dtype=torch.float64) / 66
CASES = {
    "uniform": (0.1, {"amount": 0.1}),
    "others": (Others(0.2), {"amount": 0.2, "spread": "others"}),
    "prior": (Prior(0.3, PI), {"amount": 0.3, "spread": PI.numpy()}),
    "per class": (Uniform(per_class=PI), {"amount_by_class": PI.numpy()}),
    "none": (0.0, {"amount": 0.0}),
}


def hard(
    h: Tensor,
    matrix: Tensor,
    target: Tensor,
    linear_bias: Tensor | None = None,
    softcap: float | None = None,
    **more: Any,
) -> Tensor:
    z = F.linear(h, matrix, linear_bias)
    return F.cross_entropy(z if softcap is None else softcap * torch.tanh(z / softcap), target, **more)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("bias", [True, False])
def test_it_is_the_smoothed_loss(name: str, reduction: str, bias: bool) -> None:
    smoothing, told = CASES[name]
    case = make(bias=bias, ignored=5)
    head = smooth_head(partial(hard, reduction=reduction), smoothing, reduction=reduction)
    loss = head(case.x, case.weight, case.target, case.bias)
    agree(Found(loss.detach(), gradients(loss, case)), truth(case, 1.0, reduction=reduction, **told), 1e-13)


@pytest.mark.skipif(not hasattr(F, "linear_cross_entropy"), reason="torch has no head of its own before 2.13")
def test_on_torchs_chunked_head() -> None:
    case = make(dtype=torch.float32, ignored=5)
    options = nn.LinearCrossEntropyOptions(batch_chunk_size=8)
    head = smooth_head(partial(F.linear_cross_entropy, options=options), 0.1)
    loss = head(case.x, case.weight, case.target, case.bias)
    agree(Found(loss.detach(), gradients(loss, case)), truth(case, amount=0.1), 1e-6)


def test_an_ignored_row_may_hold_anything() -> None:
    case = make(ignored=0)
    case.target[0] = -100
    with torch.no_grad():
        case.x[0] = torch.nan
    head = smooth_head(lambda h, w, y: F.cross_entropy(F.linear(h, w)[1:], y[1:]), 0.1, check=False)
    loss = head(case.x, case.weight, case.target)
    assert loss.isfinite()


REFUSED: dict[str, tuple[Any, str]] = {
    "cap in partial": (partial(hard, softcap=30.0), "not linear in the input"),
    "cap unseen": (lambda h, w, y: hard(h, w, y, softcap=1.0), "on the first rows"),
    "weights in partial": (partial(hard, weight=PI), "class weights change what smoothing is"),
    "weights of a module": (nn.CrossEntropyLoss(weight=PI), "class weights change what smoothing is"),
    "weights unseen": (lambda h, w, y: hard(h, w, y, weight=PI), "on the first rows"),
    "smooths already": (partial(hard, label_smoothing=0.1), "smooths already"),
    "sum": (partial(hard, reduction="sum"), "on the first rows"),
    "rows": (partial(hard, reduction="none"), "reduction='mean' makes"),
    "no tensor": (lambda h, w, y: 1.0, "hard_loss gave float"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_smoothing_cannot_be_added_to_is_refused(name: str) -> None:
    loss, words = REFUSED[name]
    case = make(bias=False)
    with pytest.raises(ValueError, match=words):
        smooth_head(loss, 0.1)(case.x, case.weight, case.target)


def test_what_is_given_with_a_call_is_refused_too() -> None:
    case = make(bias=False)
    head = smooth_head(hard, 0.1)
    for wrong in ({"softcap": 30.0}, {"weight": PI}):
        with pytest.raises(ValueError, match="cannot be added"):
            head(case.x, case.weight, case.target, **wrong)
    assert head(case.x, case.weight, case.target, softcap=None) > 0
    table = torch.full((11, 11), 0.1).fill_diagonal_(0)
    with pytest.raises(ValueError, match="background of its own"):
        smooth_head(hard, ClassMatrix(0.1, table))(case.x, case.weight, case.target)
    with pytest.raises(ValueError, match="class indices of shape"):
        head(case.x, case.weight, case.target[1:])
    with pytest.raises(ValueError, match=r"input must be \(N, D\)"):
        head(case.x, case.weight[:, 1:], case.target)
    with pytest.raises(TypeError, match="hard_loss must be a function"):
        smooth_head(3, 0.1)  # type: ignore[arg-type]
    with pytest.raises(IndexError, match="target at row 0 is 99"):
        smooth_head(lambda h, w, y: h.sum() * 0, 0.1, check=False)(case.x, case.weight, torch.full((37,), 99))
