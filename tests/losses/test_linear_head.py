"""The linear head and its loss in chunks: the oracle's values, the same for every chunk size, no logits in memory."""

from __future__ import annotations

import copy
import pickle
import warnings
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from cases import Case as RandomCase
from cases import draw
from heads import Case, Found, agree, distance, gradients, make, ours, truth
from judge import arguments, judge, numbers, run
from torch import Tensor, nn
from torch.nn import functional as F

from labelsmooth import CrossEntropyLoss, LinearCrossEntropyLoss, cross_entropy, linear_cross_entropy
from labelsmooth.losses import _head
from labelsmooth.schemes import ClassMatrix, Ordinal, Others, Prior, Uniform

TIGHT = {torch.float64: 1e-13, torch.float32: 1e-6}
WEIGHT = torch.linspace(0.2, 2.0, 11, dtype=torch.float64)
PI = torch.arange(1.0, 12.0, dtype=torch.float64) / 66
TABLE = torch.full((11, 11), 0.1, dtype=torch.float64).fill_diagonal_(0)
SCHEMES = {
    "uniform": (Uniform(0.1), {"amount": 0.1}),
    "others": (Others(0.2), {"amount": 0.2, "spread": "others"}),
    "prior": (Prior(0.3, PI), {"amount": 0.3, "spread": PI.numpy()}),
    "matrix": (ClassMatrix(0.1, TABLE), {"amount": 0.1, "spread": TABLE.numpy()}),
    "per class": (Uniform(per_class=PI), {"amount_by_class": PI.numpy()}),
}


def unfused(case: Case, softcap: float | None = None, **options: Any) -> Tensor:
    """This package's loss on all logits."""
    weight = case.weight.reshape(-1, case.weight.shape[-1])
    z = F.linear(case.x, weight, None if case.bias is None else case.bias.reshape(-1))
    z = z.reshape(*case.x.shape[:-1], *case.weight.shape[:-1])
    z = z if softcap is None else softcap * torch.tanh(z / softcap)
    return cross_entropy(z, case.target, **options)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("dims", [(), (3,)], ids=["rows", "map"])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_the_oracles_loss_and_gradients(scheme: str, dims: tuple[int, ...], reduction: str) -> None:
    built, told = SCHEMES[scheme]
    for dtype, weight in product((torch.float64, torch.float32), (None, WEIGHT)):
        case = make(dims=dims, dtype=dtype, ignored=5)
        upstream = np.linspace(0.5, 2, case.target.numel()).reshape(case.target.shape) if reduction == "none" else 0.7
        got = ours(case, upstream, label_smoothing=built, reduction=reduction, weight=weight, chunk_size=8)
        expected = truth(
            case, upstream, weight=None if weight is None else numbers(weight), reduction=reduction, **told
        )
        assert got.loss.dtype == dtype
        agree(got, expected, TIGHT[dtype])


def test_the_oracles_with_all_options_together() -> None:
    mask, counts = torch.arange(11) != 4, torch.arange(37) % 5 != 0
    sample = torch.linspace(0, 2, 37, dtype=torch.float64)
    case = make(ignored=3)
    case.target[case.target == 4] = 5
    told: dict[str, Any] = {"weight_mode": "sample", "normalizer": "rows", "reduction": "mean"}
    arrays = {"weight": WEIGHT, "class_mask": mask, "row_mask": counts, "sample_weight": sample}
    expected = truth(case, softcap=3.0, amount=0.1, **told, **{name: x.numpy() for name, x in arrays.items()})
    agree(ours(case, label_smoothing=0.1, softcap=3.0, chunk_size=10, **told, **arrays), expected, 1e-13)


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_probabilities_as_targets(reduction: str) -> None:
    case = make()._replace(target=torch.rand(37, 11, dtype=torch.float64).softmax(1))
    got = ours(case, 1.0, label_smoothing=Uniform(0.1, soft_targets=True), reduction=reduction, chunk_size=5)
    agree(got, truth(case, 1.0, amount=0.1, reduction=reduction), 1e-13)


def test_a_wrong_loss_is_seen() -> None:
    case = make(ignored=5)
    expected = truth(case, amount=0.1, reduction="mean")
    for wrong in ({"label_smoothing": 0.0}, {"label_smoothing": Others(0.1)}, {"reduction": "sum"}, {"softcap": 30.0}):
        with pytest.raises(AssertionError):
            agree(ours(case, **{"label_smoothing": 0.1, **wrong}), expected, 1e-6)


def plain_rows(case: RandomCase) -> bool:
    finite = bool(torch.isfinite(case.logits).all())
    return case.kind["rank"] in ("(K,)", "(N, K)") and case.K <= 300 and finite and case.kind["class dim"] != "last"


def through_a_head(case: RandomCase) -> Any:
    """The case's logits as the input of a head whose weight is the identity."""
    identity = torch.eye(case.K, dtype=case.dtype)
    return run(case, lambda z: linear_cross_entropy(z, identity, case.target, chunk_size=3, **arguments(case)))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_random_cases_through_an_identity_weight_meet_every_gate() -> None:
    drawn = [case for case in (draw(17, number) for number in range(250)) if plain_rows(case)]
    failures = [f"{case}: {found}" for case in drawn if (found := judge(case, through_a_head)) is not None]
    assert len(drawn) >= 50
    assert failures == []


def ulps(a: Tensor, b: Tensor) -> float:
    """The largest distance in units of the last place."""
    spacing = np.spacing(np.maximum(np.abs(a.numpy()), np.abs(b.numpy())))
    return float((np.abs(a.numpy().astype(np.float64) - b.numpy().astype(np.float64)) / spacing).max())


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1, Others(0.1)], ids=str)
def test_T24_the_same_for_every_chunk_size(label_smoothing: Any) -> None:
    case = make(129, 32, 1000, dtype=torch.float32, ignored=20)
    options: dict[str, Any] = {"label_smoothing": label_smoothing}
    rows = ours(case, reduction="none", chunk_size=129, **options)
    mean = ours(case, chunk_size=129, **options)
    for size in (1, 2, 7, 64, 128, 1000):
        found = ours(case, reduction="none", chunk_size=size, **options)
        assert ulps(found.loss, rows.loss) <= 2
        assert torch.equal(found.loss, rows.loss) or not torch.backends.mkl.is_available()
        assert ulps(ours(case, chunk_size=size, **options).loss, mean.loss) <= 2
        for a, b in zip(found.gradients, rows.gradients, strict=True):
            assert distance(a, b) <= 1e-6


def test_T24_the_mean_is_over_the_rows_that_count() -> None:
    case = make(40, ignored=13)
    rows = ours(case, reduction="none", label_smoothing=0.1).loss
    for size in (1, 3, 40):
        mean = ours(case, label_smoothing=0.1, chunk_size=size).loss
        torch.testing.assert_close(mean, rows.sum() / 27, rtol=1e-14, atol=0)


def test_T24_smoothing_is_not_dropped_as_in_torchs_head() -> None:
    case = make(dtype=torch.float32)
    bias = case.bias
    got = ours(case, label_smoothing=0.1, chunk_size=4)
    expected = unfused(case, label_smoothing=0.1)
    agree(got, Found(expected.detach(), gradients(expected, case)), 1e-6)
    if not hasattr(F, "linear_cross_entropy"):
        return
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        options = nn.LinearCrossEntropyOptions(batch_chunk_size=4)  # type: ignore[attr-defined]
        call: dict[str, Any] = {"linear_bias": bias, "options": options, "label_smoothing": 0.1}
        theirs = F.linear_cross_entropy(case.x, case.weight, case.target, **call)
    assert any("options" in str(each.message) and "ignored" in str(each.message) for each in said)
    agree(got, Found(theirs.detach(), gradients(theirs, case)), 1e-6)
    hard = F.linear_cross_entropy(case.x, case.weight, case.target, **{**call, "label_smoothing": 0.0})
    agree(ours(case, options=options), Found(hard.detach(), gradients(hard, case)), 1e-6)


@pytest.mark.parametrize("reduction", ["mean", "none"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_as_near_the_truth_as_the_unfused_head(dtype: torch.dtype, reduction: str) -> None:
    case = make(64, 32, 300, dtype=dtype, ignored=7)
    expected = truth(case, 1.0, amount=0.1, reduction=reduction)
    got = ours(case, 1.0, label_smoothing=0.1, reduction=reduction, chunk_size=9)
    plain = F.cross_entropy(F.linear(*case[:3]), case.target, label_smoothing=0.1, reduction=reduction)  # type: ignore[arg-type]
    naive = Found(plain.detach(), gradients(plain, case))
    eps = torch.finfo(dtype).eps
    assert got.loss.dtype == torch.float32
    assert distance(got.loss, expected.loss) <= eps
    for a, b, right in zip(got.gradients, naive.gradients, expected.gradients, strict=True):
        assert a.dtype == dtype
        assert distance(a, right) <= max(2 * eps, 1.2 * distance(b, right))


def test_autocast_multiplies_in_its_dtype_and_sums_in_float32() -> None:
    case = make(64, 32, 300, dtype=torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = ours(case, label_smoothing=0.1, chunk_size=16)
        rows = ours(case, label_smoothing=0.1, chunk_size=16, reduction="none")
    expected = truth(case, amount=0.1)
    assert found.loss.dtype == torch.float32 and found.gradients[1].dtype == torch.float32
    assert 1e-5 < distance(found.loss, expected.loss) < 2**-7
    assert distance(found.gradients[1], expected.gradients[1]) < 2**-5
    assert distance(rows.gradients[1], truth(case, 1.0, amount=0.1, reduction="none").gradients[1]) < 2**-5


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_T25_backward_runs_again_and_inputs_keep_their_bits(reduction: str) -> None:
    case = make(dtype=torch.float32, ignored=2)
    before = [each.detach().clone() for each in case.parameters]
    loss = linear_cross_entropy(*case[:2], case.target, linear_bias=case.bias, reduction=reduction, chunk_size=5)
    first = gradients(loss, case, retain_graph=True)
    for each in first:
        each.mul_(17)
    second = gradients(loss, case, 2.0, retain_graph=True)
    third = gradients(loss, case)
    for a, b, c in zip(first, second, third, strict=True):
        assert torch.equal(a / 17, c) or distance(a / 17, c) < 1e-6
        assert torch.equal(b, 2 * c)
    assert all(torch.equal(a, b) for a, b in zip(before, case.parameters, strict=True))


def test_T25_a_weight_changed_between_forward_and_backward_is_noticed() -> None:
    case = make()
    loss = linear_cross_entropy(*case[:2], case.target)
    with torch.no_grad():
        case.weight.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_only_the_gradients_asked_for() -> None:
    case = make()
    full = ours(case, label_smoothing=0.1)
    for wanted in range(3):
        tensors = [each.detach().requires_grad_(place == wanted) for place, each in enumerate(case.parameters)]
        loss = linear_cross_entropy(tensors[0], tensors[1], case.target, linear_bias=tensors[2], label_smoothing=0.1)
        (found,) = torch.autograd.grad(loss, tensors[wanted])
        assert torch.equal(found, full.gradients[wanted])
    with torch.no_grad():
        assert torch.equal(
            linear_cross_entropy(*case[:2], case.target, linear_bias=case.bias, label_smoothing=0.1), full.loss
        )


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_T26_second_derivatives(reduction: str) -> None:
    case = make(5, 3, 4, ignored=1)

    def loss(*tensors: Tensor) -> Tensor:
        x, weight, bias = tensors
        call: dict[str, Any] = {"reduction": reduction, "label_smoothing": 0.1, "softcap": 3.0, "chunk_size": 2}
        return linear_cross_entropy(x, weight, case.target, linear_bias=bias, **call)

    assert torch.autograd.gradcheck(loss, case.parameters)
    assert torch.autograd.gradgradcheck(loss, case.parameters)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")
def test_T26_transforms_of_torch_have_right_values() -> None:
    case = make(6, 3, 4)
    x, weight, bias = (each.detach() for each in case.parameters)
    expected = ours(case, label_smoothing=0.1)

    def loss(w: Tensor, h: Tensor = x, y: Tensor = case.target) -> Tensor:
        return linear_cross_entropy(h, w, y, linear_bias=bias, label_smoothing=0.1)

    torch.testing.assert_close(torch.func.grad(loss)(weight), expected.gradients[1], rtol=1e-12, atol=1e-14)
    single = torch.func.vmap(torch.func.grad(loss), (None, 0, 0))(weight, x, case.target)
    torch.testing.assert_close(single.mean(0), expected.gradients[1], rtol=1e-12, atol=1e-14)
    _, tangent = torch.func.jvp(loss, (weight,), (weight,))
    torch.testing.assert_close(tangent, (expected.gradients[1] * weight).sum(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("reduction", ["sum", "none"])
def test_T26_many_upstreams_at_once(reduction: str) -> None:
    case = make(5, 3, 4)
    loss = linear_cross_entropy(*case[:2], case.target, linear_bias=case.bias, reduction=reduction, chunk_size=2)
    many = torch.rand(3, *loss.shape, dtype=torch.float64)
    found = torch.autograd.grad(loss, case.parameters, many, is_grads_batched=True, retain_graph=True)
    for number, one in enumerate(many):
        for a, b in zip(found, gradients(loss, case, one, retain_graph=True), strict=True):
            torch.testing.assert_close(a[number], b, rtol=1e-12, atol=1e-14)


def test_T28_compiles_in_one_piece() -> None:
    case = make(6, 3, 4)
    compiled = torch.compile(linear_cross_entropy, fullgraph=True, backend="eager")
    call: dict[str, Any] = {"linear_bias": case.bias, "label_smoothing": 0.1}
    loss = compiled(case.x, case.weight, case.target, **call)
    agree(Found(loss.detach(), gradients(loss, case)), truth(case, amount=0.1), 1e-13)


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_T4_an_ignored_row_may_hold_anything(reduction: str) -> None:
    case = make(ignored=0)
    clean = ours(case, 1.0, row_mask=torch.arange(37) > 2, reduction=reduction, label_smoothing=0.1)
    with torch.no_grad():
        case.x[:3] = torch.tensor([[torch.nan], [torch.inf], [-torch.inf]], dtype=torch.float64)
    case.target[:3] = -100
    found = ours(case, 1.0, reduction=reduction, label_smoothing=0.1, chunk_size=4)
    assert torch.equal(found.loss, clean.loss) or distance(found.loss, clean.loss) < 1e-14
    for a, b in zip(found.gradients, clean.gradients, strict=True):
        assert distance(a, b) < 1e-14
    assert not found.gradients[0][:3].any()


@pytest.mark.parametrize("n", [0, 4])
@pytest.mark.parametrize("empty", ["nan", "zero"])
def test_T7_no_row_that_counts(n: int, empty: str) -> None:
    case = make(n, ignored=n)
    found = ours(case, label_smoothing=0.1, empty=empty)
    assert found.loss.isnan() if empty == "nan" else found.loss == 0
    assert not any(each.any() for each in found.gradients)
    assert ours(case, reduction="sum").loss == 0


@pytest.mark.parametrize("kernel", ["portable", "formula"])
def test_a_kernel_can_be_asked_for(kernel: str) -> None:
    case = make(dtype=torch.float32, ignored=3)
    for reduction in ("mean", "none"):
        options: dict[str, Any] = {"label_smoothing": 0.1, "reduction": reduction}
        agree(ours(case, 1.0, kernel=kernel, **options), ours(case, 1.0, chunk_size=8, **options), 1e-6)
    with pytest.raises(ValueError, match="triton_gpu' cannot take this call"):
        ours(case, kernel="triton_gpu")


def test_masked_classes_by_a_bias_of_minus_infinity() -> None:
    case = make()
    with torch.no_grad():
        case.bias[4] = -torch.inf  # type: ignore[index]
    case.target[case.target == 4] = 0
    found = ours(case, label_smoothing=0.1, chunk_size=6)
    agree(found, truth(case, amount=0.1), 1e-13)
    assert not found.gradients[1][4].any()


def test_an_amount_or_row_weights_that_learn() -> None:
    case = make()
    amount, sample = torch.tensor(0.1, requires_grad=True), torch.rand(37, dtype=torch.float64).requires_grad_()
    loss = linear_cross_entropy(*case[:2], case.target, label_smoothing=amount, sample_weight=sample, reduction="sum")
    slope, of_rows = torch.autograd.grad(loss, (amount, sample))
    rows = ours(case._replace(bias=None), reduction="none", label_smoothing=0.1).loss
    torch.testing.assert_close(of_rows, rows, rtol=1e-6, atol=0)
    ends = [
        ours(case._replace(bias=None), reduction="none", label_smoothing=end).loss @ sample.detach()
        for end in (0.0, 1.0)
    ]
    torch.testing.assert_close(slope.double(), ends[1] - ends[0], rtol=1e-5, atol=0)


def test_leading_dimensions_are_rows() -> None:
    case = make(12)
    flat = ours(case, np.arange(12.0), reduction="none", label_smoothing=0.1, chunk_size=5)
    shaped = case._replace(x=case.x.reshape(3, 4, 8), target=case.target.reshape(3, 4))
    mask = torch.ones(3, 4, 11, dtype=torch.bool)
    loss = linear_cross_entropy(
        *shaped[:2], shaped.target, linear_bias=case.bias, reduction="none", label_smoothing=0.1, class_mask=mask
    )
    torch.testing.assert_close(loss, flat.loss.reshape(3, 4), rtol=1e-14, atol=0)
    one = linear_cross_entropy(
        case.x[0], case.weight, case.target[0], linear_bias=case.bias, reduction="none", label_smoothing=0.1
    )
    assert one.shape == () and torch.allclose(one, flat.loss[0], rtol=1e-14)


def test_the_logits_are_never_in_memory() -> None:
    case = make(512, 16, 4000, dtype=torch.float32)
    with torch.profiler.profile(profile_memory=True, activities=[torch.profiler.ProfilerActivity.CPU]) as seen:
        ours(case, label_smoothing=0.1, chunk_size=32)
        ours(case, 1.0, label_smoothing=0.1, chunk_size=32, reduction="none")
    largest = max(each.cpu_memory_usage for each in seen.events())
    assert 0 < largest <= 2 * 4 * 32 * 4000
    with torch.profiler.profile(profile_memory=True, activities=[torch.profiler.ProfilerActivity.CPU]) as seen:
        ours(case, label_smoothing=0.1, chunk_size=512)
    assert max(each.cpu_memory_usage for each in seen.events()) >= 4 * 512 * 4000


def test_a_budget_of_memory_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    made = _head._logits
    monkeypatch.setattr(_head, "_logits", lambda *given: seen.append(given[3].numel()) or made(*given))
    case = make(500, 4, 100, dtype=torch.float32)
    ours(case, memory_budget=40_000)
    assert max(seen) == 100 * 100 and sum(seen) == 500 * 100
    seen.clear()
    ours(case, memory_budget=1)
    assert max(seen) == 8 * 100  # fewer rows would have other bits
    seen.clear()
    ours(case)
    assert seen == [500 * 100]


WRONG: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "chunk 0": ({"chunk_size": 0}, ValueError, "chunk_size must be at least 1"),
    "chunk half": ({"chunk_size": 2.5}, TypeError, "chunk_size must be a whole number of rows"),
    "both": ({"chunk_size": 2, "memory_budget": 100}, ValueError, "give one of them"),
    "cap 0": ({"softcap": 0.0}, ValueError, "softcap must be a positive number"),
    "cap text": ({"softcap": "30"}, TypeError, "softcap must be a positive number"),
    "class dim": ({"class_dim": 1}, ValueError, "dimension 0 of linear_weight"),
    "unknown": ({"smoothing": 0.1}, TypeError, "has no option 'smoothing'"),
    "options": ({"options": 3}, TypeError, "LinearCrossEntropyOptions"),
    "amount": ({"label_smoothing": 1.5}, ValueError, "label_smoothing must be a number"),
    "reduction": ({"reduction": "avg"}, ValueError, "reduction must be one of"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_options_are_refused_in_words(name: str) -> None:
    options, error, words = WRONG[name]
    with pytest.raises(error, match=words):
        ours(make(), **options)


MISSHAPEN: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "features": ({"weight": torch.zeros(11, 7)}, ValueError, r"\(37, 8\) and \(11, 7\)"),
    "column": ({"target": torch.zeros(37, 1, dtype=torch.long)}, ValueError, r"use target.squeeze\(1\)"),
    "length": ({"target": torch.zeros(36, dtype=torch.long)}, ValueError, r"must have shape \(37,\)"),
    "floats": ({"target": torch.zeros(37)}, ValueError, "read as class probabilities"),
    "bias": ({"bias": torch.zeros(10, dtype=torch.float64)}, ValueError, r"\(11,\); got \(10,\)"),
    "dtypes": ({"weight": torch.zeros(11, 8)}, TypeError, "float64 but linear_weight is torch.float32"),
    "integers": ({"x": torch.zeros(37, 8, dtype=torch.long)}, TypeError, "input must be float32"),
    "range": ({"target": torch.full((37,), 11)}, IndexError, r"target at row 0 is 11.*\[0, 10\]"),
    "map": (
        {"x": torch.zeros(2, 3, 8).double(), "weight": torch.zeros(11, 2, 8).double(), "bias": None},
        ValueError,
        r"shape \(N, D\)",
    ),
    "list": ({"target": [1, 2]}, TypeError, "target must be a tensor; got list"),
    "device": ({"weight": torch.zeros(11, 8, device="meta")}, ValueError, "input is on cpu but linear_weight on meta"),
}


@pytest.mark.parametrize("name", MISSHAPEN)
def test_wrong_tensors_are_refused_in_words(name: str) -> None:
    changes, error, words = MISSHAPEN[name]
    case = make()._replace(**changes)
    with pytest.raises(error, match=words):
        linear_cross_entropy(case.x, case.weight, case.target, linear_bias=case.bias)


@pytest.mark.parametrize("out_features", [(), (3,)])
def test_the_module_computes_what_the_function_does(out_features: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    module = LinearCrossEntropyLoss(
        8, 11, out_features=out_features, bias=True, label_smoothing=Others(0.1), chunk_size=5
    )
    x, target = torch.randn(12, 8), torch.randint(11, (12, *out_features))
    weight, bias = module.linear.weight.view(11, *out_features, 8), module.linear.bias.view(11, *out_features)
    expected = linear_cross_entropy(x, weight, target, linear_bias=bias, label_smoothing=Others(0.1))
    torch.testing.assert_close(module(x, target), expected)
    for twin in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert torch.equal(twin(x, target), module(x, target))
    assert "chunk_size=5" in repr(module) and "Others(0.1)" in repr(module)


def test_T40_states_are_exchanged_with_torchs_module() -> None:
    ours_ = LinearCrossEntropyLoss(8, 11, bias=True, weight=torch.rand(11), label_smoothing=0.1)
    if not hasattr(nn, "LinearCrossEntropyLoss"):
        assert sorted(ours_.state_dict()) == ["linear.bias", "linear.weight", "weight"]
        return
    theirs = nn.LinearCrossEntropyLoss(8, 11, bias=True, weight=torch.rand(11), label_smoothing=0.1)
    theirs.load_state_dict(ours_.state_dict())
    x, target = torch.randn(12, 8), torch.randint(11, (12,))
    torch.testing.assert_close(ours_(x, target), theirs(x, target))
    ours_.load_state_dict(theirs.state_dict())


def test_smoothing_may_stop_in_evaluation() -> None:
    module = LinearCrossEntropyLoss(8, 11, label_smoothing=0.5, smooth_in_eval=False)
    x, target = torch.randn(12, 8), torch.randint(11, (12,))
    smooth, hard = module(x, target), module.eval()(x, target)
    torch.testing.assert_close(hard, F.cross_entropy(module.linear(x), target))
    assert not torch.allclose(smooth, hard)
    with pytest.raises(TypeError, match="has no option"):
        LinearCrossEntropyLoss(8, 11, smoothing=0.1)
    with pytest.raises(TypeError, match="when it is built"):
        module(x, target, reduction="sum")


def test_the_module_is_as_good_as_a_layer_and_a_loss() -> None:
    torch.manual_seed(0)
    fused = LinearCrossEntropyLoss(8, 5, bias=True, label_smoothing=0.1)
    layer, loss = copy.deepcopy(fused.linear), CrossEntropyLoss(label_smoothing=0.1)
    x, target = torch.randn(64, 8), torch.randint(5, (64,))
    optimizers = [torch.optim.Adam(each.parameters(), 0.1) for each in (fused, layer)]
    for _ in range(10):
        for optimizer, value in zip(optimizers, (fused(x, target), loss(layer(x), target)), strict=True):
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
    torch.testing.assert_close(fused.linear.weight, layer.weight, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "label_smoothing", [Ordinal(0.1, 11), Uniform(per_sample=torch.rand(37))], ids=["ordinal", "rows"]
)
def test_other_schemes_as_on_all_logits(label_smoothing: Any) -> None:
    case = make(ignored=4)
    expected = unfused(case, label_smoothing=label_smoothing)
    got = ours(case, label_smoothing=label_smoothing, chunk_size=6)
    agree(got, Found(expected.detach(), gradients(expected, case)), 1e-13)
