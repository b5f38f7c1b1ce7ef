"""T31, T32: class indices out of range, and of any width. Truth is the oracle's."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
import torch
from agreement import ROUTES, agree, evaluate
from losses.double_batch import K, example
from torch.nn import functional as F

from labelsmooth import _notices, cross_entropy
from labelsmooth.kernels import _written, formula
from labelsmooth.schemes import Others, Uniform
from labelsmooth.targets import SoftTargets


@pytest.fixture(autouse=True)
def _every_warning_again() -> Iterator[None]:
    _notices.forget()
    yield
    _notices.forget()


@pytest.mark.parametrize("rows, place, named", [((8,), (3,), "row 3"), ((2, 3), (1, 2), r"row \(1, 2\)")])
@pytest.mark.parametrize("value", [K, -1, 10_000, -99])
def test_T31_an_index_out_of_range(rows: tuple[int, ...], place: tuple[int, ...], named: str, value: int) -> None:
    z, y = example(rows)
    y[place] = value
    words = rf"target at {named} is {value}, but with 5 classes an index must be in \[0, 4\]"
    for options in ({}, {"label_smoothing": 0.1}, {"reduction": "none"}):
        with pytest.raises(IndexError, match=words):
            cross_entropy(z, y, **options)


def test_T31_no_value_is_looked_at_on_a_device() -> None:
    """Seen without one: tensors of the meta device have no values to give."""
    z, y = torch.randn(3, K, device="meta"), torch.zeros(3, dtype=torch.long, device="meta")
    for target in (y, torch.randn(3, K, device="meta")):
        for options in ({}, {"label_smoothing": 0.1}, {"weight": torch.ones(K, device="meta")}):
            assert cross_entropy(z, target, **options).device.type == "meta"


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0, Others(0.1)])
def test_T31_where_no_value_is_looked_at_the_row_is_nan(smoothing: float | Others) -> None:
    """What a device computes, seen on the CPU: compiled, and with targets that nothing has checked."""
    z, y = torch.randn(4, K, requires_grad=True), torch.tensor([1, K, 0, -1])
    options = {"reduction": "none", "label_smoothing": smoothing, "kernel": "formula"}
    compiled = torch.compile(partial(cross_entropy, **options), backend="eager")
    q = Others(0.1) if isinstance(smoothing, Others) else Uniform(smoothing)
    targets = q.soften(SoftTargets(labels=y, on_label=1.0, num_classes=K))
    written = _written.write(z.detach(), targets)
    found = _written.find(written)
    results = [(found.loss.squeeze(1), _written.gradient(written, found))]
    for losses in (compiled(z, y), formula.row_losses(z, targets)):
        results.append((losses, torch.autograd.grad(losses.sum(), z)[0]))
    for losses, gradient in results:
        assert losses.isnan().tolist() == [False, True, False, True]
        assert gradient.isnan().all(1).tolist() == gradient.isnan().any(1).tolist() == [False, True, False, True]


def test_T31_a_mean_with_an_index_out_of_range_is_nan_when_compiled() -> None:
    z, y = torch.randn(3, K), torch.tensor([1, -100, 2])
    compiled = torch.compile(partial(cross_entropy, kernel="formula"), backend="eager")
    torch.testing.assert_close(compiled(z, y), cross_entropy(z, y))
    assert compiled(z, torch.tensor([1, -100, K])).isnan()


@pytest.mark.parametrize("dtype", [torch.int8, torch.uint8, torch.int16, torch.uint16, torch.int32, torch.uint32])
@pytest.mark.parametrize("route", ROUTES)
def test_T32_indices_of_any_width(dtype: torch.dtype, route: str) -> None:
    z, y = example()
    if dtype != torch.uint8:
        with pytest.raises(RuntimeError, match="Long or Byte"):
            F.cross_entropy(z, y.to(dtype))  # torch
    narrow = agree(z, y.to(dtype), route, label_smoothing=0.1)
    wide = evaluate(z, y, route, label_smoothing=0.1)
    assert torch.equal(narrow.loss, wide.loss) and torch.equal(narrow.gradient, wide.gradient)


def test_T32_widened_before_it_meets_the_ignored_index() -> None:
    """−100 as a byte is 156, so a comparison in the target's own width would drop class 156."""
    z, y = torch.randn(4, 200, dtype=torch.float64), torch.tensor([156, 3, 4, 5], dtype=torch.uint8)
    assert y.to(torch.int8)[0] == -100
    assert agree(z, y, reduction="none").loss[0] > 0
    ignored = torch.tensor([255, 3, 4, 5], dtype=torch.uint8)
    assert agree(z, ignored, reduction="none", ignore_index=255).loss[0] == 0
