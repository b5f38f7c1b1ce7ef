"""Run by `test_interpreted.py` in a process of its own: the Triton kernel against the oracle, block borders included.

`few_classes` lets a program hold 16 classes at once, so that rows of 17 need several tiles.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import oracle
import pytest
import torch
from agreement import agree
from judge import compare, gradient_limit, loss_limit, numbers
from layouts import lay_out
from torch import Tensor

from labelsmooth import cross_entropy
from labelsmooth.kernels import formula, triton_gpu
from labelsmooth.schemes import Others
from labelsmooth.targets import SoftTargets

DTYPES = [torch.float64, torch.float32, torch.bfloat16, torch.float16]
SPREADS = ("none", "uniform", "others", "shared", "by_class", "by_row")
INF, NAN = math.inf, math.nan


@pytest.fixture
def few_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(triton_gpu, "LONGEST", 16)


def draw(shape: tuple[int, ...], dtype: torch.dtype = torch.float32, seed: int = 0) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(seed)
    z = (3 * torch.randn(shape, generator=g, dtype=torch.float64)).to(dtype)
    return z, torch.randint(shape[1], (shape[0], *shape[2:]), generator=g)


def table(*shape: int) -> Tensor:
    """Rows that sum to 1, with some zeros."""
    g = torch.Generator().manual_seed(sum(shape))
    raw = torch.rand(shape, generator=g, dtype=torch.float64)
    raw = torch.where(torch.rand(shape, generator=g) < 0.2, 0, raw)
    raw[..., 0] += 0.1
    return raw / raw.sum(-1, keepdim=True)


def softened(spread: str, z: Tensor, y: Tensor | None, given: Tensor | None = None) -> SoftTargets:
    """Amounts that differ by row, on every part of the target that there is."""
    n, K = z.shape
    rows = torch.linspace(0, 1, n, dtype=torch.float64) if spread != "none" else torch.zeros(n, dtype=torch.float64)
    shapes = {"shared": (K,), "by_class": (K, K), "by_row": (n, K)}
    background = table(*shapes[spread]) if spread in shapes else None
    own = {"on_given": 1 - rows} if y is None else {"on_label": 0.7 * (1 - rows), "on_given": 0.3 * (1 - rows)}
    if given is None:
        own = {"on_label": 1 - rows}
    return SoftTargets(labels=y, given=given, spread=spread, on_background=rows, background=background, **own)  # type: ignore[arg-type]


def written(z: Tensor, t: SoftTargets) -> np.ndarray:
    """q in float64, by the definition in `SoftTargets`, which is not the kernel's code."""
    q = t.probabilities(t.allowed(z.double()), torch.float64)
    return q.numpy().astype(oracle.REAL)


def held_to_oracle(z: Tensor, t: SoftTargets) -> None:
    """Row losses and gradient within the gates; float32 may err by 8 roundings of p and q besides."""
    leaf = z.detach().requires_grad_()
    losses = triton_gpu.row_losses(leaf, t)
    upstream = torch.linspace(-1, 2, z.shape[0], dtype=losses.dtype)
    (gradient,) = torch.autograd.grad(losses, leaf, upstream)
    exact = numbers(z).astype(oracle.REAL)
    allowed = t.allowed(z.double()).numpy()
    q = written(z, t)
    row, slope = oracle.row_loss_and_gradient(exact, q, allowed)
    slope = slope * upstream.double().numpy().astype(oracle.REAL)[:, None]
    assert compare("loss", losses, row, loss_limit(row, losses.dtype), losses.dtype) is None
    room = gradient_limit(slope, z.dtype) + 1e-30
    if z.dtype in (torch.float32, torch.float64):
        room = room + 8 * torch.finfo(z.dtype).eps / 2 * (np.abs(slope) + 2 * np.abs(q)) * 2
    assert compare("gradient", gradient, slope, room, z.dtype) is None


@pytest.mark.usefixtures("few_classes")
@pytest.mark.parametrize("spread, dtype", [(s, DTYPES[(i + j) % 4]) for i, s in enumerate(SPREADS) for j in (0, 1)])
def test_every_background_in_every_dtype_over_several_tiles(spread: str, dtype: torch.dtype) -> None:
    z, y = draw((5, 37), dtype)
    held_to_oracle(z, softened(spread, z, y))


@pytest.mark.parametrize(
    "K, longest", [(1, 16), (2, 16), (15, 16), (16, 16), (17, 16), (49, 16), (17, 4096), (127, 4096)]
)
def test_classes_around_the_borders_of_a_tile(K: int, longest: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(triton_gpu, "LONGEST", longest)
    z, y = draw((4, K))
    for spread in ("uniform", "others"):
        held_to_oracle(z, softened(spread, z, y))


@pytest.mark.parametrize("K, dtype", [(1000, torch.bfloat16), (9000, torch.float32)])
def test_many_classes(K: int, dtype: torch.dtype) -> None:
    z, y = draw((2, K), dtype)
    held_to_oracle(z, softened("uniform", z, y))


@pytest.mark.usefixtures("few_classes")
@pytest.mark.parametrize("labels", ["with labels", "alone"])
@pytest.mark.parametrize("spread", ["none", "uniform", "others", "shared", "by_row"])
def test_given_probabilities(spread: str, labels: str) -> None:
    z, y = draw((5, 21))
    held_to_oracle(z, softened(spread, z, y if labels == "with labels" else None, table(5, 21)))


@pytest.mark.usefixtures("few_classes")
@pytest.mark.parametrize("mask", ["-inf", "class_mask", "class_mask by row", "mask_below"])
@pytest.mark.parametrize("target", ["uniform", "others", "by_class", "given"])
def test_T1_masks_restrict_every_part_of_the_target(target: str, mask: str) -> None:
    z, y = draw((5, 37))
    y[0] = 30
    t = softened(target, z, y) if target != "given" else softened("uniform", z, None, table(5, 37))
    forbidden = torch.rand(z.shape, generator=torch.Generator().manual_seed(1)) < 0.4
    forbidden[0] = torch.arange(37) < 17  # T5: the first tile holds nothing, and the row is finite
    forbidden[1] = True  # T6
    forbidden[torch.arange(2, 5), y[2:]] = False
    if mask == "-inf":
        z[forbidden] = -INF
    elif mask == "mask_below":
        z[forbidden], t = -100.0, t.changed(mask_below=-99.9)
    else:
        t = t.changed(class_mask=~forbidden if mask == "class_mask by row" else ~forbidden[2])
    held_to_oracle(z, t)


@pytest.mark.usefixtures("few_classes")
@pytest.mark.parametrize("way", ["weights", "probabilities", "not finite"])
def test_weights_ignored_rows_and_rows_that_are_not_finite(way: str) -> None:
    z, y = draw((6, 37))
    target: Tensor = y
    if way == "probabilities":
        target = table(6, 37).float()
    elif way == "not finite":
        z[1, 3], z[2, 30] = NAN, INF
    else:
        y[4] = -100
    z[4] = NAN  # T4
    row_mask = torch.arange(6) != 4
    weight = torch.linspace(0, 2, 37, dtype=torch.float64).float()
    smoothing = 0.0 if way == "probabilities" else 0.1
    result = agree(z, target, reduction="none", label_smoothing=smoothing, weight=weight, row_mask=row_mask)
    assert (result.gradient[4] == 0).all() and result.loss[4] == 0


@pytest.mark.parametrize("layout", ["contiguous", "transposed", "rows strided", "strided", "offset", "channels last"])
def test_T33_layouts_and_maps(layout: str) -> None:
    z, y = draw((2, 5, 3, 4), torch.float16 if layout in ("strided", "offset") else torch.float32)
    result = agree(lay_out(z, layout), y, reduction="none", label_smoothing=Others(0.1))
    assert result.gradient.shape == z.shape


def test_T33_a_map_is_read_where_it_lies_and_an_expanded_input_too() -> None:
    z, y = draw((2, 40, 3, 5))
    assert triton_gpu._Call(z, SoftTargets(labels=y)).z.data_ptr() == z.data_ptr()
    agree(z, y, label_smoothing=0.1)
    agree(z[:1, :, :1].expand(2, 40, 3, 5), y, label_smoothing=0.1)


def test_T25_no_input_is_written() -> None:
    z, y = draw((4, 9))
    t = softened("by_class", z, y, table(4, 9)).changed(class_weight=torch.rand(9), class_mask=torch.ones(9) > 0)
    before = {name: x.clone() for name, x in {**t.tensors(), "logits": z}.items()}
    held_to_oracle(z, t)
    for name, x in {**t.tensors(), "logits": z}.items():
        torch.testing.assert_close(x, before[name], rtol=0, atol=0)


@pytest.mark.usefixtures("few_classes")
@pytest.mark.parametrize("shape, layout", [((4, 37), "contiguous"), ((2, 5, 3, 4), "transposed")])
def test_logits_can_become_their_gradient(shape: tuple[int, ...], layout: str) -> None:
    z, y = draw(shape)
    z = lay_out(z, layout)
    t = SoftTargets(labels=y, on_label=0.9, on_background=0.1, spread="uniform")
    leaf = z.clone().requires_grad_()
    losses = triton_gpu.row_losses(leaf, t)
    (gradient,) = torch.autograd.grad(losses.sum(), leaf)
    torch.testing.assert_close(triton_gpu.overwrite(z, t), losses.detach(), rtol=0, atol=0)
    torch.testing.assert_close(z, gradient, rtol=0, atol=0)


def test_T30_addresses_beyond_int32() -> None:
    """Rows 2³⁰ elements apart, of which the memory between is never touched."""
    apart, (near, y) = 2**30, draw((4, 5), torch.float16)
    far = torch.empty(3 * apart + 5, dtype=torch.float16).as_strided((4, 5), (apart, 1))
    far.copy_(near)
    t = SoftTargets(labels=y, on_label=0.9, on_background=0.1, spread="uniform")
    torch.testing.assert_close(triton_gpu.row_losses(far, t), triton_gpu.row_losses(near, t), rtol=0, atol=0)
    triton_gpu.overwrite(far, t)
    triton_gpu.overwrite(near, t)
    torch.testing.assert_close(far, near, rtol=0, atol=0)


def test_T31_a_label_that_is_no_class_is_nan_and_read_nowhere() -> None:
    z, y = draw((3, 5))
    z.requires_grad_()
    y[0], y[2] = 5, -1
    losses = triton_gpu.row_losses(z, softened("uniform", z.detach(), y))
    (gradient,) = torch.autograd.grad(losses.sum(), z)
    assert losses.isnan().tolist() == [True, False, True]
    assert gradient.isnan().all(1).tolist() == [True, False, True]


def test_T26_second_derivatives_and_batched_gradients() -> None:
    z, y = draw((3, 5), torch.float64)
    z.requires_grad_()
    t = softened("uniform", z.detach(), y)
    hessians = [
        torch.autograd.functional.hessian(lambda x, kernel=kernel: kernel.row_losses(x, t).sum(), z)  # type: ignore[misc]
        for kernel in (triton_gpu, formula)
    ]
    torch.testing.assert_close(*hessians)
    ups = torch.eye(3, dtype=torch.float64)
    batched = torch.autograd.grad(triton_gpu.row_losses(z, t), z, ups, is_grads_batched=True)[0]
    single = [torch.autograd.grad(triton_gpu.row_losses(z, t), z, up)[0] for up in ups]
    torch.testing.assert_close(batched, torch.stack(single))


def test_amounts_as_one_tensor_for_all_rows_are_amounts() -> None:
    z, y = draw((3, 5))
    number = cross_entropy(z, y, label_smoothing=0.25)
    torch.testing.assert_close(cross_entropy(z, y, label_smoothing=torch.tensor(0.25)), number, rtol=0, atol=0)


def test_negative_control_a_target_off_by_a_thousandth_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    z, y = draw((5, 37))
    t = softened("uniform", z, y)
    amounts: Any = triton_gpu._amount
    monkeypatch.setattr(triton_gpu, "_amount", lambda x, of: amounts(1.001 * x, of))
    with pytest.raises(AssertionError):
        held_to_oracle(z, t)
