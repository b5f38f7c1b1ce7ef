"""The compiled kernel against the oracle: every instruction set this machine runs, dtype, background and layout."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from cases import draw
from judge import UNIT, gradient_limit, judge, library, numbers
from oracle import EXTENDED
from oracle import cross_entropy as oracle
from torch import Tensor
from torch.nn import functional as F

from labelsmooth import cross_entropy
from labelsmooth.kernels import _compiled, native_cpu
from labelsmooth.kernels._probabilities import spread_of
from labelsmooth.losses import explain
from labelsmooth.schemes import ClassMatrix, Others, Prior, Uniform

OPENED = _compiled.load()
pytestmark = [
    pytest.mark.skipif(isinstance(OPENED, _compiled.Missing), reason=f"no compiled kernel: {OPENED}"),
    pytest.mark.skipif(not EXTENDED, reason="longdouble is no wider than float64 on this machine"),
]
DTYPES = [torch.float32, torch.float64, torch.bfloat16, torch.float16]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def failures(seed: int, first: int, last: int, largest: int = 30_000) -> list[str]:
    cases = (draw(seed, number) for number in range(first, last))
    found = ((case, judge(case, library)) for case in cases if case.exact.size < largest)
    return [f"{case}: {f.what}: {f.detail}" for case, f in found if f is not None]


def test_random_cases_on_each_instruction_set(instruction_set: str) -> None:
    assert explain(torch.ones(2, 3), torch.tensor([0, 1])).instruction_set == instruction_set
    assert failures(21, 0, 500) == []


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_tail(instruction_set: str, dtype: torch.dtype) -> None:
    """K from 1 to 70 and around the ends of vectors and blocks, from a pointer that is aligned to nothing."""
    g = np.random.default_rng(0)
    for K in [*range(1, 71), 127, 128, 129, 511, 513, 1023, 1024, 1025, 4097]:
        raw = torch.from_numpy(g.normal(size=2 * K + 1) * 3).to(dtype)
        z = raw[1:].view(2, K).requires_grad_()
        y = torch.from_numpy(g.integers(0, K, 2))
        loss = cross_entropy(z, y, label_smoothing=0.1, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, z)
        answer = oracle(numbers(z), y.numpy(), amount=0.1, reduction="sum")
        wide = torch.float64 if dtype == torch.float64 else torch.float32
        assert abs(loss.item() - float(answer.loss)) <= UNIT[wide] * (1 + abs(float(answer.loss)))
        room = UNIT[dtype] * (np.abs(answer.gradient) + 0.01 * np.abs(answer.gradient).max())
        assert (np.abs(numbers(gradient) - answer.gradient) <= room + 1e-38).all(), K


def spreads(K: int) -> dict[str, object]:
    table = torch.rand(K, K, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).softmax(1)
    return {
        "hard": 0.0,
        "uniform": 0.1,
        "others": Others(0.1),
        "shared": Prior(0.2, table[0]),
        "by class": ClassMatrix(0.2, table),
        "per class": Uniform(per_class=table[1]),
    }


LAYOUTS = {
    "rows": lambda n, K: torch.randn(n, K),
    "rows apart": lambda n, K: torch.randn(n, 2 * K)[:, :K],
    "transposed": lambda n, K: torch.randn(K, n).T,
    "every second class": lambda n, K: torch.randn(n, 2 * K)[:, ::2],
    "one row for all": lambda n, K: torch.randn(1, K).expand(n, K),
    "map": lambda n, K: torch.randn(2, K, 3, n),
    "part of a map": lambda n, K: torch.randn(2, K, 5, 2 * n)[:, :, 1:4, :n],
    "channels last": lambda n, K: torch.randn(2, K, 3, n).to(memory_format=torch.channels_last),
}


@pytest.mark.parametrize("K", [5, 21, 70, 300])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_spread_in_every_layout(layout: str, K: int) -> None:
    torch.manual_seed(K)
    stored = LAYOUTS[layout](37, K)
    y = torch.randint(K, (stored.shape[0], *stored.shape[2:]))
    y.view(-1)[::5] = -100
    for name, smoothing in spreads(K).items():
        for dtype in DTYPES:
            z = (
                torch.empty_strided(stored.shape, stored.stride(), dtype=dtype).copy_(stored)
                if layout != ("one row for all")
                else stored.to(dtype)[:1].expand(stored.shape)
            )
            z = z.detach().requires_grad_()
            loss = cross_entropy(z, y, label_smoothing=smoothing)  # type: ignore[arg-type]
            (gradient,) = torch.autograd.grad(loss, z)
            exact = z.detach().double().contiguous().requires_grad_()
            want = cross_entropy(exact, y, label_smoothing=smoothing, kernel="formula")  # type: ignore[arg-type]
            (reference,) = torch.autograd.grad(want, exact)
            unit = max(UNIT[dtype], 1e-11)
            assert abs(loss.item() - want.item()) <= max(1e-11, UNIT[loss.dtype]) * (1 + want.item()), (name, dtype)
            room = unit * (reference.abs() + 0.01 * reference.abs().max())
            assert ((gradient.double() - reference).abs() <= room).all(), (name, dtype)


def everything(z: Tensor, **options: object) -> list[Tensor]:
    z = z.detach().requires_grad_()
    y = torch.arange(z.shape[0]).view(-1, *[1] * (z.ndim - 2)).expand(z.shape[0], *z.shape[2:]) % z.shape[1]
    loss = cross_entropy(z, y, label_smoothing=0.1, **options)  # type: ignore[arg-type]
    (gradient,) = torch.autograd.grad(loss, z, torch.ones_like(loss))
    with torch.no_grad():
        again = cross_entropy(z, y, label_smoothing=0.1, **options)  # type: ignore[arg-type]
    return [loss.detach(), gradient, again]


@pytest.mark.parametrize("shape", [(1000, 100), (7, 30_000), (20_000, 5), (3, 9, 50, 60)])
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_T34_the_bits_do_not_follow_the_threads(shape: tuple[int, ...], reduction: str) -> None:
    z = torch.randn(shape, generator=torch.Generator().manual_seed(5)) * 3
    before = torch.get_num_threads()
    try:
        results = []
        for threads in (1, 2, 3, 4, 7):
            torch.set_num_threads(threads)
            results.append(everything(z, reduction=reduction))
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert all(map(torch.equal, results[0], other))
    assert torch.equal(results[0][0], results[0][2])  # the loss is the same without a gradient


def test_T4_ignored_rows_hold_anything(instruction_set: str) -> None:
    z = torch.randn(6, 300)
    z[1], z[4] = torch.nan, torch.inf
    z.requires_grad_()
    y = torch.tensor([3, -100, 5, 299, -100, 0])
    loss = cross_entropy(z, y, label_smoothing=0.1)
    (gradient,) = torch.autograd.grad(loss, z, torch.tensor(torch.inf))
    assert loss.isfinite() and (gradient[[1, 4]] == 0).all() and not gradient[[0, 2]].isfinite().any()


def test_T25_the_gradient_is_handed_out_once() -> None:
    z = torch.randn(50, 40, requires_grad=True)
    y = torch.randint(40, (50,))
    loss = cross_entropy(z, y, label_smoothing=0.1)
    (first,) = torch.autograd.grad(loss, z, retain_graph=True)
    kept = first.clone()
    first.zero_()
    (second,) = torch.autograd.grad(loss, z, torch.tensor(2.0), retain_graph=True)
    (third,) = torch.autograd.grad(loss, z)
    torch.testing.assert_close(second, 2 * kept)
    assert torch.equal(third, kept)


def test_T31_a_label_out_of_range_is_named() -> None:
    y = torch.tensor([1, 2, 7, 3])
    for kernel in ("auto", "native_cpu", "portable"):
        with pytest.raises(IndexError, match=r"target at row 2 is 7, but with 5 classes .* \[0, 4\]"):
            cross_entropy(torch.randn(4, 5), y, label_smoothing=0.1, kernel=kernel)


def test_each_kernel_can_be_asked_for() -> None:
    z, y = torch.randn(4, 5), torch.tensor([1, 2, 0, 3])
    want = F.cross_entropy(z, y, label_smoothing=0.1)
    for kernel in ("auto", "native_cpu", "portable", "formula"):
        torch.testing.assert_close(cross_entropy(z, y, label_smoothing=0.1, kernel=kernel), want)
    with pytest.raises(ValueError, match="kernel must be one of"):
        cross_entropy(z, y, kernel="fastest")
    with pytest.raises(ValueError, match="on meta; pass kernel='auto'"):
        cross_entropy(z.to("meta"), y.to("meta"), kernel="native_cpu")


def test_explain_says_which_kernel_and_why_not_the_others() -> None:
    z, y = torch.randn(4, 5), torch.tensor([1, 2, 0, 3])
    plain = explain(z, y, label_smoothing=0.1)
    assert plain.kernel == "native_cpu" and [*plain.refusals] == ["native_operator", "triton_gpu"]
    assert plain.threads == torch.get_num_threads() and plain.huge_pages in ("always", "madvise", "never")
    assert "native_cpu runs" in repr(plain)
    amount = torch.tensor(0.1, requires_grad=True)
    learned = explain(z, y, label_smoothing=amount)
    assert learned.kernel == "formula"
    assert "native_cpu does not: something other than the logits needs a gradient" in str(learned)


@pytest.mark.parametrize("number", range(40))
def test_the_portable_kernel_meets_the_same_gates(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(_compiled.SWITCH, "0")
    assert explain(torch.ones(2, 3), torch.tensor([0, 1])).kernel == "portable"
    assert failures(22, 25 * number, 25 * number + 25) == []


def test_a_wrong_kernel_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests above run this kernel: with its divisor a little off they fail."""
    honest = native_cpu._run

    def wrong(call, divisor=native_cpu.ONE, **places):  # type: ignore[no-untyped-def]
        return honest(call, divisor._replace(number=divisor.number * 1.00002), **places)

    cases = [draw(21, number) for number in range(40)]
    monkeypatch.setattr(native_cpu, "_run", wrong)
    seen = [case for case in cases if judge(case, library) is not None]
    assert len(seen) > 15


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_T14_the_look_at_probabilities(dtype: torch.dtype) -> None:
    """How far sums are from 1, and the least number; NaN where one is NaN; other layouts are left to torch."""
    given = torch.rand(300, 37, dtype=dtype).softmax(1)
    given[17, 5] += 0.25
    given[200, 3] = -0.125
    off, low = spread_of(given) or (0.0, 0.0)
    assert off == pytest.approx((given.double().sum(1) - 1).abs().max().item(), rel=1e-12) and low == -0.125
    given[2, 2] = torch.nan
    assert np.isnan(spread_of(given) or (0.0, 0.0)).all()
    assert spread_of(given.T) is None and spread_of(given[0]) is None


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(3, 21, 8, 32), (96, 21), (40, 300)])
def test_where_the_gradient_nearly_vanishes(instruction_set: str, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    """Near the optimum p − q is far smaller than p: what float32 alone would lose is found again."""
    g = torch.Generator().manual_seed(3)
    y = torch.randint(shape[1], (shape[0], *shape[2:]), generator=g)
    q = 0.9 * F.one_hot(y, shape[1]).movedim(-1, 1).double() + 0.1 / shape[1]
    noise = torch.randn(shape, generator=g, dtype=torch.float64)
    for given in [y] if len(shape) > 2 else [y, q.to(torch.float32)]:
        for size in (1e-2, 1e-4, 1e-6):
            z = (q.log() + size * noise).to(dtype).requires_grad_()
            smoothing = 0.1 if given is y else 0.0
            loss = cross_entropy(z, given, label_smoothing=smoothing, reduction="sum")
            (gradient,) = torch.autograd.grad(loss, z)
            alone = cross_entropy(z.detach(), given, label_smoothing=smoothing, reduction="sum")
            assert torch.equal(loss.detach(), alone)  # whether a gradient is wanted does not change a bit
            t = given if given is y else given.numpy().astype(np.float64)
            answer = oracle(numbers(z), numbers(t) if given is y else t, amount=smoothing, reduction="sum")
            room = gradient_limit(answer.gradient, dtype) + 1e-16
            assert (np.abs(numbers(gradient) - answer.gradient) <= room).all(), (size, given is y)
