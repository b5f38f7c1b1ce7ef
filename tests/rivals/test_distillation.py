"""Distillation: the formula, the teacher's side, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from rivals import formulas
from torch.autograd import gradcheck, gradgradcheck

from labelsmooth.rivals import DistillationLoss


def batch(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    made = torch.Generator().manual_seed(seed)
    student, teacher = (2 * torch.randn(8, 5, generator=made, dtype=torch.float64) for _ in range(2))
    return student, torch.randint(0, 5, (8,), generator=made), teacher


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_S9_the_formula(temperature: float, weight: float) -> None:
    student, labels, teacher = batch()
    found = DistillationLoss(temperature, weight, reduction="none")(student, labels, teacher)
    pairs = zip(student.numpy().astype(np.longdouble), labels, teacher.numpy().astype(np.longdouble), strict=True)
    truth = [formulas.distillation(z, int(y), temperature, t, weight) for z, y, t in pairs]
    np.testing.assert_allclose(found.numpy(), np.array(truth, dtype=float), rtol=1e-12, atol=1e-12)


def test_first_and_second_derivatives() -> None:
    student, labels, teacher = batch(1)
    loss = DistillationLoss(2.0, 0.5)
    assert gradcheck(lambda z: loss(z, labels, teacher), student.requires_grad_())
    assert gradgradcheck(lambda z: loss(z, labels, teacher), student)


def test_the_teacher_gets_no_gradient() -> None:
    student, labels, teacher = batch(2)
    student.requires_grad_()
    teacher.requires_grad_()
    DistillationLoss()(student, labels, teacher).backward()
    assert teacher.grad is None and student.grad.abs().max() > 0


def test_ignored_rows_are_inert_whatever_either_side_holds() -> None:
    student, labels, teacher = batch(3)
    whole = DistillationLoss()(student[1:], labels[1:], teacher[1:])
    student[0], teacher[0], labels[0] = float("nan"), float("nan"), -100
    student.requires_grad_()
    found = DistillationLoss()(student, labels, teacher)
    found.backward()
    torch.testing.assert_close(found, whole, rtol=1e-13, atol=0)
    assert torch.equal(student.grad[0], torch.zeros(5, dtype=torch.float64))


def test_half_precision_is_float32() -> None:
    student, labels, teacher = batch(4)
    found = DistillationLoss()(student.bfloat16(), labels, teacher.bfloat16())
    exact = DistillationLoss()(student.bfloat16().double(), labels, teacher.bfloat16().double())
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), exact, rtol=2e-6, atol=0)


def test_what_is_refused() -> None:
    student, labels, teacher = batch()
    with pytest.raises(TypeError, match="needs the teacher's logits"):
        DistillationLoss()(student, labels)
    with pytest.raises(ValueError, match="the same rows and classes"):
        DistillationLoss()(student, labels, teacher[:, :4])
    with pytest.raises(ValueError, match="weight must be a finite number of at least 0 and at most 1"):
        DistillationLoss(4.0, 1.5)
