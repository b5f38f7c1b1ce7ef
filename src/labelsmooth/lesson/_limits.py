"""What too much smoothing costs, and what a student learns from a smoothed teacher: trained, measured, averaged."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .. import models
from ..calibration import accuracy, conformal_sets, excess_aurc, fit_temperature, nll, summary
from ..data import Dataset, load
from ..methods import Method
from ..predictions import Split
from ..rivals.distillation import DistillationLoss
from ..training import Epoch, Settings, predict, run_trial

AMOUNTS = (0.0, 0.05, 0.1, 0.2, 0.4, 0.6, 0.9)
SEEDS = 3
_SOFTNESS = (1.0, 4.0)
_STUDENT_EPOCHS, _STUDENT_ROWS = 150, (60, 300)


def limits() -> dict[str, Any]:
    """Amounts from none to nearly all on two data sets, and distillation on one."""
    return {
        "seeds": SEEDS,
        "sweeps": {
            "digits": _sweep(load("digits")),
            "mixture": _sweep(load("mixture")),
            "noisy": _sweep(load("digits", label_noise=0.4)),
        },
        "distillation": _distillation(load("digits")),
    }


def _settings(dataset: Dataset, epochs: int | None = None) -> Settings:
    usual = dataset.card["defaults"]
    return Settings("mlp", epochs or usual["epochs"], usual["batch_size"], usual["learning_rate"])


def _method(amount: float) -> Method:
    hard = Method("hard", "hard")
    return replace(hard, scheme="uniform", label_smoothing=amount) if amount else hard


def _sweep(dataset: Dataset) -> dict[str, Any]:
    """Each figure at each amount, the mean over seeds; the pair of classes is the one hard labels confuse most."""
    trained = {amount: [_splits(dataset, amount, seed) for seed in range(SEEDS)] for amount in AMOUNTS}
    pair = _confused([test for _, test in trained[0.0]])
    figures = {amount: [_measure(val, test, pair) for val, test in splits] for amount, splits in trained.items()}
    means = {n: [_mean([seed[n] for seed in figures[a]]) for a in AMOUNTS] for n in figures[0.0][0]}
    names = [dataset.classes[k] for k in pair]
    return {"amounts": list(AMOUNTS), "epochs": _settings(dataset).epochs, "pair": names, **means}


def _splits(dataset: Dataset, amount: float, seed: int) -> tuple[Split, Split]:
    found = run_trial(dataset, _method(amount), _settings(dataset), seed).predictions["last"].splits
    return found["val"], found["test"]


def _confused(tests: list[Split]) -> tuple[int, int]:
    """The two classes that are taken for each other most often."""
    classes = tests[0].logits.shape[1]
    table = np.zeros((classes, classes))
    for test in tests:
        np.add.at(table, (test.labels, test.logits.argmax(axis=1)), 1)
    wrong = np.triu(table + table.T, 1)
    first, second = divmod(int(wrong.argmax()), classes)
    return first, second


def _measure(val: Split, test: Split, pair: tuple[int, int]) -> dict[str, float]:
    figures = summary(test.labels, test.logits)
    temperature, _ = fit_temperature(val.logits, val.labels)
    after = test.logits / temperature
    sets = conformal_sets(
        test.labels, logits=test.logits, val_labels=val.labels, val_logits=val.logits, alpha=0.05, method="aps"
    )
    rows = np.isin(test.labels, pair)
    return {
        **{name: figures[name] for name in ("accuracy", "confidence", "signed_gap", "ece", "ece_null", "nll")},
        "nll_after": nll(test.labels, logits=after),
        "excess_aurc": excess_aurc(test.labels, logits=test.logits),
        "set_size": sets.size,
        "pair_error": 1 - accuracy(test.labels[rows], logits=test.logits[rows]),
    }


def _mean(values: list[float]) -> float:
    return round(float(np.mean(values)), 5)


def _distillation(dataset: Dataset) -> dict[str, Any]:
    """Teachers trained hard and smoothed; students that see only the teacher's softened probabilities."""
    rows = [_taught(dataset, amount, seed) for amount in (0.0, 0.1) for seed in range(SEEDS)]
    half = len(rows) // 2
    named = {"hard": rows[:half], "smooth": rows[half:]}
    means = {teacher: {n: _mean([row[n] for row in each]) for n in each[0]} for teacher, each in named.items()}
    asked = {"softness": list(_SOFTNESS), "student_rows": list(_STUDENT_ROWS), "student_epochs": _STUDENT_EPOCHS}
    return {**asked, **means}


def _taught(dataset: Dataset, amount: float, seed: int) -> dict[str, float]:
    teachers: list[nn.Module] = []

    def keep(epoch: Epoch, model: nn.Module) -> None:
        teachers[:] = [deepcopy(model)]

    taught = run_trial(dataset, _method(amount), _settings(dataset), seed, keep).predictions["last"].splits["test"]
    logits = torch.from_numpy(predict(teachers[0], dataset.train.inputs))
    students = {
        f"student_{rows}_{softness:g}": _student(dataset, logits[:rows], softness, seed)
        for rows in _STUDENT_ROWS
        for softness in _SOFTNESS
    }
    return {"teacher": accuracy(taught.labels, logits=taught.logits), **students}


def _student(dataset: Dataset, teacher: Tensor, softness: float, seed: int) -> float:
    """Test accuracy of a fresh net of the same size that sees nothing but its teacher at that temperature."""
    model, criterion = models.build("mlp", dataset, seed=seed + 100), DistillationLoss(softness, weight=1.0)
    inputs, labels = (torch.from_numpy(part[: len(teacher)]) for part in (dataset.train.inputs, dataset.train.labels))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.002)
    order = torch.Generator().manual_seed(seed)
    model.train()
    for _ in range(_STUDENT_EPOCHS):
        for rows in torch.randperm(len(inputs), generator=order).split(64):
            optimizer.zero_grad()
            criterion(model(inputs[rows]), labels[rows], teacher[rows]).backward()
            optimizer.step()
    return float(accuracy(dataset.test.labels, logits=predict(model, dataset.test.inputs)))
