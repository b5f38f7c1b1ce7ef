"""Ways to use tensors again: changes in place, views, hooks, threads, modes, derivatives after others."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from agreement import evaluate
from losses.subject import K, Subject
from torch import Tensor
from torch.autograd import grad

from labelsmooth import CrossEntropyLoss


def logits_changed_in_place_before_backward_are_noticed(s: Subject) -> None:
    z = s.z * 1
    loss = s.loss(z)
    z.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def a_target_changed_in_place_before_backward_is_noticed(s: Subject) -> None:
    loss = s.loss()
    s.y.copy_((s.y + 1) % K)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def logits_that_are_a_view_of_a_base_changed_later(s: Subject) -> None:
    base = torch.cat((s.z, s.z))
    loss = s.loss(base[: len(s.y)])
    base[len(s.y) :].mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def a_model_that_ends_in_an_operation_in_place(s: Subject) -> None:
    s.loss((s.z * 2).mul_(0.5)).backward()
    s.is_right(s.z.grad)


def a_detached_view(s: Subject) -> None:
    view = s.z.detach().requires_grad_()
    s.loss(view).backward()
    s.is_right(view.grad)
    assert s.z.grad is None and view.data_ptr() == s.z.data_ptr()


def a_transposed_leaf(s: Subject) -> None:
    leaf = s.start.T.contiguous().requires_grad_()
    s.loss(leaf.T).backward()
    assert leaf.grad is not None
    s.is_right(leaf.grad.T)


def an_expanded_leaf(s: Subject) -> None:
    leaf = s.start[:1].clone().requires_grad_()
    wide = s.start[:1].expand(len(s.y), K)
    s.loss(leaf.expand(len(s.y), K)).backward()
    torch.testing.assert_close(leaf.grad, evaluate(wide, s.y, label_smoothing=0.1).gradient.sum(0, keepdim=True))


def an_upstream_that_is_expanded(s: Subject) -> None:
    rows = s.loss(reduction="none")
    rows.backward(torch.tensor(1 / len(rows)).double().expand(len(rows)))
    torch.testing.assert_close(s.z.grad, s.right, rtol=1e-6, atol=1e-9)


def an_upstream_with_strides(s: Subject) -> None:
    rows = s.loss(reduction="none")
    rows.backward(torch.full((len(rows), 2), 1 / len(rows)).double()[:, 1])
    torch.testing.assert_close(s.z.grad, s.right, rtol=1e-6, atol=1e-9)


def an_upstream_keeps_its_bits(s: Subject) -> None:
    rows, upstream = s.loss(reduction="none"), torch.rand(len(s.y)).double()
    before = upstream.clone()
    rows.backward(upstream, retain_graph=True)
    rows.backward(upstream)
    assert torch.equal(upstream, before)


def a_hook_on_the_logits(s: Subject) -> None:
    seen: list[Tensor] = []
    s.z.register_hook(seen.append)
    s.loss().backward()
    s.is_right(seen[0])


def a_hook_that_scales_the_gradient(s: Subject) -> None:
    s.z.register_hook(lambda g: 2 * g)
    s.loss().backward()
    s.is_right(s.z.grad, 2)


def hooks_on_saved_tensors(s: Subject) -> None:
    kept: list[np.ndarray] = []

    def pack(x: Tensor) -> int:
        kept.append(x.detach().numpy().copy())
        return len(kept) - 1

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda i: torch.from_numpy(kept[i])):
        loss = s.loss()
    assert kept
    loss.backward()
    s.is_right(s.z.grad)


def saved_on_the_cpu(s: Subject) -> None:
    with torch.autograd.graph.save_on_cpu():
        loss = s.loss()
    s.is_right(grad(loss, s.z, retain_graph=True)[0])
    s.is_right(grad(loss, s.z)[0])


def backward_on_another_thread(s: Subject) -> None:
    loss = s.loss()
    worker = threading.Thread(target=loss.backward)
    worker.start()
    worker.join()
    s.is_right(s.z.grad)


def two_threads_with_graphs_of_their_own(s: Subject) -> None:
    found: list[Tensor] = []
    work = [threading.Thread(target=lambda: found.append(grad(s.loss(), s.z)[0])) for _ in range(4)]
    for worker in work:
        worker.start()
    for worker in work:
        worker.join()
    assert len(found) == 4
    for gradient in found:
        s.is_right(gradient)


def forward_without_gradients(s: Subject) -> None:
    with torch.no_grad():
        value = s.loss()
    assert not value.requires_grad
    torch.testing.assert_close(value, s.loss().detach(), rtol=1e-15, atol=0)


def forward_in_inference_mode(s: Subject) -> None:
    with torch.inference_mode():
        value = s.loss()
    assert value.is_inference()
    torch.testing.assert_close(value.clone(), s.loss().detach(), rtol=1e-15, atol=0)


def gradients_switched_off_then_on(s: Subject) -> None:
    with torch.no_grad():
        s.loss()
        with torch.enable_grad():
            loss = s.loss()
    s.is_right(grad(loss, s.z)[0])


def logits_that_need_no_gradient(s: Subject) -> None:
    assert not s.loss(s.start).requires_grad


def a_second_derivative_after_a_first(s: Subject) -> None:
    loss = s.loss()
    s.is_right(grad(loss, s.z, retain_graph=True)[0])
    (first,) = grad(loss, s.z, create_graph=True)
    (product,) = grad(first.square().sum(), s.z)
    p, n = s.z.detach().softmax(1), len(s.y)
    v = 2 * s.right
    torch.testing.assert_close(product, p * (v - (p * v).sum(1, keepdim=True)) / n, rtol=1e-9, atol=1e-15)
    s.is_right(grad(loss, s.z)[0])


def one_module_for_several_batches(s: Subject) -> None:
    module = CrossEntropyLoss(label_smoothing=0.1)
    losses = [module(s.z, s.y), module(s.z[:3], s.y[:3]), module(s.z, s.y)]
    s.is_right(grad(losses[0], s.z)[0])
    s.is_right(grad(losses[2], s.z)[0])
    torch.testing.assert_close(grad(losses[1], s.z)[0][:3] * 3, s.right[:3] * len(s.y))
