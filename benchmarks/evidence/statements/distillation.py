"""What a student learns from a smoothed teacher, at T = 1 and T = 4."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from labelsmooth import models
from labelsmooth.calibration import accuracy
from labelsmooth.data import Dataset
from labelsmooth.rivals import DistillationLoss
from labelsmooth.training import Settings, predict

from ..claims import Claim, Measured
from ..pictures import HARD, INK, SMOOTH, THIRD, dots
from ..trials import digits, smoothed, trained

TITLE = "Distillation from a smoothed teacher"
ASKED = "Is a teacher trained with ε = 0.1 a worse teacher, at T = 1 and at T = 4, with few rows to learn from?"
SETTING = (
    "Digits, 898 training rows for the teacher (a perceptron, 30 epochs). The student, a fresh perceptron, sees "
    "nothing but "
    "the teacher's softened probabilities (`DistillationLoss(T, weight=1)`) on 60 or 300 rows, for the same number "
    "of steps."
)
AMOUNT, STEPS, ROWS = 0.1, 300, (60, 300)
SAME = 0.015


def measure(seeds: Sequence[int], small: bool = False, amount: float = AMOUNT) -> Measured:
    """Accuracy of teachers and students on the test rows."""
    names = ["teacher", *(f"student, {rows} rows, T = {t}" for rows in ROWS for t in (1, 4))]
    found = [[_seed(a, seed, small) for seed in seeds] for a in (0.0, amount)]
    rows = {name: [[seed[i] for seed in per_seed] for per_seed in found] for i, name in enumerate(names)}
    lost = {name: [h - s for h, s in zip(*pair, strict=True)] for name, pair in rows.items()}
    claims = [
        Claim("the smoothed teacher itself is more often right", [-d for d in lost["teacher"]]),
        Claim("T = 4, 60 rows: its student is less often right", lost[names[2]]),
        Claim(f"T = 1, 60 rows: no difference (within {SAME})", lost[names[1]], within=SAME),
        Claim("60 rows: smoothing the teacher costs more at T = 4 than at T = 1",
              [at4 - at1 for at4, at1 in zip(lost[names[2]], lost[names[1]], strict=True)]),
    ]  # fmt: skip
    notes = [
        "With 300 rows the student has enough to learn from, and what a smoothed teacher costs at T = 4 is "
        "gone: the claim is about few rows."
    ]
    return Measured(
        ("from hard labels", f"from ε = {amount:g}"), rows, claims, lambda figure: _draw(figure, lost), notes
    )


def _seed(amount: float, seed: int, small: bool) -> list[float]:
    data, kept = digits(seed, 898), list[nn.Module]()

    def keep(epoch: dict[str, Any], model: nn.Module) -> None:
        kept[:] = [deepcopy(model)]

    test = (
        trained(data, smoothed(amount), Settings("mlp", 2 if small else 30, 64, 2e-3), seed, keep)
        .predictions["last"]
        .test
    )
    logits = torch.from_numpy(predict(kept[0], data.train.inputs))
    students = [_student(data, logits[:rows], t, seed, 5 if small else STEPS) for rows in ROWS for t in (1.0, 4.0)]
    return [accuracy(test.labels, logits=test.logits), *students]


def _student(data: Dataset, teacher: Tensor, temperature: float, seed: int, steps: int) -> float:
    """Test accuracy of a fresh net that sees only the teacher at that temperature."""
    model, criterion = models.build("mlp", data, seed=seed + 100), DistillationLoss(temperature, weight=1.0)
    inputs, labels = (torch.from_numpy(part[: len(teacher)]) for part in (data.train.inputs, data.train.labels))
    optimizer, order = torch.optim.AdamW(model.parameters(), lr=2e-3, fused=True), torch.Generator().manual_seed(seed)
    model.train()
    for _ in range(steps):
        rows = torch.randperm(len(inputs), generator=order)[:64]
        optimizer.zero_grad()
        criterion(model(inputs[rows]), labels[rows], teacher[rows]).backward()
        optimizer.step()
    return float(accuracy(data.test.labels, logits=predict(model, data.test.inputs)))


def _draw(figure: Any, lost: dict[str, list[float]]) -> None:
    axes = figure.subplots()
    dots(axes, list(lost), list(lost.values()), [HARD, SMOOTH, THIRD, SMOOTH, THIRD],
         "accuracy: with a hard teacher − with a smoothed one")  # fmt: skip
    axes.axvline(0, color=INK, linewidth=0.8)
