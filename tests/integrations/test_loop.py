"""A loop of one's own: windows whose gradients add up, and figures of an evaluation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from labelsmooth import BCEWithLogitsLoss, CrossEntropyLoss, LabelSmoothingLoss, calibration
from labelsmooth.integrations.loop import Evaluation, windows

SIZES = (3, 1, 4, 1, 5, 2, 6, 3)


def batches() -> list[tuple[torch.Tensor, torch.Tensor]]:
    g = torch.Generator().manual_seed(0)
    made = []
    for n in SIZES:
        labels = torch.randint(0, 5, (n,), generator=g)
        made.append((torch.randn(n, 3, generator=g, dtype=torch.float64), torch.where(labels == 4, -100, labels)))
    return made


@pytest.mark.parametrize("steps", [1, 3, 8])
def test_T20_a_window_has_the_gradient_of_one_batch(steps: int) -> None:
    weight = torch.full((4, 3), 0.1, dtype=torch.float64, requires_grad=True)
    criterion = CrossEntropyLoss(label_smoothing=0.1, empty="zero")
    given = batches()
    for i, window in enumerate(windows(given, steps)):
        (whole,) = torch.autograd.grad(_whole(given[i * steps : (i + 1) * steps], weight, criterion), weight)
        losses = [criterion(x @ weight.T, y, num_items=window.num_items) for x, y in window.batches]
        (parts,) = torch.autograd.grad(torch.stack(losses).sum(), weight)
        assert float((parts - whole).norm()) <= 1e-12 * max(float(whole.norm()), 1e-9)


def _whole(given: list[Any], weight: torch.Tensor, criterion: CrossEntropyLoss) -> torch.Tensor:
    return criterion(torch.cat([x for x, _ in given]) @ weight.T, torch.cat([y for _, y in given]))


@pytest.mark.parametrize("binary", [False, True])
def test_an_evaluation_in_batches_is_that_of_all_rows(binary: bool) -> None:
    g = torch.Generator().manual_seed(1)
    logits = torch.randn(40, 4, generator=g)
    criterion: Any = BCEWithLogitsLoss(label_smoothing=0.1) if binary else CrossEntropyLoss(label_smoothing=0.1)
    labels = torch.randint(0, 2, (40, 4), generator=g).float() if binary else torch.randint(0, 4, (40,), generator=g)
    evaluation = Evaluation(criterion.eval())
    for part, of_part in zip(logits.split(7), labels.split(7), strict=True):
        evaluation.add(part, of_part)
    found = evaluation.compute()
    rows = np.stack([np.zeros(160), logits.numpy().reshape(-1)], 1) if binary else logits.numpy()
    index = labels.numpy().reshape(-1).astype(int)
    assert found["nll"] == pytest.approx(calibration.nll(index, logits=rows), rel=1e-6)
    assert found["ece"] == pytest.approx(calibration.expected_calibration_error(index, logits=rows), rel=1e-5)
    assert found["smoothed_loss"] == pytest.approx(float(criterion(logits, labels)), rel=1e-6)
    assert found["rows"] == len(index)


def test_one_hot_labels_are_their_classes() -> None:
    logits, labels = torch.randn(6, 3), torch.tensor([0, 1, 2, 0, 1, 2])
    given = [Evaluation(CrossEntropyLoss(label_smoothing=0.1)) for _ in range(2)]
    given[0].add(logits, labels)
    given[1].add(logits, torch.eye(3)[labels])
    assert given[0].compute()["nll"] == given[1].compute()["nll"]
    with pytest.raises(ValueError, match="metrics need hard labels"):
        Evaluation(CrossEntropyLoss()).add(logits, torch.full((6, 3), 1 / 3))


@pytest.mark.parametrize("batch, options, sentence", [
    ({"x": torch.zeros(2)}, {}, "no labels at 'labels' in a batch that holds x"),
    ((torch.zeros(2),), {}, "no labels at 1 in a batch that holds a tuple"),
    ({"labels": [0, 1]}, {}, "labels must be a tensor; at 'labels' the batch holds list"),
    ({"labels": torch.zeros(2)}, {"steps": 0}, "at least 1; got 0"),
])  # fmt: skip
def test_what_does_not_fit_is_said_in_a_sentence(batch: Any, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        list(windows([batch], **{"steps": 2, **options}))
    with pytest.raises(TypeError, match="Evaluation needs the loss that trains"):
        Evaluation(LabelSmoothingLoss(smoothing=0.1))
