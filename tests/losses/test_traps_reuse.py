"""T25: graphs and tensors used again."""

from __future__ import annotations

import pytest
import torch
from losses import used_graphs, used_tensors
from losses.subject import K, Subject

from labelsmooth import cross_entropy
from labelsmooth.schemes import Others

SCENARIOS = {
    name: f
    for m in (used_graphs, used_tensors)
    for name, f in vars(m).items()
    if getattr(f, "__module__", "") == m.__name__
}


SIZES = {"small": 6, "large": 7_000}


@pytest.mark.filterwarnings("ignore:.*use_reentrant")
@pytest.mark.parametrize("rows", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("name", SCENARIOS)
def test_T25_a_graph_used_again(name: str, rows: int) -> None:
    subject = Subject(rows)
    SCENARIOS[name](subject)
    assert torch.equal(subject.z, subject.start)


def test_T25_there_are_44_scenarios() -> None:
    assert len(SCENARIOS) == len(set(SCENARIOS.values())) == 44


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("rows", SIZES.values(), ids=SIZES)
def test_T25_inputs_keep_their_bits(rows: int, dtype: torch.dtype) -> None:
    z, y = torch.randn(rows, K).to(dtype), torch.randint(K, (rows,))
    z[0, (y[0] + 1) % K], y[1] = -torch.inf, -100
    inputs = {
        "z": z,
        "y": y,
        "weight": torch.rand(K),
        "class_mask": torch.rand(K) > -1,
        "row_mask": torch.rand(rows) > 0.5,
        "sample_weight": torch.rand(rows),
        "q": torch.randn(rows, K).softmax(1),
    }
    before = {name: x.clone() for name, x in inputs.items()}
    options = {name: inputs[name] for name in ("weight", "class_mask", "row_mask", "sample_weight")}
    for target in ("y", "q"):
        leaf = inputs["z"].detach().requires_grad_()
        loss = cross_entropy(leaf, inputs[target], label_smoothing=Others(0.1) if target == "y" else 0.0, **options)
        loss.backward(retain_graph=True)
        loss.backward()
    assert [name for name in inputs if not torch.equal(inputs[name], before[name])] == []
