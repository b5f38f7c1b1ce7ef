"""T28: under torch.compile the compiled kernel runs as an operator of the graph, with the bits of eager mode."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, library
from torch._dynamo.testing import CompileCounterWithBackend

from labelsmooth import CrossEntropyLoss, cross_entropy, schemes
from labelsmooth.kernels import _compiled, native_operator
from labelsmooth.losses import explain

pytestmark = pytest.mark.skipif(isinstance(_compiled.load(), _compiled.Missing), reason=f"{_compiled.load()}")
DTYPES = [torch.float32, torch.float64, torch.bfloat16, torch.float16]
N, K = 12, 7


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


class Seen(CompileCounterWithBackend):
    """Counts compilations and remembers the operators of every graph."""

    def __init__(self) -> None:
        super().__init__("aot_eager")
        self.operators: set[str] = set()

    def __call__(self, graph: torch.fx.GraphModule, inputs: Any) -> Any:
        self.operators |= {str(node.target) for node in graph.graph.nodes}
        return super().__call__(graph, inputs)


def drawn(*dims: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(3)
    return 4 * torch.randn((N, K, *dims), generator=g).to(dtype), torch.randint(K, (N, *dims), generator=g)


def both(f: Callable[..., Tensor], *inputs: Tensor) -> tuple[list[Tensor], list[Tensor], Seen]:
    """Loss and gradient in eager mode and compiled, each from a leaf of its own."""
    seen, found = Seen(), []
    for call in (f, torch.compile(f, backend=seen, fullgraph=True)):
        leaf = inputs[0].clone().requires_grad_()
        loss = call(leaf, *inputs[1:])
        (gradient,) = torch.autograd.grad(loss.sum(), leaf)
        found.append([loss.detach(), gradient])
    return found[0], found[1], seen


def used(seen: Seen) -> bool:
    return any("labelsmooth.row_losses" in name for name in seen.operators)


CALLS: dict[str, dict[str, Any]] = {
    "uniform": {"label_smoothing": 0.1},
    "hard": {},
    "others": {"label_smoothing": schemes.Others(0.2)},
    "prior": {"label_smoothing": schemes.Prior(0.1, torch.arange(1.0, K + 1) / 28)},
    "matrix": {"label_smoothing": schemes.Ordinal(0.1, K)},
    "weights": {"label_smoothing": 0.1, "weight": torch.linspace(0.5, 2, K)},
    "mask": {"label_smoothing": 0.1, "class_mask": torch.arange(K) < K},
    "by row": {"label_smoothing": schemes.Uniform(per_sample=torch.linspace(0, 0.9, N))},
}


@pytest.mark.parametrize("options", CALLS.values(), ids=CALLS)
def test_T28_the_graph_calls_the_kernel_and_has_its_bits(options: dict[str, Any]) -> None:
    z, y = drawn()
    y[4] = -100
    eager, compiled, seen = both(lambda z, y: cross_entropy(z, y, reduction="none", **options), z, y)
    assert used(seen)
    assert all(torch.equal(a, b) for a, b in zip(eager, compiled, strict=True))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("dims", [(), (3, 2)], ids=["rows", "maps"])
def test_T28_every_dtype_and_maps(dtype: torch.dtype, dims: tuple[int, ...]) -> None:
    z, y = drawn(*dims, dtype=dtype)
    eager, compiled, seen = both(lambda z, y: cross_entropy(z, y, reduction="none", label_smoothing=0.3), z, y)
    assert used(seen)
    assert all(torch.equal(a, b) for a, b in zip(eager, compiled, strict=True))


def test_T28_probabilities() -> None:
    z, _ = drawn()
    q = torch.rand(N, K, generator=torch.Generator().manual_seed(1)).softmax(1)
    mixed = schemes.Uniform(0.3, soft_targets=True)
    eager, compiled, seen = both(lambda z, q: cross_entropy(z, q, reduction="none", label_smoothing=mixed), z, q)
    assert used(seen)
    assert all(torch.equal(a, b) for a, b in zip(eager, compiled, strict=True))


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_T28_means_and_sums_are_those_of_eager_mode(reduction: str) -> None:
    z, y = drawn()
    eager, compiled, seen = both(lambda z, y: cross_entropy(z, y, reduction=reduction, label_smoothing=0.3), z, y)
    assert used(seen)
    for a, b in zip(eager, compiled, strict=True):
        torch.testing.assert_close(a, b, rtol=3e-7, atol=1e-9)


def test_T28_a_negated_view_is_read_as_what_it_shows() -> None:
    z, y = drawn()
    negated = torch._neg_view(z)
    compiled = torch.compile(lambda z, y: cross_entropy(z, y, label_smoothing=0.1), backend="aot_eager")
    torch.testing.assert_close(compiled(negated, y), cross_entropy(-z, y, label_smoothing=0.1))


def test_T28_a_schedule_compiles_once_and_calls_the_kernel() -> None:
    seen = Seen()
    compiled = torch.compile(lambda z, y, ε: cross_entropy(z, y, label_smoothing=ε), backend=seen, fullgraph=True)
    z, y = drawn()
    for ε in torch.linspace(0, 0.9, 5):
        torch.testing.assert_close(compiled(z, y, ε), cross_entropy(z, y, label_smoothing=ε))
    assert seen.frame_count == 1 and used(seen)


def test_T31_an_index_out_of_range_is_an_error_in_a_graph_too() -> None:
    z, y = drawn()
    y[5] = K
    compiled = torch.compile(CrossEntropyLoss(label_smoothing=0.1), backend="aot_eager", fullgraph=True)
    with pytest.raises(IndexError, match=r"row 5|target\[5\]"):
        compiled(z, y)


def with_learnt_amount(z: Tensor, y: Tensor, ε: Tensor) -> Tensor:
    return cross_entropy(z, y, label_smoothing=ε)


def test_the_formula_is_compiled_where_an_amount_is_learnt() -> None:
    seen, (z, y) = Seen(), drawn()
    ε = torch.tensor(0.2, requires_grad=True)
    torch.compile(with_learnt_amount, backend=seen, fullgraph=True)(z, y, ε).backward()
    assert not used(seen) and ε.grad is not None


def test_the_formula_is_compiled_where_there_is_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(_compiled.SWITCH, "0")
    eager, compiled, seen = both(lambda z, y: cross_entropy(z, y, label_smoothing=0.1), *drawn())
    assert not used(seen)
    for a, b in zip(eager, compiled, strict=True):
        torch.testing.assert_close(a, b)


def test_T29_what_is_exported_knows_no_operator_of_ours() -> None:
    for strict in (False, True):
        program = torch.export.export(CrossEntropyLoss(label_smoothing=0.1), drawn(), strict=strict)
        assert "labelsmooth" not in program.graph_module.code


def test_under_transforms_in_a_graph_the_formula_runs() -> None:
    z, y = drawn()
    seen = Seen()
    gradient = torch.func.grad(lambda z, y: cross_entropy(z, y, label_smoothing=0.1))
    compiled = torch.compile(gradient, backend=seen, fullgraph=True)
    torch.testing.assert_close(compiled(z, y), gradient(z, y))
    assert not used(seen)


def test_explain_says_why_not_in_eager_mode() -> None:
    refused = explain(*drawn(), label_smoothing=0.1).refusals["native_operator"]
    assert refused == "the call is not being compiled by torch.compile"
    with pytest.raises(ValueError, match="not being compiled"):
        cross_entropy(*drawn(), kernel="native_operator")


@pytest.mark.parametrize("weighted", [False, True])
def test_the_operators_keep_what_they_promise(weighted: bool) -> None:
    z, y = drawn()
    number = torch.tensor(0.5, dtype=torch.float64)
    weight = torch.rand(K) if weighted else None
    values = (number, number, number, y, None, None, weight, None, None, "uniform", None)
    library.opcheck(native_operator._row_losses, (z.requires_grad_(), *values))
    library.opcheck(native_operator._row_gradients, (z.detach(), torch.ones(N), *values))
