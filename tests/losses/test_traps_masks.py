"""T1–T6: masked logits, ignored rows that hold anything, rows with nothing left. Truth is the oracle's."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from agreement import ROUTES, agree, evaluate
from torch import Tensor
from torch.nn import functional as F

from labelsmooth import _notices, cross_entropy
from labelsmooth.schemes import Others

INF, NAN = math.inf, math.nan
SMOOTHINGS = [0.0, 0.1, 1.0, Others(0.1)]
ROWS = {"one row": 1, "a small batch": 6, "a large batch": 5_000}
ROUTED = {"eager": torch.float32, "transform": torch.float64}
"""The dtype to hold each route to: the differentiable formula meets the kernels' gates in float64."""

DTYPES = [torch.float64, torch.float32, torch.bfloat16, torch.float16]


@pytest.fixture(autouse=True)
def _every_warning_again() -> Iterator[None]:
    _notices.forget()
    yield
    _notices.forget()


def masked(rows: int, dtype: torch.dtype = torch.float32, value: float = -INF) -> tuple[Tensor, Tensor]:
    """Logits of 7 classes, three of them masked in every row but never the true one."""
    g = torch.Generator().manual_seed(rows)
    z = (2 * torch.randn(rows, 7, generator=g)).to(dtype)
    y = torch.randint(7, (rows,), generator=g)
    for shift in (1, 3, 4):
        z[torch.arange(rows), (y + shift) % 7] = value
    return z, y


@pytest.mark.parametrize("smoothing", SMOOTHINGS, ids=str)
@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS)
def test_T1_masked_logits_leave_the_loss_finite_and_their_gradient_zero(rows: int, route: str, smoothing: Any) -> None:
    z, y = masked(rows, ROUTED[route])
    if smoothing == 0.1:
        assert F.cross_entropy(z, y, label_smoothing=0.1) == INF  # torch
    result = agree(z, y, route, reduction="none", label_smoothing=smoothing)
    assert result.loss.isfinite().all() and result.gradient.isfinite().all()
    assert (result.gradient[z == -INF] == 0).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_T1_in_every_dtype_and_reduction(dtype: torch.dtype, reduction: str) -> None:
    z, y = masked(6, dtype)
    agree(z, y, reduction=reduction, label_smoothing=0.1)


def test_T1_the_mass_goes_to_the_classes_that_are_left() -> None:
    z = torch.tensor([[1.0, -INF, 0.5, -INF]], dtype=torch.float64)
    few = cross_entropy(torch.tensor([[1.0, 0.5]], dtype=torch.float64), torch.tensor([0]), label_smoothing=0.2)
    torch.testing.assert_close(cross_entropy(z, torch.tensor([0]), label_smoothing=0.2), few)


@pytest.mark.parametrize("route", ROUTES)
def test_T1_the_same_as_a_class_mask(route: str) -> None:
    z, y = masked(6, torch.float64)
    allowed = z != -INF
    by_mask = agree(z.nan_to_num(neginf=5.0), y, route, label_smoothing=0.1, class_mask=allowed)
    torch.testing.assert_close(evaluate(z, y, route, label_smoothing=0.1).gradient, by_mask.gradient)


@pytest.mark.parametrize("route", ROUTES)
def test_T2_no_probability_times_a_masked_logit_is_nothing(route: str) -> None:
    z, y = masked(6, torch.float64)
    hot = F.one_hot(y, 7).to(z)
    assert F.cross_entropy(z, hot).isnan()  # torch, without any smoothing
    assert agree(z, hot, route).loss.isfinite()
    torch.testing.assert_close(evaluate(z, hot, route).loss, F.cross_entropy(z, y))


@pytest.mark.parametrize("route", ROUTES)
def test_T2_no_weight_times_a_masked_logit_is_nothing(route: str) -> None:
    z = torch.tensor([[1.0, 2.0, -INF], [0.0, 3.0, -INF]], dtype=torch.float64)
    y, weight = torch.tensor([0, 1]), torch.tensor([1.0, 2.0, 0.0], dtype=torch.float64)
    assert F.cross_entropy(z, y, weight, label_smoothing=0.1).isnan()  # torch
    assert agree(z, y, route, weight=weight, label_smoothing=0.1).loss.isfinite()


@pytest.mark.parametrize("dtype", DTYPES)
def test_T3_a_mask_written_as_the_lowest_number_is_named_once(dtype: torch.dtype) -> None:
    lowest = torch.finfo(dtype).min
    z, y = masked(6, dtype, lowest)

    def three_times() -> None:
        for _ in range(3):
            cross_entropy(z, y, label_smoothing=0.1)

    with pytest.warns(UserWarning, match=r"class_mask= .*mask_below=") as said:
        three_times()
    assert len(said) == 1


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("route", ROUTES)
def test_T3_with_either_option_as_with_infinity(route: str, dtype: torch.dtype) -> None:
    lowest = torch.finfo(dtype).min
    low, y = masked(6, dtype, lowest)
    right = evaluate(masked(6, dtype)[0], y, route, label_smoothing=0.1)
    for options in ({"class_mask": low != lowest}, {"mask_below": lowest / 2}):
        result = agree(low, y, route, label_smoothing=0.1, **options)
        assert torch.equal(result.loss, right.loss) and torch.equal(result.gradient, right.gradient)


@pytest.mark.filterwarnings("ignore:some logits are about as low")
@pytest.mark.parametrize("reduction", ["none", "mean"])
@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS)
def test_T3_the_true_value_does_not_overflow(rows: int, reduction: str) -> None:
    z, y = masked(rows, torch.float32, torch.finfo(torch.float32).min)
    assert F.cross_entropy(z, y, label_smoothing=0.1) == INF  # torch
    result = agree(z, y, reduction=reduction, label_smoothing=0.1)
    assert ((result.loss > 1e37) & (result.loss < 2e37)).all()


GARBAGE = [NAN, INF, -INF, 3e38]


@pytest.mark.parametrize("garbage", GARBAGE)
@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS)
def test_T4_an_ignored_row_is_inert_whatever_it_holds(rows: int, route: str, garbage: float) -> None:
    g = torch.Generator().manual_seed(rows)
    clean = torch.randn(rows + 1, 5, generator=g).to(ROUTED[route])
    y = torch.randint(5, (rows + 1,), generator=g)
    y[::3] = -100
    z = clean.clone()
    z[::3] = garbage
    z[::3, 0] = 1.0
    if garbage != garbage:
        spoiled = z.clone().requires_grad_()
        F.cross_entropy(spoiled, y).backward()
        assert spoiled.grad is not None and spoiled.grad[::3].isnan().all()  # torch
    for reduction in ("mean", "sum", "none"):
        result = agree(z, y, route, label_smoothing=0.1, reduction=reduction)
        assert (result.gradient[::3] == 0).all()
        right = evaluate(clean, y, route, label_smoothing=0.1, reduction=reduction)
        torch.testing.assert_close(result.loss, right.loss, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("route", ROUTES)
def test_T4_rows_dropped_by_a_mask_or_of_no_weight_are_inert_too(route: str) -> None:
    z = torch.randn(4, 5, dtype=torch.float64)
    z[1] = NAN
    counts = torch.tensor([True, False, True, True])
    hot = F.one_hot(torch.tensor([0, 1, 2, 3]), 5).to(z)
    for options in ({"row_mask": counts}, {"sample_weight": counts.double()}):
        result = agree(z, hot, route, label_smoothing=0.1, **options)
        assert result.loss.isfinite() and (result.gradient[1] == 0).all()


def online_softmax(z: np.ndarray, block: int) -> float:
    """lse(z) as a running maximum and a running sum, with no care for a maximum of −inf."""
    peak, total = -np.inf, 0.0
    with np.errstate(invalid="ignore"):
        for i in range(0, len(z), block):
            new = max(peak, z[i : i + block].max())
            total = total * np.exp(peak - new) + np.exp(z[i : i + block] - new).sum()
            peak = new
    return float(peak + np.log(total))


def test_T5_a_careless_running_maximum_gives_nan() -> None:
    z = np.array([-np.inf] * 4 + [1.0, 2.0])
    assert math.isnan(online_softmax(z, 2))
    assert online_softmax(z[4:], 2) == pytest.approx(np.log(np.exp(1) + np.exp(2)))


@pytest.mark.parametrize("first", [0, 4096, 65_000, 131_071])
@pytest.mark.parametrize("route, dtype", [*ROUTED.items(), ("eager", torch.bfloat16)])
def test_T5_a_run_of_masked_classes_at_any_place(route: str, dtype: torch.dtype, first: int) -> None:
    K = 131_072  # a block of the everyday kernel
    z = torch.full((1, K), -INF, dtype=dtype)
    z[0, first : first + 1000] = torch.randn(min(1000, K - first)).to(dtype)
    for smoothing in (0.0, 0.1):
        agree(z, torch.tensor([first]), route, label_smoothing=smoothing)
    allowed = z != -INF
    agree(z.nan_to_num(neginf=0.0), torch.tensor([first]), route, label_smoothing=0.1, class_mask=allowed)


@pytest.mark.parametrize("kind", ["indices", "probabilities"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS)
def test_T6_a_row_with_nothing_left_is_infinite_and_has_no_gradient(
    rows: int, route: str, smoothing: float, kind: str
) -> None:
    z = torch.randn(rows, 4, dtype=torch.float64)
    z[0] = -INF
    y = torch.randint(4, (rows,))
    target = y if kind == "indices" else F.one_hot(y, 4).to(z)
    assert F.cross_entropy(z, y).isnan()  # torch
    result = agree(z, target, route, label_smoothing=smoothing, reduction="none")
    assert result.loss[0] == INF and (result.gradient[0] == 0).all()
    assert result.loss[1:].isfinite().all()


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("at", [0, 2])
def test_T6_a_logit_of_plus_infinity_is_nan_and_never_a_wrong_number(at: int, route: str, smoothing: float) -> None:
    z = torch.randn(3, 4, dtype=torch.float64)
    z[1, at] = INF
    y = torch.tensor([1, 0, 3])
    assert F.cross_entropy(z, y, reduction="none")[1].isnan()  # torch
    result = agree(z, y, route, label_smoothing=smoothing, reduction="none")
    assert result.loss[1].isnan() and result.gradient[1].isnan().all()
    assert result.loss[[0, 2]].isfinite().all() and result.gradient[[0, 2]].isfinite().all()


@pytest.mark.parametrize("route", ROUTES)
def test_T6_a_masked_true_class_is_infinite_and_has_no_gradient(route: str) -> None:
    z = torch.tensor([[-INF, 1.0, 2.0]], dtype=torch.float64)
    assert F.cross_entropy(z, torch.tensor([0])) == INF  # torch says the same
    result = agree(z, torch.tensor([0]), route, label_smoothing=0.1)
    assert result.loss == INF and (result.gradient == 0).all()
