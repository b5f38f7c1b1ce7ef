"""The everyday kernel: plain torch operations on blocks that fit the cache, with the gradient written by hand.

Forward reads the logits once, in float64 on the CPU, and keeps the gradient m·p − q; backward only scales it. A second
derivative goes through the plain formula.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from .._modes import traced
from ..targets import SoftTargets
from . import _blocks, formula
from ._sums import ordered

BLOCK = 1 << 17
"""Elements of a block on the CPU: one of float64 is a megabyte, about what stays in a core's cache."""

SMALL = 1 << 14
"""Elements up to which the sum of the losses is found in one step; torch would sum more of them by thread."""


def refuses(logits: Tensor, targets: SoftTargets) -> str | None:
    """Say why the formula must be used instead, or None."""
    if traced():
        return "the call is being compiled, traced or exported"
    if type(logits) not in (Tensor, torch.nn.Parameter) or logits.device.type == "meta":
        return f"the logits are a {type(logits).__name__} on {logits.device.type}"
    if torch._C._are_functorch_transforms_active():
        return "a torch.func transform is active"
    if forward_ad._current_level >= 0 and any(map(_has_tangent, (logits, *targets.tensors().values()))):
        return "forward-mode differentiation is active"
    if not logits.numel():
        return "the input is empty"
    if targets.needs_grad():
        return "something other than the logits needs a gradient"
    return None


def _has_tangent(x: Tensor) -> bool:
    return forward_ad.unpack_dual(x).tangent is not None


def row_losses(logits: Tensor, targets: SoftTargets) -> Tensor:
    """m·lse(z) − ⟨q, z⟩ for each row, in float32 for half inputs: (N, K, d1, …) → (N, d1, …)."""
    if _differentiated(logits):
        losses: Tensor = _Rows.apply(logits, targets)
        return losses
    return _losses(logits, targets)


def total(logits: Tensor, targets: SoftTargets, divisor: float) -> Tensor:
    """The sum of the row losses over `divisor`; for a small input in one step, which saves autograd a third."""
    if logits.numel() <= SMALL and logits.device.type == "cpu" and _differentiated(logits):
        loss: Tensor = _Total.apply(logits, targets, divisor)
        return loss
    return ordered(row_losses(logits, targets)) / divisor


def overwrite(logits: Tensor, targets: SoftTargets) -> Tensor:
    """Row losses (N, d1, …); the logits become their gradient m·p − q in place, without autograd."""
    return _losses_and_gradient(logits, targets, logits)[0]


def _differentiated(logits: Tensor) -> bool:
    return logits.requires_grad and torch.is_grad_enabled()


class _Rows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, targets: SoftTargets) -> Tensor:
        losses, gradient = _losses_and_gradient(logits, targets)
        _remember(ctx, logits, gradient, targets)
        return losses

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        logits, gradient, targets = _recall(ctx)
        if torch.is_grad_enabled():
            return _differentiable(logits, targets, upstream), None
        return _blocks.drop(gradient * upstream.unsqueeze(1), targets).to(logits.dtype), None


class _Total(torch.autograd.Function):
    """The sum of the row losses over a number."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, targets: SoftTargets, divisor: float) -> Tensor:
        loss, gradient = _blocks.total_and_gradient(logits, targets)
        dtype = _loss_dtype(logits)
        _remember(ctx, logits, gradient.to(dtype), targets)
        ctx.divisor = divisor
        return torch.tensor(loss / divisor, dtype=torch.float64).to(dtype)  # a value beyond float32 is infinite

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        scale = upstream / ctx.divisor
        if torch.is_grad_enabled():
            logits, _, targets = _recall(ctx)
            return _differentiable(logits, targets, scale.expand(targets.row_shape())), None, None
        logits, gradient, *_ = ctx.saved_tensors
        return (gradient * scale).to(logits.dtype), None, None


def _remember(ctx: Any, logits: Tensor, gradient: Tensor, targets: SoftTargets) -> None:
    """Through autograd, so that a change in place is noticed and hooks on saved tensors see everything."""
    named = targets.tensors()
    ctx.save_for_backward(logits, gradient, *named.values())
    ctx.names, ctx.others = tuple(named), {k: v for k, v in targets.__dict__.items() if k not in named}


def _recall(ctx: Any) -> tuple[Tensor, Tensor, SoftTargets]:
    logits, gradient, *tensors = ctx.saved_tensors
    return logits, gradient, SoftTargets(**dict(zip(ctx.names, tensors, strict=True)), **ctx.others)


def _losses_and_gradient(logits: Tensor, targets: SoftTargets, gradient: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Row losses (N, d1, …) and m·p − q, both in the loss's dtype; the latter in `gradient` where that is given."""
    dtype = _loss_dtype(logits)
    if gradient is None and logits.numel() <= BLOCK:
        loss, part = _blocks.losses_and_gradient(logits, targets)
        return loss.squeeze(1).to(dtype), part.to(dtype)
    losses = _empty_losses(logits)
    gradient = torch.empty_like(logits, dtype=dtype) if gradient is None else gradient
    for block in blocks(logits):
        loss, part = _blocks.losses_and_gradient(block.logits(logits), block.targets(targets))
        block.logits(losses).copy_(loss)
        block.logits(gradient).copy_(part)
    return losses.squeeze(1), gradient


def _losses(logits: Tensor, targets: SoftTargets) -> Tensor:
    """The same bits without a gradient."""
    losses = _empty_losses(logits)
    for block in blocks(logits):
        block.logits(losses).copy_(_blocks.losses(block.logits(logits), block.targets(targets)))
    return losses.squeeze(1)


def _empty_losses(logits: Tensor) -> Tensor:
    return logits.new_empty((logits.shape[0], 1, *logits.shape[2:]), dtype=_loss_dtype(logits))


def _loss_dtype(logits: Tensor) -> torch.dtype:
    return torch.float32 if logits.itemsize < 4 else logits.dtype


def _differentiable(logits: Tensor, targets: SoftTargets, upstream: Tensor) -> Tensor:
    """The gradient as a graph of its own, for the second and further derivatives."""
    losses = formula.row_losses(logits, targets)
    return torch.autograd.grad(losses, logits, upstream, create_graph=True)[0]


class Block:
    """A part of the rows: `place` cuts (N, d1, …), and with the class dimension put in, (N, K, d1, …)."""

    def __init__(self, place: tuple[slice, ...]) -> None:
        self.place = place
        self.with_classes = (place[0], slice(None), *place[1:])

    def rows(self, x: Tensor) -> Tensor:
        return x[self.place]

    def logits(self, x: Tensor) -> Tensor:
        return x[self.with_classes]

    def targets(self, targets: SoftTargets) -> SoftTargets:
        cut = {}
        for name, x in targets.tensors().items():
            if name == "given" or (name == "background" and targets.spread == "by_row"):
                cut[name] = self.logits(x)
            elif name in ("labels", "keep") or (name.startswith("on_") and x.ndim):
                cut[name] = self.rows(x)
            elif name == "class_mask" and x.ndim > 1:
                cut[name] = self.logits(x)
        return targets.changed(**cut)


def blocks(logits: Tensor) -> Iterator[Block]:
    """Cut the rows into blocks of about BLOCK elements, along d1, d2, … where one n is larger than that."""
    size = BLOCK if logits.device.type == "cpu" else max(logits.numel(), 1)
    return _cut((logits.shape[0], *logits.shape[2:]), max(logits.shape[1], 1), size, ())


def _cut(rows: tuple[int, ...], classes: int, size: int, place: tuple[slice, ...]) -> Iterator[Block]:
    first, *rest = rows
    inner = classes * prod(rest)
    if not rest or inner <= size:
        step = max(1, size // max(inner, 1))
        yield from (Block((*place, slice(i, i + step))) for i in range(0, first, step))
    else:
        for i in range(first):
            yield from _cut(tuple(rest), classes, size, (*place, slice(i, i + 1)))
