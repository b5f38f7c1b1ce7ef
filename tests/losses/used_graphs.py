"""Ways to use a graph again: backward twice, upstreams, other uses of the logits, accumulation, checkpoints."""

from __future__ import annotations

import pytest
import torch
from losses.subject import Subject
from torch import nn
from torch.autograd import grad
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint


def backward_twice(s: Subject) -> None:
    loss = s.loss()
    s.is_right(grad(loss, s.z, retain_graph=True)[0])
    s.is_right(grad(loss, s.z)[0])


def backward_five_times_accumulates(s: Subject) -> None:
    loss = s.loss()
    for _ in range(5):
        loss.backward(retain_graph=True)
    s.is_right(s.z.grad, 5)


def backward_without_retaining_raises_the_second_time(s: Subject) -> None:
    loss = s.loss()
    loss.backward()
    with pytest.raises(RuntimeError, match="a second time"):
        loss.backward()
    s.is_right(s.z.grad)


def other_scales_of_one_graph(s: Subject) -> None:
    loss = s.loss()
    for scale in (1.0, -3.0, 0.0, 65_536.0):
        s.is_right(grad(loss * scale, s.z, retain_graph=True)[0], scale)


def other_upstreams_of_row_losses(s: Subject) -> None:
    rows = s.loss(reduction="none")
    s.is_right(grad(rows, s.z, torch.full_like(rows, 1 / len(rows)), retain_graph=True)[0])
    s.is_right(grad(rows, s.z, torch.full_like(rows, 2 / len(rows)))[0], 2)


def one_row_of_the_losses(s: Subject) -> None:
    (gradient,) = grad(s.loss(reduction="none")[2], s.z)
    assert (gradient[[0, 1, 3]] == 0).all()
    torch.testing.assert_close(gradient[2], s.right[2] * len(s.y))


def logits_in_two_losses(s: Subject) -> None:
    (s.loss() + s.loss()).backward()
    s.is_right(s.z.grad, 2)


def logits_in_ours_and_torchs(s: Subject) -> None:
    (s.loss() + F.cross_entropy(s.z, s.y, label_smoothing=0.1)).backward()
    s.is_right(s.z.grad, 2)


def logits_in_another_use_after_the_loss(s: Subject) -> None:
    total = s.loss() + s.z.square().sum()
    s.is_right(grad(total, s.z)[0] - 2 * s.z.detach(), atol=1e-13)


def logits_in_another_use_before_the_loss(s: Subject) -> None:
    before = s.z.exp().sum()
    total = before + s.loss()
    s.is_right(grad(total, s.z)[0] - s.z.detach().exp(), atol=1e-13)


def one_loss_then_the_other(s: Subject) -> None:
    first, second = s.loss(), s.loss()
    s.is_right(grad(second, s.z)[0])
    s.is_right(grad(first, s.z)[0])


def several_losses_at_once(s: Subject) -> None:
    s.is_right(grad([s.loss(), s.loss(), s.loss()], s.z)[0], 3)


def several_losses_with_upstreams(s: Subject) -> None:
    s.is_right(grad([s.loss(), s.loss()], s.z, [torch.tensor(2.0).double(), torch.tensor(0.5).double()])[0], 2.5)


def a_batch_of_upstreams(s: Subject) -> None:
    (gradients,) = grad(s.loss(), s.z, torch.tensor([1.0, -2.0]).double(), is_grads_batched=True)
    s.is_right(gradients[0])
    s.is_right(gradients[1], -2)


def the_loss_times_itself(s: Subject) -> None:
    loss = s.loss()
    s.is_right(grad(loss * loss, s.z)[0], 2 * loss.item())


def accumulation_into_a_gradient_that_is_there(s: Subject) -> None:
    s.z.grad = torch.ones_like(s.z)
    s.loss().backward()
    s.is_right(s.z.grad - 1, atol=1e-14)


def accumulation_over_steps(s: Subject) -> None:
    for _ in range(3):
        s.loss().backward()
    s.is_right(s.z.grad, 3)


def a_gradient_changed_in_place_by_its_owner(s: Subject) -> None:
    loss = s.loss()
    grad(loss, s.z, retain_graph=True)[0].zero_()
    s.is_right(grad(loss, s.z)[0])


def clipping_between_two_backwards(s: Subject) -> None:
    loss = s.loss()
    loss.backward(retain_graph=True)
    nn.utils.clip_grad_norm_([s.z], 1e-6)
    s.z.grad = None
    loss.backward()
    s.is_right(s.z.grad)


def checkpoint_without_reentry(s: Subject) -> None:
    checkpoint(s.loss, s.z, use_reentrant=False).backward()
    s.is_right(s.z.grad)


def checkpoint_with_reentry(s: Subject) -> None:
    checkpoint(s.loss, s.z, use_reentrant=True).backward()
    s.is_right(s.z.grad)


def checkpoint_of_the_model_and_the_loss(s: Subject) -> None:
    checkpoint(lambda z: s.loss((2 * z).tanh().atanh() / 2), s.z, use_reentrant=False).backward()
    torch.testing.assert_close(s.z.grad, s.right, rtol=1e-3, atol=1e-6)
