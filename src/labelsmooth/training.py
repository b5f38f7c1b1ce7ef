"""One trial: data, model, method and seed in; the predictions of two checkpoints and a history out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from . import models
from ._checks import UsageError
from .augmentation import augmented
from .calibration import accuracy, expected_calibration_error, fit_temperature, nll, signed_gap
from .data import Dataset, DataSplit
from .methods import Method
from .predictions import Predictions, Split

Epoch = dict[str, Any]
Step = Callable[[nn.Module, Tensor, Tensor], Tensor]
CHECKPOINTS = ("last", "best")


class Diverged(RuntimeError):
    """The training loss is no longer a finite number."""


@dataclass(frozen=True)
class Settings:
    """What all trials of a comparison share; `set` are settings of the model's own; `backbone` made its inputs."""

    model: str
    epochs: int
    batch_size: int
    learning_rate: float
    set: dict[str, Any] = field(default_factory=dict, hash=False)
    augment: bool = False
    backbone: str = ""

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size"):
            if (
                isinstance(getattr(self, name), bool)
                or not isinstance(getattr(self, name), int)
                or getattr(self, name) < 1
            ):
                raise UsageError(f"{name} must be a whole number of at least 1; got {getattr(self, name)!r}")
        if not 0 < self.learning_rate < float("inf"):
            raise UsageError(f"learning_rate must be a number above 0; got {self.learning_rate!r}")

    @property
    def own(self) -> dict[str, Any]:
        """Settings of the model that is trained: where a backbone is frozen, `set` was for that."""
        return {} if self.backbone else self.set

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class TrialResult:
    """The predictions of each checkpoint ("last", "best"), and one record an epoch."""

    predictions: dict[str, Predictions]
    history: list[Epoch]


def run_trial(
    dataset: Dataset,
    method: Method,
    settings: Settings,
    seed: int,
    on_epoch: Callable[[Epoch, nn.Module], None] | None = None,
) -> TrialResult:
    """Train once and predict every split with the last weights and with the best.

    The seed fixes initial weights, batch order and dropout, whatever ran before and whatever the method is. After each
    epoch the validation split is measured against its hard labels. "best" is the epoch with the lowest validation NLL
    after temperature. `on_epoch` gets each epoch's record and the model. Torch's global random state is left as it was.

    Raises Diverged when the training loss stops being finite.
    """
    with torch.random.fork_rng(devices=[]):
        return _train(dataset, method, settings, seed, on_epoch)[0]


def _train(
    dataset: Dataset,
    method: Method,
    settings: Settings,
    seed: int,
    on_epoch: Callable[[Epoch, nn.Module], None] | None = None,
) -> tuple[TrialResult, nn.Module]:
    """The result, and the model with its best weights."""
    step = _step(dataset, method, settings, seed)
    model = models.build(settings.model, dataset, dropout=method.dropout, seed=seed, settings=settings.own)
    torch.default_generator.manual_seed(seed)
    optimizer = _optimizer(model, method, settings)
    history: list[Epoch] = []
    best, best_nll = deepcopy(model.state_dict()), float("inf")
    for epoch, batches in enumerate(_epochs(dataset.train, settings, seed), 1):
        start = time.perf_counter()
        train_loss = _one_epoch(model, step, optimizer, batches)
        record = {"epoch": epoch, "train_loss": train_loss, **_validate(model, dataset.val)}
        history.append({**record, "seconds": round(time.perf_counter() - start, 4)})
        if record["val_nll_after"] < best_nll:
            best, best_nll = deepcopy(model.state_dict()), record["val_nll_after"]
        if on_epoch is not None:
            on_epoch(history[-1], model)
    last = _predictions(model, dataset)
    model.load_state_dict(best)
    return TrialResult({"last": last, "best": _predictions(model, dataset)}, history), model


def _step(dataset: Dataset, method: Method, settings: Settings, seed: int) -> Step:
    """The training loss of a batch. A teacher is trained first, with the same seed, and keeps its best epoch."""
    loss, mixing, taught_by = method.loss(), method.mixing(), method.teacher()
    if mixing is not None:
        return lambda model, inputs, labels: _mixed(model, loss, *mixing(inputs, labels, len(dataset.classes)))
    if taught_by is not None:
        teacher = _train(dataset, taught_by, settings, seed)[1].eval().requires_grad_(False)
        return lambda model, inputs, labels: loss(model(inputs), labels, teacher(inputs))
    return lambda model, inputs, labels: loss(model(inputs), labels)


def _mixed(model: nn.Module, loss: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    value: Tensor = loss(model(inputs), targets)
    return value


def _optimizer(model: nn.Module, method: Method, settings: Settings) -> torch.optim.Optimizer:
    return torch.optim.AdamW(
        model.parameters(), lr=settings.learning_rate, weight_decay=method.weight_decay, fused=True
    )


def _epochs(train: DataSplit, settings: Settings, seed: int) -> Iterator[Iterator[tuple[Tensor, Tensor]]]:
    inputs, labels = torch.from_numpy(train.inputs), torch.from_numpy(train.labels)
    order = torch.Generator().manual_seed(seed)
    for _ in range(settings.epochs):
        shuffled = torch.randperm(len(inputs), generator=order)
        yield (
            (augmented(inputs[rows], order) if settings.augment else inputs[rows], labels[rows])
            for rows in _batches(shuffled, settings.batch_size)
        )


def _batches(order: Tensor, size: int) -> list[Tensor]:
    """Parts of `size`; a last row alone goes with the part before it, or batch normalisation would refuse it."""
    parts = list(order.split(size))
    if len(parts) > 1 and size > 1 and len(parts[-1]) == 1:
        parts[-2:] = [torch.cat(parts[-2:])]
    return parts


def _one_epoch(
    model: nn.Module, step: Step, optimizer: torch.optim.Optimizer, batches: Iterable[tuple[Tensor, Tensor]]
) -> float:
    """Train on each batch once; the mean loss over the rows."""
    model.train()
    total, rows = 0.0, 0
    for inputs, labels in batches:
        optimizer.zero_grad(set_to_none=True)
        value = step(model, inputs, labels)
        value.backward()
        optimizer.step()
        total += value.item() * labels.numel()
        rows += labels.numel()
    if not np.isfinite(total):
        raise Diverged(f"the training loss became {total}; a smaller learning rate would help")
    return total / rows


def _validate(model: nn.Module, val: DataSplit) -> Epoch:
    labels, logits = val.labels.reshape(-1), predict(model, val.inputs)
    temperature, status = fit_temperature(logits, labels)
    return {
        "val_nll": nll(labels, logits=logits),
        "val_nll_after": nll(labels, logits=logits / temperature),
        "temperature": temperature,
        "temperature_status": status,
        "val_accuracy": accuracy(labels, logits=logits),
        "val_ece": expected_calibration_error(labels, logits=logits),
        "val_signed_gap": signed_gap(labels, logits=logits),
    }


@torch.inference_mode()
def predict(model: nn.Module, inputs: np.ndarray, batch_size: int = 1024) -> np.ndarray:
    """Logits as rows (n, K) float32; a sequence model's positions are rows of their own."""
    model.eval()
    parts = [model(part) for part in torch.from_numpy(inputs).split(batch_size)]
    logits = torch.cat(parts)
    return logits.movedim(1, -1).reshape(-1, logits.shape[1]).numpy()


def _predictions(model: nn.Module, dataset: Dataset) -> Predictions:
    splits = {name: _split(model, split) for name, split in dataset.splits.items() if name != "train"}
    return Predictions(splits=splits, classes=dataset.classes)


def _split(model: nn.Module, split: DataSplit) -> Split:
    """One row for each label; ids and groups are repeated for the positions of a sequence."""
    each = int(split.labels[0].size)
    rows = Split(predict(model, split.inputs), split.labels.reshape(-1), posterior=split.posterior)
    ids = split.ids if each == 1 else np.array([f"{i}:{j}" for i in split.ids for j in range(each)])
    groups = None if split.groups is None else np.repeat(split.groups, each)
    return replace(rows, ids=ids, groups=groups)


def checkpoint_epochs(history: list[Epoch]) -> dict[str, int]:
    """The epoch each checkpoint was taken at."""
    lowest = min(history, key=lambda record: record["val_nll_after"])
    return {"last": history[-1]["epoch"], "best": lowest["epoch"]}
