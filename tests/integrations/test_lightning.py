"""Lightning: gradients of one big batch, validation against hard labels, schemes that are told."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from integrations.two_processes import each_finds

from labelsmooth import BCEWithLogitsLoss, CrossEntropyLoss
from labelsmooth.calibration import CalibrationAccumulator
from labelsmooth.integrations.lightning import smoothing_callback
from labelsmooth.schemes import Online

ROWS, SIZE = 11, 2
EPSILON = 0.1


def data() -> tuple[torch.Tensor, torch.Tensor]:
    """The second batch has no label that counts."""
    g = torch.Generator().manual_seed(0)
    x, y = torch.randn(ROWS, 3, generator=g), torch.randint(0, 4, (ROWS,), generator=g)
    y[[2, 3, 5, 8]] = -100
    return x, y


def fitted(criterion: torch.nn.Module, steps: int = 1, callback: Any = True, **more: Any) -> Any:
    """The module after one epoch, the trainer, and the weights after each optimizer step."""
    import pytorch_lightning as pl

    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)

    class Net(pl.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.linear, self.criterion, self.seen = torch.nn.Linear(3, 4), criterion, []

        def training_step(self, batch: Any, index: int) -> torch.Tensor:
            self.seen += batch[2].tolist()
            return self.criterion(self.linear(batch[0]), batch[1])

        def validation_step(self, batch: Any, index: int) -> None:
            self.log("val_loss", self.criterion(self.linear(batch[0]), batch[1]))

        test_step = validation_step

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=more.get("lr", 0.5))

    x, y = data()
    labels = torch.nn.functional.one_hot(y.clamp(min=0), 4).float() if isinstance(criterion, BCEWithLogitsLoss) else y
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, labels, torch.arange(ROWS)), batch_size=SIZE)
    callback = smoothing_callback() if callback is True else callback
    net = Net()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Lightning's advice on workers and loggers
        trainer = pl.Trainer(
            max_epochs=1, accelerator="cpu", accumulate_grad_batches=steps, logger=False,
            enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
            num_sanity_val_steps=0, callbacks=[callback] if callback else [], **more.get("trainer", {"devices": 1}),
        )  # fmt: skip
        trainer.fit(net, loader, loader)
    return net, trainer, loader


def by_hand(criterion: torch.nn.Module, window: int) -> torch.Tensor:
    """The weights after an epoch in which `window` rows are one batch."""
    x, y = data()
    labels = torch.nn.functional.one_hot(y.clamp(min=0), 4).float() if isinstance(criterion, BCEWithLogitsLoss) else y
    torch.manual_seed(0)
    linear = torch.nn.Linear(3, 4)
    optimizer = torch.optim.SGD(linear.parameters(), lr=0.5)
    for first in range(0, ROWS, window):
        optimizer.zero_grad()
        criterion(linear(x[first : first + window]), labels[first : first + window]).backward()
        optimizer.step()
    return linear.weight.detach()


@pytest.mark.parametrize("kind", ["classes", "weights", "binary"])
@pytest.mark.parametrize("steps", [1, 4, 8])
def test_T20_accumulation_gives_the_steps_of_big_batches(kind: str, steps: int) -> None:
    criterion: Any = CrossEntropyLoss(label_smoothing=EPSILON)
    if kind == "weights":
        criterion = CrossEntropyLoss(torch.tensor([1.0, 2.0, 3.0, 0.5]), label_smoothing=EPSILON)
    elif kind == "binary":
        criterion = BCEWithLogitsLoss(label_smoothing=EPSILON)
    net, _, _ = fitted(criterion, steps)
    torch.testing.assert_close(net.linear.weight.detach(), by_hand(criterion, steps * SIZE), rtol=1e-5, atol=1e-6)


def test_T20_without_it_lightning_takes_a_mean_of_means() -> None:
    criterion = CrossEntropyLoss(label_smoothing=EPSILON, empty="zero")
    net, _, _ = fitted(criterion, 4, smoothing_callback(exact_accumulation=False))
    assert float((net.linear.weight.detach() - by_hand(criterion, 4 * SIZE)).norm()) > 1e-2


def test_T16_validation_is_hard_and_the_smoothed_loss_stands_beside_it() -> None:
    criterion = CrossEntropyLoss(label_smoothing=EPSILON, empty="zero")
    net, trainer, loader = fitted(criterion, lr=0.0)
    assert criterion.smooth_in_eval, "the loss is left as it was"
    x, y = data()
    logits = net.linear(x).detach()
    accumulator = CalibrationAccumulator(ignore_index=-100)
    accumulator.update(y, logits=logits)
    for prefix in ("val", "test"):
        if prefix == "test":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                trainer.test(net, loader, verbose=False)
        found = {name: value.item() for name, value in trainer.callback_metrics.items()}
        for name, value in accumulator.compute().items():
            if f"{prefix}_{name}" in found:
                assert found[f"{prefix}_{name}"] == pytest.approx(value, rel=1e-6)
        assert {f"{prefix}_nll", f"{prefix}_ece", f"{prefix}_brier"} <= found.keys()
        assert found[f"{prefix}_smoothed_loss"] == pytest.approx(float(criterion(logits, y)), rel=1e-6)
        assert found[f"{prefix}_rows"] == 7
    hard = CrossEntropyLoss(empty="zero")
    means = [float(hard(logits[i : i + 2], y[i : i + 2])) for i in range(0, ROWS, 2)]
    weights = [len(y[i : i + 2]) / ROWS for i in range(0, ROWS, 2)]
    assert found["val_loss"] == pytest.approx(sum(m * w for m, w in zip(means, weights, strict=True)), rel=1e-5)


def test_a_scheme_with_a_memory_is_told() -> None:
    scheme, other = Online(0.5, 4), Online(0.5, 4)
    net, _, _ = fitted(CrossEntropyLoss(label_smoothing=scheme), 2, lr=0.0)
    x, y = data()
    other.observe(net.linear(x), y)
    other.advance()
    torch.testing.assert_close(scheme.table, other.table, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("criterion, sentence", [
    (torch.nn.CrossEntropyLoss(label_smoothing=0.1), "keep it as an attribute of the module"),
    (CrossEntropyLoss(reduction="sum"), "needs reduction=\"mean\""),
    (CrossEntropyLoss(normalizer="rows"), "without normalizer="),
])  # fmt: skip
def test_what_does_not_fit_is_said_in_a_sentence(criterion: torch.nn.Module, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        fitted(criterion, 2)


def test_a_count_given_twice_is_refused() -> None:
    class Counting(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = CrossEntropyLoss(label_smoothing=EPSILON)

        def forward(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
            return self.inner(logits, labels, num_items=4)

    with pytest.raises(ValueError, match="the loss got num_items= in a training step"):
        fitted(Counting(), 2)


def found_by_lightning() -> dict[str, Any]:
    """On two processes: the weights after an epoch, and the figures of its validation."""
    criterion = CrossEntropyLoss(label_smoothing=EPSILON, empty="zero")
    net, trainer, _ = fitted(criterion, 3, trainer={"devices": 2, "strategy": "ddp"})
    figures = {name: value.item() for name, value in trainer.callback_metrics.items()}
    return {"weight": net.linear.weight.detach().tolist(), "seen": net.seen, "figures": figures}


def test_T21_two_processes_are_one_batch_and_repeat_no_row(tmp_path: Path) -> None:
    one, other = each_finds(found_by_lightning, folder=tmp_path)
    assert one["weight"] == other["weight"]
    del one["figures"]["val_loss"], other["figures"]["val_loss"]
    assert one["figures"] == other["figures"]
    assert one["figures"]["val_rows"] == 7, "11 rows are 12 for two processes"
    x, y = data()
    torch.manual_seed(0)
    linear, seen = torch.nn.Linear(3, 4), one["seen"] + other["seen"]
    assert len(seen) == 12, "training does see a row twice"
    CrossEntropyLoss(label_smoothing=EPSILON)(linear(x[seen]), y[seen]).backward()
    with torch.no_grad():
        for p in linear.parameters():
            p -= 0.5 * p.grad
    torch.testing.assert_close(torch.tensor(one["weight"]), linear.weight.detach(), rtol=1e-5, atol=1e-6)
    accumulator = CalibrationAccumulator(ignore_index=-100)
    accumulator.update(y, logits=linear(x))
    assert one["figures"]["val_nll"] == pytest.approx(accumulator.compute()["nll"], rel=1e-6)
