"""T28 and T29: torch.compile in one graph, few compilations, export, ONNX; and autocast and checkpointing beside."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from losses.drawn_calls import AXES, CALLS, Call, build
from torch import Tensor, nn
from torch._dynamo.testing import CompileCounterWithBackend
from torch._dynamo.utils import counters
from torch.utils.checkpoint import checkpoint

from labelsmooth import CrossEntropyLoss, LabelSmoothingLoss, cross_entropy, schemes

GROUPS = CALLS[::8]
DIFFERENTIATED = GROUPS[::5]
"""Those whose backward is traced as well; the others' is torch's own of the traced forward, at a third of the time."""


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    torch._dynamo.reset()
    counters.clear()
    yield
    torch._dynamo.reset()


def same(ours: list[Tensor], theirs: list[Tensor], tolerance: float = 1e-12) -> None:
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance / 100)


def losses_and_gradients(f: Callable[..., tuple[Tensor, ...]], inputs: list[Tensor]) -> list[Tensor]:
    leaves = [z.clone().requires_grad_() for z in inputs]
    losses = f(*leaves)
    gradients = torch.autograd.grad([loss.sum() for loss in losses], leaves)
    return [*(loss.detach() for loss in losses), *gradients]


def together(calls: list[Call]) -> Callable[..., tuple[Tensor, ...]]:
    """The calls as one function, each with logits of its own."""

    def run(*logits: Tensor) -> tuple[Tensor, ...]:
        return tuple(cross_entropy(z, call.target, **call.options) for z, call in zip(logits, calls, strict=True))

    return run


def test_T28_90_calls() -> None:
    assert len({words[:2] + words[3:] for words in GROUPS}) * len(AXES["reduction"]) == 90
    for i, choices in enumerate(AXES.values()):
        assert i == 2 or {words[i] for words in GROUPS} == set(choices)


@pytest.mark.parametrize("words", GROUPS, ids=", ".join)
def test_T28_90_calls_compile_in_one_piece(words: tuple[str, ...]) -> None:
    """All three reductions of each; losses and gradients are those of eager mode, which come from another kernel."""
    calls = [build((*words[:2], reduction, *words[3:])) for reduction in AXES["reduction"]]
    inputs = [call.logits for call in calls]
    counter = CompileCounterWithBackend("aot_eager" if words in DIFFERENTIATED else "eager")
    compiled = torch.compile(together(calls), backend=counter, fullgraph=True)
    same(losses_and_gradients(compiled, inputs), losses_and_gradients(together(calls), inputs))
    assert counter.frame_count >= 1
    assert not counters["graph_break"]


@pytest.mark.skipif(shutil.which("g++") is None, reason="inductor needs a C++ compiler")
@pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning")  # by inductor itself
@pytest.mark.timeout(600)
def test_T28_compiled_to_machine_code() -> None:
    words = [
        ("indices", "(N, K)", "mean", "torch", "one row", "none", "uniform"),
        ("probabilities", "(N, K)", "sum", "none", "none", "-inf", "others"),
        ("indices", "(N, K, d1)", "mean", "none", "one row", "class_mask of rows", "class_matrix"),
        ("indices", "(N, K)", "none", "sample", "none", "none", "composed"),
    ]
    calls = [build(w) for w in words]
    inputs = [call.logits for call in calls]
    compiled = torch.compile(together(calls), fullgraph=True)
    same(losses_and_gradients(compiled, inputs), losses_and_gradients(together(calls), inputs))


# Compilations


def batch(rows: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(seed)
    return torch.randn((rows, 5), generator=g), torch.randint(5, (rows,), generator=g)


@pytest.mark.parametrize("loss", [CrossEntropyLoss(label_smoothing=0.1), LabelSmoothingLoss(0.1)], ids=repr)
def test_T28_20_batch_sizes_are_at_most_two_compilations(loss: nn.Module) -> None:
    counter = CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(loss, backend=counter, fullgraph=True)
    for rows in range(2, 42, 2):
        z, y = batch(rows, rows)
        y[0] = -100
        torch.testing.assert_close(compiled(z, y), loss(z, y))
    assert counter.frame_count <= 2
    assert not counters["graph_break"]


def test_T28_dynamic_from_the_start_is_at_most_two_compilations() -> None:
    counter = CompileCounterWithBackend("aot_eager")
    loss = CrossEntropyLoss(label_smoothing=0.1, weight=torch.rand(5) + 0.5)
    compiled = torch.compile(loss, backend=counter, fullgraph=True, dynamic=True)
    for rows in range(2, 42, 2):
        z, y = batch(rows, rows)
        torch.testing.assert_close(compiled(z, y), loss(z, y))
    assert counter.frame_count <= 2


def with_amount(z: Tensor, y: Tensor, ε: Tensor) -> Tensor:
    return cross_entropy(z, y, label_smoothing=ε)


def with_scheme(z: Tensor, y: Tensor, ε: Tensor) -> Tensor:
    return cross_entropy(z, y, label_smoothing=schemes.Others(ε))


@pytest.mark.parametrize("f", [with_amount, with_scheme])
def test_T28_20_amounts_as_a_tensor_are_one_compilation(f: Callable[..., Tensor]) -> None:
    counter = CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(f, backend=counter, fullgraph=True)
    z, y = batch(6)
    for ε in torch.linspace(0, 1, 20):
        torch.testing.assert_close(compiled(z, y, ε), f(z, y, ε))
    assert counter.frame_count == 1


def test_T28_a_tensor_in_the_module_may_change_every_step() -> None:
    counter = CompileCounterWithBackend("aot_eager")
    loss = CrossEntropyLoss(label_smoothing=torch.tensor(0.0))
    compiled = torch.compile(loss, backend=counter, fullgraph=True)
    z, y = batch(6)
    for ε in torch.linspace(0, 1, 20):
        loss.label_smoothing.fill_(ε)  # type: ignore[attr-defined]
        torch.testing.assert_close(compiled(z, y), cross_entropy(z, y, label_smoothing=float(ε)))
    assert counter.frame_count == 1


def test_T28_a_number_in_the_module_may_change_after_one_more_compilation() -> None:
    """The first value is a constant of the graph; from the second on torch.compile takes the number as an input."""
    counter = CompileCounterWithBackend("aot_eager")
    loss = CrossEntropyLoss(label_smoothing=0.1)
    compiled = torch.compile(loss, backend=counter, fullgraph=True)
    z, y = batch(6)
    for ε in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6):
        loss.label_smoothing = ε
        torch.testing.assert_close(compiled(z, y), cross_entropy(z, y, label_smoothing=ε))
    assert counter.frame_count <= 2


def test_T28_training_and_evaluation_are_one_compilation_each() -> None:
    counter = CompileCounterWithBackend("aot_eager")
    loss = CrossEntropyLoss(label_smoothing=0.3, smooth_in_eval=False)
    compiled = torch.compile(loss, backend=counter, fullgraph=True)
    z, y = batch(6)
    for _ in range(3):
        torch.testing.assert_close(compiled.train()(z, y), cross_entropy(z, y, label_smoothing=0.3))
        torch.testing.assert_close(compiled.eval()(z, y), cross_entropy(z, y))
    assert counter.frame_count == 2


# Export


class Trained(nn.Module):
    """A model with its loss."""

    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.model, self.loss = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 5)), loss

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        out: Tensor = self.loss(self.model(x), y)
        return out


LOSSES: dict[str, Callable[[], nn.Module]] = {
    "smoothed": lambda: CrossEntropyLoss(label_smoothing=0.1),
    "weighted, one label ignored": lambda: CrossEntropyLoss(
        torch.arange(1.0, 6), ignore_index=2, label_smoothing=0.1, reduction="sum"
    ),
    "others": lambda: CrossEntropyLoss(label_smoothing=schemes.Others(0.2), reduction="none"),
    "ordinal": lambda: CrossEntropyLoss(label_smoothing=schemes.Ordinal(0.2, 5)),
}


def example(rows: int) -> tuple[Tensor, Tensor]:
    x, y = torch.randn((rows, 4), generator=torch.Generator().manual_seed(rows)), torch.arange(rows) % 5
    y[-1] = -100
    return x, torch.where(y == -100, 2, y)


@pytest.mark.parametrize("name", LOSSES)
def test_T29_exported_for_any_batch(name: str) -> None:
    whole = Trained(LOSSES[name]())
    rows = torch.export.Dim("rows", min=2, max=4096)
    program = torch.export.export(whole, example(6), dynamic_shapes=({0: rows}, {0: rows}))
    file = io.BytesIO()
    torch.export.save(program, file)
    file.seek(0)
    again = torch.export.load(file).module()
    for n in (6, 2, 33):
        torch.testing.assert_close(again(*example(n)), whole(*example(n)))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("name", LOSSES)
def test_T29_onnx_gives_the_same_loss(name: str) -> None:
    for module in ("onnx", "onnxscript"):
        pytest.importorskip(module)
    runtime = pytest.importorskip("onnxruntime")
    whole, inputs = Trained(LOSSES[name]()).eval(), example(6)
    program = torch.onnx.export(whole, inputs, dynamo=True, verbose=False)
    file = io.BytesIO()
    program.save(file)  # type: ignore[arg-type]
    session = runtime.InferenceSession(file.getvalue(), providers=["CPUExecutionProvider"])
    names = [x.name for x in session.get_inputs()]
    (found,) = session.run(None, dict(zip(names, (x.numpy() for x in inputs), strict=True)))
    np.testing.assert_allclose(found, whole(*inputs).detach().numpy(), rtol=1e-5, atol=1e-6)


# Mixed precision and checkpointing, eager and compiled


@pytest.mark.parametrize("backend", ["eager mode", "aot_eager"])
def test_T28_autocast_gives_a_float32_loss(backend: str) -> None:
    whole, (x, y) = Trained(CrossEntropyLoss(label_smoothing=0.1)), example(6)
    run: Any = whole if backend == "eager mode" else torch.compile(whole, backend=backend, fullgraph=True)
    with torch.autocast("cpu", torch.bfloat16):
        logits, loss = whole.model(x), run(x, y)
    assert logits.dtype == torch.bfloat16
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, cross_entropy(logits.float(), y, label_smoothing=0.1), rtol=1e-6, atol=0)
    loss.backward()
    assert all(w.grad is not None and w.grad.isfinite().all() for w in whole.parameters())


@pytest.mark.parametrize("rows", [6, 9000])
@pytest.mark.parametrize("use_reentrant", [True, False])
def test_T26_checkpointed_gradients_are_the_same(use_reentrant: bool, rows: int) -> None:
    x, y = example(rows)
    loss = CrossEntropyLoss(label_smoothing=schemes.Others(0.1))
    found = []
    for again in (False, True):
        z = torch.cat((x, x[:, :1]), 1).requires_grad_()
        value = checkpoint(loss, z, y, use_reentrant=use_reentrant) if again else loss(z, y)
        value.backward()
        assert z.grad is not None
        found.append((value.detach(), z.grad))
    (value, gradient), (checkpointed, recomputed) = found
    torch.testing.assert_close(checkpointed, value, rtol=1e-6, atol=0)
    assert torch.equal(recomputed, gradient)
