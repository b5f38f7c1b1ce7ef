"""A linear head whose classes lie on several ranks, ranks being threads, against the head in one process (T22, T24)."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from parallel.simulated import Simulated, cuts, on_ranks
from torch import Tensor

import labelsmooth
from labelsmooth import parallel, schemes

N, D, K = 23, 7, 19


def head(dtype: torch.dtype = torch.float64, scale: float = 2.0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(4)
    x = torch.randn(N, D, generator=generator, dtype=dtype)
    w = torch.randn(K, D, generator=generator, dtype=dtype) * scale
    c = torch.randn(K, generator=generator, dtype=dtype)
    y = torch.randint(0, K, (N,), generator=generator)
    y[::5] = -100
    return x, w, c, y


def in_shards(size: int, given: tuple[Tensor, Tensor, Tensor, Tensor], **call: Any) -> list[Tensor]:
    """Loss, and the gradients of h, W and c put together; every rank has the same loss and the same gradient of h."""
    x, w, c, y = given
    sizes = cuts(K, size, size)
    masks = call.pop("class_mask", torch.ones(K, dtype=torch.bool)).split(sizes)

    def run(world: Simulated) -> list[Tensor]:
        own = [x.clone().requires_grad_(), *(t.split(sizes)[world.rank].clone().requires_grad_() for t in (w, c))]
        mask = {} if masks[world.rank].all() else {"class_mask": masks[world.rank]}
        loss = parallel.linear_cross_entropy(own[0], own[1], y, linear_bias=own[2], group=world, **mask, **call)
        return [loss.detach(), *torch.autograd.grad(loss, own, torch.ones_like(loss))]

    found = on_ranks(size, run)
    for loss, of_x, *_ in found:
        assert torch.equal(loss, found[0][0]) and torch.equal(of_x, found[0][1])
    return [*found[0][:2], *(torch.cat([each[i] for each in found]) for i in (2, 3))]


def in_one(given: tuple[Tensor, Tensor, Tensor, Tensor], **call: Any) -> list[Tensor]:
    x, w, c = (t.clone().requires_grad_() for t in given[:3])
    loss = labelsmooth.linear_cross_entropy(x, w, given[3], linear_bias=c, **call)
    return [loss.detach(), *torch.autograd.grad(loss, (x, w, c), torch.ones_like(loss))]


CALLS: dict[str, dict[str, Any]] = {
    "uniform": {"label_smoothing": 0.1},
    "sum in chunks of 4": {"label_smoothing": schemes.Others(0.3), "reduction": "sum", "chunk_size": 4},
    "rows in chunks of 1": {"label_smoothing": schemes.Ordinal(0.6, K), "reduction": "none", "chunk_size": 1},
    "softcap": {"label_smoothing": 0.1, "softcap": 3.0, "chunk_size": 5},
    "class weights": {"label_smoothing": 0.2, "weight": torch.linspace(0.5, 3, K).double()},
    "sample weights": {"sample_weight": torch.linspace(0, 2, N).double(), "label_smoothing": 0.2, "chunk_size": 6},
    "no rows": {"row_mask": torch.zeros(N, dtype=torch.bool), "empty": "zero", "label_smoothing": 0.1},
    "masked": {"class_mask": torch.arange(K) % 19 < 0, "reduction": "sum"},
    "written out": {"label_smoothing": schemes.Uniform(0.1).then(schemes.Others(0.2)), "chunk_size": 3},
}
CALLS["masked"]["class_mask"] = torch.ones(K, dtype=torch.bool)
CALLS["masked"]["label_smoothing"] = schemes.Prior(0.4, torch.linspace(1, 2, K).double().softmax(0))


@pytest.mark.parametrize("size", [1, 3, 5])
@pytest.mark.parametrize("name", CALLS)
def test_T22_a_head_in_shards_is_the_head_in_one_process(size: int, name: str) -> None:
    given, call = head(), dict(CALLS[name])
    if name == "masked":
        call["class_mask"] = ~torch.isin(torch.arange(K), given[3]) | (torch.arange(K) % 3 > 0)
        call["class_mask"][given[3].clamp(min=0)] = True
        call["class_mask"][int((torch.bincount(given[3].clamp(min=0), minlength=K) == 0).nonzero()[0])] = False
    for got, want in zip(in_shards(size, given, **call), in_one(given, **call), strict=True):
        torch.testing.assert_close(got, want, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_T22_narrower_dtypes(dtype: torch.dtype) -> None:
    given = head(dtype)
    wide = in_one(tuple(t.double() if t.is_floating_point() else t for t in given), label_smoothing=0.1)
    unit = {torch.float32: 2e-6, torch.bfloat16: 2.0**-7}[dtype]
    for got, want in zip(in_shards(3, given, label_smoothing=0.1, chunk_size=4), wide, strict=True):
        tight = 2e-6 if got.ndim == 0 else unit
        assert float((got.double() - want).abs().max()) <= tight * (1 + float(want.abs().max()))


def test_T22_a_gap_of_120_between_shards() -> None:
    x, w, c, y = head()
    given = (x, w, torch.where(torch.arange(K) == K - 1, 120.0, c), torch.zeros_like(y))
    for got, want in zip(in_shards(4, given, label_smoothing=0.1), in_one(given, label_smoothing=0.1), strict=True):
        torch.testing.assert_close(got, want, rtol=1e-12, atol=1e-12)


def test_T24_no_rank_makes_more_logits_than_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    linear = torch.nn.functional.linear

    def seen(*arguments: Any) -> Tensor:
        made.append(linear(*arguments).numel())
        return linear(*arguments)

    monkeypatch.setattr(torch.nn.functional, "linear", seen)
    in_shards(2, head(), label_smoothing=0.1, chunk_size=4)
    assert max(made) <= 4 * max(cuts(K, 2, 2)) and len(made) == 2 * 2 * 6


def test_shapes_that_do_not_fit() -> None:
    x, w, c, y = head()
    alone = {"group": Simulated(0, 1, None)}  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"input must be .* and linear_weight this rank's rows"):
        parallel.linear_cross_entropy(x, w[:, :3], y, **alone)
    with pytest.raises(ValueError, match="linear_bias must have this rank's 19 entries"):
        parallel.linear_cross_entropy(x, w, y, linear_bias=c[:3], **alone)
    with pytest.raises(ValueError, match="target must hold one class index for each row"):
        parallel.linear_cross_entropy(x, w, y[:3], **alone)
    with pytest.raises(TypeError, match=r"linear_weight must be a .* tensor of the input's dtype; got torch.float32"):
        parallel.linear_cross_entropy(x, w.float(), y, **alone)
    with pytest.raises(ValueError, match="class_mask is that of this rank's 19 classes"):
        parallel.linear_cross_entropy(x, w, y, class_mask=torch.ones(3, dtype=torch.bool), **alone)
