"""What the rivals have to do with smoothing and with each other (S9)."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from labelsmooth import CrossEntropyLoss, cross_entropy, smooth_labels
from labelsmooth.rivals import (
    ConfidencePenaltyLoss,
    DistillationLoss,
    FocalLoss,
    LabelRelaxationLoss,
    LogitNormLoss,
    MarginSmoothingLoss,
    MaxSuppressionLoss,
    Mixup,
)
from labelsmooth.schemes import Uniform


def rows(seed: int, classes: int = 6, n: int = 40) -> tuple[torch.Tensor, torch.Tensor]:
    made = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(n, classes, generator=made, dtype=torch.float64)
    return logits, torch.randint(0, classes, (n,), generator=made)


@pytest.mark.parametrize("seed", range(5))
def test_S9_max_suppression_is_margin_smoothing_without_a_margin(seed: int) -> None:
    logits, labels = rows(seed)
    one, other = MaxSuppressionLoss(0.1)(logits, labels), MarginSmoothingLoss(0.1, margin=0.0)(logits, labels)
    torch.testing.assert_close(one, other, rtol=1e-14, atol=0)


@pytest.mark.parametrize("seed", range(5))
def test_S9_max_suppression_is_smoothing_on_rows_that_are_right(seed: int) -> None:
    logits, labels = rows(seed)
    suppressed = MaxSuppressionLoss(0.1, reduction="none")(logits, labels)
    smoothed = cross_entropy(logits, labels, reduction="none", label_smoothing=0.1)
    right = logits.argmax(1) == labels
    assert right.any() and not right.all()
    torch.testing.assert_close(suppressed[right], smoothed[right], rtol=1e-13, atol=0)
    assert (suppressed[~right] > smoothed[~right]).all()


@pytest.mark.parametrize("seed", range(5))
def test_S9_mixing_commutes_with_smoothing(seed: int) -> None:
    made = torch.Generator().manual_seed(seed)
    inputs, labels = torch.randn(20, 3, generator=made, dtype=torch.float64), torch.arange(20) % 4
    torch.manual_seed(seed)
    _, mixed = Mixup(1.0)(inputs, labels, 4)
    smoothed_after = 0.9 * mixed + 0.1 / 4
    torch.manual_seed(seed)
    share, other = _draw(1.0, inputs)
    smoothed = smooth_labels(labels, 4, 0.1).double()
    smoothed_before = share * smoothed + (1 - share) * smoothed[other]
    torch.testing.assert_close(smoothed_after, smoothed_before, rtol=0, atol=1e-7)
    logits = torch.randn(20, 4, generator=made, dtype=torch.float64)
    loss = CrossEntropyLoss(label_smoothing=Uniform(0.1, soft_targets=True))(logits, mixed)
    torch.testing.assert_close(loss, CrossEntropyLoss()(logits, smoothed_after), rtol=1e-12, atol=0)


def _draw(alpha: float, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The share and the partners that `Mixup` draws, in its order."""
    share = torch.distributions.Beta(alpha, alpha).sample().to(inputs)
    return share, torch.randperm(len(inputs))


def test_S9_mixup_keeps_what_is_linear() -> None:
    """Targets sum to 1, and a linear function of the inputs that predicts the targets still does."""
    torch.manual_seed(0)
    labels = torch.arange(30) % 3
    inputs = torch.eye(3, dtype=torch.float64)[labels]
    shares = []
    for _ in range(50):
        mixed, targets = Mixup(0.4)(inputs, labels, 3)
        torch.testing.assert_close(mixed, targets, rtol=0, atol=1e-15)
        torch.testing.assert_close(targets.sum(1), torch.ones(30, dtype=torch.float64), rtol=0, atol=1e-15)
        shares.append(targets.amax(1).min().item())
    assert min(shares) < 0.6 and len(set(shares)) > 10


def test_S9_tokens_cannot_be_mixed() -> None:
    with pytest.raises(TypeError, match="no in-between"):
        Mixup(0.2)(torch.zeros(4, 8, dtype=torch.int64), torch.zeros(4, dtype=torch.int64), 2)


def _minimum(loss, share: float) -> float:
    """The probability p of class 0 that minimises the expected loss when class 0 has that share; by a fine grid."""
    p = torch.linspace(0.3, 0.999, 200_001, dtype=torch.float64)
    z = torch.stack([p.log(), (1 - p).log()], 1)
    zeros, ones = torch.zeros(len(p), dtype=torch.int64), torch.ones(len(p), dtype=torch.int64)
    return float(p[(share * loss(z, zeros) + (1 - share) * loss(z, ones)).argmin()])


@pytest.mark.parametrize("gamma, optimum", [(0.0, 0.8), (1.0, 0.6858), (3.0, 0.5945)])
def test_S9_focal_is_not_proper(gamma: float, optimum: float) -> None:
    assert _minimum(FocalLoss(gamma, reduction="none"), 0.8) == pytest.approx(optimum, abs=1e-4)


def test_S9_the_confidence_penalty_lets_go_of_certain_rows_and_smoothing_does_not() -> None:
    logits = torch.tensor([[30.0, 0.0, 0.0]], dtype=torch.float64, requires_grad=True)
    label = torch.tensor([0])
    (penalty,) = torch.autograd.grad(ConfidencePenaltyLoss(0.1)(logits, label), logits)
    (smoothed,) = torch.autograd.grad(cross_entropy(logits, label, label_smoothing=0.1), logits)
    assert penalty.abs().max() < 1e-10 and smoothed.abs().max() > 0.06


@pytest.mark.parametrize("classes", [2, 10, 100])
def test_S9_logit_norm_has_a_floor(classes: int) -> None:
    tau = 0.3
    best = torch.full((1, classes), -1.0 / (classes - 1), dtype=torch.float64)
    best[0, 0] = 1.0
    floor = np.log1p((classes - 1) * np.exp(-np.sqrt(classes / (classes - 1)) / tau))
    found = float(LogitNormLoss(tau)(best, torch.tensor([0])))
    assert found == pytest.approx(floor, rel=1e-12)
    made = torch.Generator().manual_seed(0)
    other = best + 0.3 * torch.randn(500, classes, generator=made, dtype=torch.float64)
    assert (LogitNormLoss(tau, reduction="none")(other, torch.zeros(500, dtype=torch.int64)) >= floor).all()


def test_S9_logit_norm_sees_no_length() -> None:
    logits, labels = rows(3)
    loss = LogitNormLoss(0.2)
    for scale in (1e-3, 10.0, 1e20):
        torch.testing.assert_close(loss(scale * logits, labels), loss(logits, labels), rtol=1e-12, atol=0)


def test_S9_relaxation_costs_nothing_where_the_true_class_is_likely_enough() -> None:
    likely = torch.tensor([[0.91, 0.05, 0.04], [0.89, 0.06, 0.05]], dtype=torch.float64).log().requires_grad_()
    loss = LabelRelaxationLoss(0.1, reduction="none")(likely, torch.tensor([0, 0]))
    loss.sum().backward()
    assert loss[0] == 0 and loss[1] > 0
    assert torch.equal(likely.grad[0], torch.zeros(3, dtype=torch.float64)) and likely.grad[1].abs().max() > 0


def test_S9_a_student_that_is_its_teacher_has_no_gradient_from_it() -> None:
    logits, labels = rows(5)
    leaf = logits.clone().requires_grad_()
    DistillationLoss(temperature=3.0, weight=1.0)(leaf, labels, logits).backward()
    assert leaf.grad.abs().max() < 1e-15


def test_S9_distillation_from_a_certain_teacher_is_hard_cross_entropy() -> None:
    logits, labels = rows(6)
    teacher = 1e4 * torch.nn.functional.one_hot(labels, 6).double()
    found = DistillationLoss(temperature=1.0, weight=0.5)(logits, labels, teacher)
    torch.testing.assert_close(found, cross_entropy(logits, labels), rtol=1e-12, atol=0)
