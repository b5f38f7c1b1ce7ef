"""Accelerate on one process and on two: gradients of one big batch, and every row counted once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from integrations.two_processes import each_finds

from labelsmooth import CrossEntropyLoss
from labelsmooth.calibration import CalibrationAccumulator
from labelsmooth.integrations.torchmetrics import calibration_metric

ROWS, STEPS, SIZE = 21, 3, 2
EPSILON = 0.1


def data() -> tuple[torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 4, (ROWS, 3), generator=g)
    return _short(torch.randn(ROWS, 5, generator=g)), torch.where(
        torch.rand(labels.shape, generator=g) < 0.4, -100, labels
    )


def _short(x: torch.Tensor) -> torch.Tensor:
    """Few bits, so that the logits are the same bits for every size of batch."""
    return (x * 32).round() / 32


class Net(torch.nn.Module):
    """Three predictions of four classes from each row."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.linear = torch.nn.Linear(5, 12)
        with torch.no_grad():
            for p in self.parameters():
                p.copy_(_short(p))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x).reshape(-1, 4, 3)


def found_by_accelerate() -> dict[str, Any]:
    """The gradient of each window, the rows that each process saw of it, and the figures of an evaluation."""
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState, GradientState, PartialState

    from labelsmooth.integrations.accelerate import Evaluation, micro_batches, windows

    for state in (AcceleratorState, GradientState, PartialState):
        state._reset_state()
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=STEPS)
    criterion = CrossEntropyLoss(label_smoothing=EPSILON, empty="zero")
    x, y = data()
    whole = torch.utils.data.TensorDataset(x, y, torch.arange(ROWS))
    plain = Net()
    model, loader = accelerator.prepare(plain, torch.utils.data.DataLoader(whole, batch_size=SIZE))
    gradients, seen = [], []
    for window in windows(accelerator, loader):
        for batch in micro_batches(accelerator, model, window):
            accelerator.backward(criterion(model(batch[0]), batch[1], num_items=window.num_items))
        gradients.append(torch.cat([p.grad.flatten() for p in plain.parameters()]).tolist())
        seen.append([int(i) for batch in window.batches for i in batch[2]])
        model.zero_grad()
    evaluation, metric = Evaluation(accelerator, criterion), calibration_metric(ignore_index=-100)
    with torch.no_grad():
        for batch in loader:
            evaluation.add(model(batch[0]), batch[1])
            metric.update(*accelerator.gather_for_metrics((model(batch[0]), batch[1])))
    metric.sync_on_compute = False  # gathered rows are on every process already
    theirs = {name: value.item() for name, value in metric.compute().items()}
    return {"gradients": gradients, "seen": seen, "figures": evaluation.compute(), "gathered": theirs}


def expected_gradient(rows: list[int]) -> torch.Tensor:
    x, y = data()
    net = Net()
    CrossEntropyLoss(label_smoothing=EPSILON)(net(x[rows]), y[rows]).backward()
    return torch.cat([p.grad.flatten() for p in net.parameters() if p.grad is not None])


def check(found: list[dict[str, Any]]) -> None:
    x, y = data()
    logits = Net()(x).detach()
    accumulator = CalibrationAccumulator(ignore_index=-100)
    accumulator.update(y.reshape(-1), logits=logits.movedim(1, -1).reshape(-1, 4))
    alone = accumulator.compute()
    for one in found:
        for i, gradient in enumerate(one["gradients"]):
            rows = [row for each in found for row in each["seen"][i]]
            expected = expected_gradient(rows)
            assert float((torch.tensor(gradient) - expected).norm() / expected.norm()) < 1e-6
        assert one["figures"]["rows"] == int((y != -100).sum())
        assert {name: one["figures"][name] for name in ("nll", "ece", "accuracy")} == {
            name: alone[name] for name in ("nll", "ece", "accuracy")
        }
        smoothed = CrossEntropyLoss(label_smoothing=EPSILON)(logits, y)
        assert one["figures"]["smoothed_loss"] == pytest.approx(float(smoothed), rel=1e-6)
        assert one["gathered"]["nll"] == alone["nll"]
    assert len({len(one["gradients"]) for one in found}) == 1


def test_T20_one_process() -> None:
    check([found_by_accelerate()])


def test_T21_two_processes_have_the_gradient_of_one_batch_and_count_no_duplicate(tmp_path: Path) -> None:
    found = each_finds(found_by_accelerate, folder=tmp_path)
    check(found)
    seen = [row for one in found for window in one["seen"] for row in window]
    assert len(seen) > ROWS == len(set(seen)), "accelerate repeats rows to fill the last batches up"
    assert found[0]["figures"] == found[1]["figures"] and found[0]["gradients"] == found[1]["gradients"]


def test_a_mean_of_means_is_another_gradient() -> None:
    rows = list(range(6))
    means = torch.stack([expected_gradient(rows[i : i + 2]) for i in (0, 2, 4)]).mean(0)
    expected = expected_gradient(rows)
    assert float((means - expected).norm() / expected.norm()) > 1e-2
