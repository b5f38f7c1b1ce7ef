"""The everyday kernel: plain torch operations on blocks that fit the cache, with the gradient written by hand.

Forward reads the logits once, in float64 on the CPU, and keeps the gradient m·p − q; backward only scales it. A second
derivative goes through the plain formula.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from .._modes import traced
from ..targets import SoftTargets
from . import _blocks, formula
from ._room import Room
from ._sums import ordered

BLOCK = 1 << 17
"""Elements of a block on the CPU: one of float64 is a megabyte, about what stays in a core's cache."""

SMALL = 1 << 14
"""Elements up to which the losses are summed in one step; torch would sum more of them by thread."""


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
    """The sum of the row losses over `divisor`; on the CPU a number, which cannot overflow before it is divided."""
    if logits.device.type != "cpu":
        return ordered(row_losses(logits, targets), divisor)
    if _differentiated(logits):
        loss: Tensor = _Total.apply(logits, targets, divisor)
        return loss
    return _number(_total(logits, targets) / divisor, logits)


def overwrite(logits: Tensor, targets: SoftTargets) -> Tensor:
    """Row losses (N, d1, …); the logits become their gradient m·p − q in place, without autograd."""
    return _losses(logits, targets, logits)


def _differentiated(logits: Tensor) -> bool:
    return logits.requires_grad and torch.is_grad_enabled()


class _Rows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, targets: SoftTargets) -> Tensor:
        gradient = _room(logits)
        losses = _losses(logits, targets, gradient)
        _remember(ctx, logits, gradient, targets)
        return losses

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        logits, gradient, targets = _recall(ctx)
        if torch.is_grad_enabled():
            return _differentiable(logits, targets, upstream), None
        return (gradient * _counted(upstream, targets.keep).unsqueeze(1)).to(logits.dtype), None


class _Total(torch.autograd.Function):
    """The sum of the row losses over a number."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, targets: SoftTargets, divisor: float) -> Tensor:
        gradient = _room(logits)
        loss = _total(logits, targets, gradient)
        _remember(ctx, logits, gradient, targets)
        ctx.divisor = divisor
        return _number(loss / divisor, logits)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        scale = upstream / ctx.divisor
        if torch.is_grad_enabled():
            logits, _, targets = _recall(ctx)
            return _differentiable(logits, targets, scale.expand(targets.row_shape())), None, None
        logits, gradient, *tensors = ctx.saved_tensors
        if "keep" in ctx.names:
            scale = _counted(scale, tensors[ctx.names.index("keep")]).unsqueeze(1)
        return (gradient * scale).to(logits.dtype), None, None


def _counted(upstream: Tensor, keep: Tensor | None) -> Tensor:
    """0 for rows that do not count: upstream may be infinite, and they stay 0."""
    return upstream if keep is None else torch.where(keep, upstream, 0)


def _number(value: float, logits: Tensor) -> Tensor:
    """A value beyond float32 is infinite."""
    dtype = _loss_dtype(logits)
    if abs(value) > torch.finfo(dtype).max:
        value = value * math.inf
    return torch.tensor(value, dtype=dtype)


def _remember(ctx: Any, logits: Tensor, gradient: Tensor, targets: SoftTargets) -> None:
    """Through autograd, so that a change in place is noticed and hooks on saved tensors see everything."""
    named = targets.tensors()
    ctx.save_for_backward(logits, gradient, *named.values())
    ctx.names, ctx.others = tuple(named), {k: v for k, v in targets.__dict__.items() if k not in named}


def _recall(ctx: Any) -> tuple[Tensor, Tensor, SoftTargets]:
    logits, gradient, *tensors = ctx.saved_tensors
    return logits, gradient, SoftTargets(**dict(zip(ctx.names, tensors, strict=True)), **ctx.others)


def _losses(logits: Tensor, targets: SoftTargets, gradient: Tensor | None = None) -> Tensor:
    """Row losses (N, d1, …), in the loss's dtype; m·p − q is written into `gradient`."""
    losses = logits.new_empty((logits.shape[0], 1, *logits.shape[2:]), dtype=_loss_dtype(logits))
    room = Room()
    for block in blocks(logits):
        loss, part = _blocks.losses(block.logits(logits), block.targets(targets), room.again())
        block.logits(losses).copy_(loss)
        if gradient is not None:
            block.logits(gradient).copy_(part())
    return losses.squeeze(1)


def _total(logits: Tensor, targets: SoftTargets, gradient: Tensor | None = None) -> float:
    """The sum of the row losses; m·p − q is written into `gradient`."""
    total, room, at_once = 0.0, Room(), logits.numel() <= SMALL
    for block in blocks(logits):
        loss, part = _blocks.total(block.logits(logits), block.targets(targets), room.again(), at_once)
        total += loss
        if gradient is not None:
            block.logits(gradient).copy_(part())
    return total


def _room(logits: Tensor) -> Tensor:
    return torch.empty_like(logits, dtype=_loss_dtype(logits))


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
        self.with_classes = (place[0], slice(None), *place[1:]) if place else ()

    def rows(self, x: Tensor) -> Tensor:
        return x[self.place]

    def logits(self, x: Tensor) -> Tensor:
        return x[self.with_classes] if self.place else x

    def targets(self, targets: SoftTargets) -> SoftTargets:
        if not self.place:
            return targets
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
    size = BLOCK if logits.device.type == "cpu" else logits.numel()
    if logits.numel() <= size:
        return iter((Block(()),))
    return _cut((logits.shape[0], *logits.shape[2:]), max(logits.shape[1], 1), size, ())


def _cut(rows: tuple[int, ...], classes: int, size: int, place: tuple[slice, ...]) -> Iterator[Block]:
    first, *rest = rows
    inner = classes * math.prod(rest)
    if not rest or inner <= size:
        step = max(1, size // max(inner, 1))
        yield from (Block((*place, slice(i, i + step))) for i in range(0, first, step))
    else:
        for i in range(first):
            yield from _cut(tuple(rest), classes, size, (*place, slice(i, i + 1)))
