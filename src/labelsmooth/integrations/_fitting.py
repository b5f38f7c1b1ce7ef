"""Training a small net on a table, with the temperature and the best epoch found on rows held out."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..calibration import fit_temperature, nll
from ..losses import CrossEntropyLoss
from ..schemes._base import Scheme


@dataclass(frozen=True)
class Training:
    """What decides a fit beside its data; `patience` epochs without a better validation NLL end it."""

    label_smoothing: float | Scheme
    epochs: int
    patience: int
    batch_size: int
    learning_rate: float
    weight_decay: float


@dataclass(frozen=True, eq=False)
class Fitted:
    """The temperature of the best epoch and how it was found, the epochs that were run, and the best one (from 1)."""

    temperature: float
    status: str
    epochs: int
    best_epoch: int


def perceptron(features: int, classes: int, width: int, depth: int, dropout: float) -> nn.Sequential:
    """`depth` layers of `width` units, then logits of K classes."""
    layers: list[nn.Module] = []
    for i in range(depth):
        layers += [nn.Linear(width if i else features, width), nn.ReLU(), nn.Dropout(dropout)]
    return nn.Sequential(*layers, nn.Linear(width if depth else features, classes))


def held_out(labels: np.ndarray, fraction: float, generator: np.random.Generator) -> np.ndarray:
    """Where a row is held out (n,) bool: of each class the share `fraction`, rounded down."""
    found = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        rows = generator.permutation(np.flatnonzero(labels == label))
        found[rows[: int(fraction * len(rows))]] = True
    return found


def train(model: nn.Module, inputs: Tensor, labels: Tensor, out: np.ndarray, training: Training) -> Fitted:
    """Train `model` in place on the rows that are not `out` and leave it with its best weights.

    Without rows held out every epoch is run, the last one is kept, and the temperature is 1: rows that were trained on
    know nothing of either.
    """
    apart = torch.from_numpy(out)
    scheme = deepcopy(training.label_smoothing)
    loss = CrossEntropyLoss(label_smoothing=scheme)
    optimizer = torch.optim.AdamW(model.parameters(), lr=training.learning_rate, weight_decay=training.weight_decay)
    best, lowest, found = deepcopy(model.state_dict()), float("inf"), Fitted(1.0, "no validation rows", 0, 0)
    epoch = 0
    for epoch in range(1, training.epochs + 1):
        _one_epoch(model, inputs[~apart], labels[~apart], loss, optimizer, training.batch_size)
        if isinstance(scheme, Scheme):
            scheme.advance()
        if not out.any():
            continue
        value, temperature, status = _validated(model, inputs[apart], labels[apart].numpy())
        if value < lowest:
            best, lowest = deepcopy(model.state_dict()), value
            found = Fitted(temperature, status, epoch, epoch)
        elif epoch - found.best_epoch >= training.patience:
            break
    if not out.any():
        return Fitted(1.0, "no validation rows", epoch, epoch)
    model.load_state_dict(best)
    return Fitted(found.temperature, found.status, epoch, found.best_epoch)


def _one_epoch(
    model: nn.Module, inputs: Tensor, labels: Tensor, loss: CrossEntropyLoss, optimizer: Any, batch_size: int
) -> None:
    model.train()
    scheme = loss.label_smoothing
    for rows in torch.randperm(len(inputs)).split(batch_size):
        optimizer.zero_grad(set_to_none=True)
        logits = model(inputs[rows])
        value = loss(logits, labels[rows])
        value.backward()
        optimizer.step()
        if isinstance(scheme, Scheme):
            scheme.observe(logits.detach(), labels[rows])
            scheme.advance("step")


def _validated(model: nn.Module, inputs: Tensor, labels: np.ndarray) -> tuple[float, float, str]:
    """Hard-label NLL after temperature, the temperature and its status."""
    logits = logits_of(model, inputs)
    temperature, status = fit_temperature(logits, labels)
    return nll(labels, logits=logits / temperature), temperature, status


@torch.inference_mode()
def logits_of(model: nn.Module, inputs: Tensor) -> np.ndarray:
    """Logits (n, K) in the precision of the inputs."""
    model.eval()
    return np.asarray(model(inputs).numpy())
