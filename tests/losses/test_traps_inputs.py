"""T33, T36–T38: any layout and size of logits, unknown names, logits that are none. Truth is the oracle's."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from agreement import ROUTES, agree
from losses.double_batch import INF, K, example
from torch import Tensor, nn
from torch.nn import functional as F

from labelsmooth import CrossEntropyLoss, _notices, cross_entropy
from labelsmooth.schemes import Others


@pytest.fixture(autouse=True)
def _every_warning_again() -> Iterator[None]:
    _notices.forget()
    yield
    _notices.forget()


LAYOUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "transposed": lambda x: x.transpose(0, -1).contiguous().transpose(0, -1),
    "every second": lambda x: x.repeat_interleave(2, 0)[::2],
    "offset": lambda x: torch.cat((x.new_zeros(3), x.reshape(-1)))[3:].view(x.shape),
    "reversed storage": lambda x: x.flip(-1).flip(-1),
    "expanded": lambda x: x[:1].expand(x.shape),
    "channels last": lambda x: x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x,
}


SHAPES: list[tuple[int, ...]] = [(), (4,), (3, 4), (2, 3, 4), (2, 2, 3, 2)]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("rows", [rows for rows in SHAPES if rows], ids=str)
@pytest.mark.parametrize("route", ROUTES)
def test_T33_any_layout(rows: tuple[int, ...], layout: str, route: str) -> None:
    z, y = example(rows)
    z, y = LAYOUTS[layout](z), LAYOUTS["every second"](y)
    soft = LAYOUTS[layout]((-example(rows)[0] / 2).softmax(1))
    for reduction in ("mean", "none"):
        agree(z, y, route, label_smoothing=0.1, reduction=reduction)
        agree(z, soft, route, reduction=reduction)


@pytest.mark.parametrize("layout", ["transposed", "expanded", "channels last"])
def test_T33_any_layout_of_a_large_map(layout: str) -> None:
    z, y = example((2, 64, 64))
    agree(LAYOUTS[layout](z), y, label_smoothing=0.1)


def gradient_at_leaf(make: Callable[[Tensor], Tensor], leaf: Tensor, y: Tensor, loss: Callable[..., Tensor]) -> Tensor:
    leaf = leaf.clone().requires_grad_()
    return torch.autograd.grad(loss(make(leaf), y, label_smoothing=0.1), leaf)[0]


@pytest.mark.parametrize("name", [name for name in LAYOUTS if name != "offset"])
def test_T33_the_gradient_reaches_what_the_view_was_made_of(name: str) -> None:
    z, y = example((2, 3, 4))
    ours, theirs = (gradient_at_leaf(LAYOUTS[name], z, y, loss) for loss in (cross_entropy, F.cross_entropy))
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("rows", SHAPES, ids=str)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_T33_any_number_of_dimensions(rows: tuple[int, ...], reduction: str) -> None:
    g = torch.Generator().manual_seed(1)
    shape = (*rows[:1], K, *rows[1:]) if rows else (K,)
    z, y = torch.randn(shape, generator=g, dtype=torch.float64), torch.randint(K, rows, generator=g)
    value = agree(z, y, label_smoothing=0.1, reduction=reduction).loss
    torch.testing.assert_close(value, F.cross_entropy(z, y, label_smoothing=0.1, reduction=reduction))


@pytest.mark.parametrize("size", [1e4, 1e10, 1e30])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, Others(0.1)], ids=str)
@pytest.mark.parametrize(
    "route, dtype", [("eager", torch.float32), ("eager", torch.float64), ("transform", torch.float64)]
)
def test_T36_huge_logits(route: str, dtype: torch.dtype, smoothing: Any, size: float) -> None:
    z, y = example((8,), dtype)
    for logits in (z * size, z + size):
        result = agree(logits, y, route, label_smoothing=smoothing)
        assert result.loss.isfinite() and result.gradient.isfinite().all()
    torch.testing.assert_close(F.cross_entropy(z * size, y), cross_entropy(z * size, y))  # torch is right here


def test_T36_a_value_beyond_the_dtype_is_infinite() -> None:
    z = torch.tensor([[3.3e38, -1.5e38]])
    assert agree(z, torch.tensor([1])).loss == INF
    assert agree(z.double(), torch.tensor([1])).loss == pytest.approx(4.8e38, rel=1e-6)


def test_T37_unknown_names_list_what_exists() -> None:
    nn.CrossEntropyLoss(reduction="avg")  # torch builds it and fails in the first batch
    with pytest.raises(ValueError, match=r"'mean', 'sum', 'none'.*'avg'"):
        CrossEntropyLoss(reduction="avg")
    from labelsmooth.schemes import make, names

    with pytest.raises(ValueError) as caught:
        make("smooth", 0.1)
    assert all(name in str(caught.value) for name in names())


@pytest.mark.parametrize("size_average", [None, True, False])
@pytest.mark.parametrize("reduce", [None, True, False])
def test_T37_legacy_arguments_mean_what_they_mean_in_torch(size_average: bool | None, reduce: bool | None) -> None:
    z, y = example()
    legacy: dict[str, Any] = {"size_average": size_average, "reduce": reduce}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = F.cross_entropy(z, y, **legacy)
        torch.testing.assert_close(cross_entropy(z, y, **legacy), theirs)
        torch.testing.assert_close(CrossEntropyLoss(**legacy)(z, y), theirs)
    if legacy != {"size_average": None, "reduce": None}:
        with pytest.warns(DeprecationWarning, match="pass reduction="):
            cross_entropy(z, y, **legacy)


@pytest.mark.parametrize("kind", [torch.int64, torch.int32, torch.uint8, torch.bool, torch.complex64])
def test_T38_logits_that_are_no_real_numbers(kind: torch.dtype) -> None:
    z, y = torch.zeros(2, 3).to(kind), torch.tensor([0, 1])
    with pytest.raises(NotImplementedError, match="not implemented for"):
        F.cross_entropy(z, y)  # torch
    with pytest.raises(TypeError, match=rf"input must hold logits in float32, .*got {kind}. Convert with .float\(\)"):
        cross_entropy(z, y)
