"""The binary loss of each element, with q the smoothed probability of yes and q̄ that of no:

    loss = w₊·q·softplus(−z) + q̄·softplus(z)          gradient = q̄·σ(z) − w₊·q·σ(−z)

q and q̄ are computed apart, so that neither is found by subtraction; for a hard target one term is 0, and a confident
right answer never meets a cancellation. In eager mode the gradient is written by hand, in blocks that fit the cache,
in the same pass as the loss; everywhere else the formula is differentiated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from math import prod
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.nn import functional as F

from .._modes import visible
from ..kernels._sums import ordered, ordered_wide
from ..targets import Amount

BLOCK = 1 << 17
"""Elements of a block on the CPU: few enough for the cache, and enough that starting an operation costs little."""


@dataclass(frozen=True, eq=False)
class Elements:
    """A batch of yes-or-no questions; every tensor has, or is expanded to, the shape of the logits.

    logits, target  as given, in any dtype the loss takes
    amount, yes     ε, and the probability of yes that it goes to: q = (1 − ε)y + ε·yes
    pos_weight      w₊, or None for 1
    keep            bool, False for elements that do not count; None when all do
    """

    logits: Tensor
    target: Tensor
    amount: Amount
    yes: float | Tensor
    pos_weight: Tensor | None = None
    keep: Tensor | None = None

    @property
    def dtype(self) -> torch.dtype:
        """What the loss is computed in."""
        return torch.float32 if self.logits.itemsize < 4 else self.logits.dtype

    def cut(self, place: tuple[slice, ...]) -> Elements:
        """The part at `place`."""
        if not place:
            return self
        named = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(self, **{k: v[place] for k, v in named.items() if isinstance(v, Tensor) and v.ndim})

    def masked(self, x: Tensor) -> Tensor:
        """0 where an element does not count."""
        return x if self.keep is None else torch.where(self.keep, x, 0)

    def z(self) -> Tensor:
        """The logits in the loss's precision."""
        return self.masked(self.logits.to(self.dtype))

    def targets(self) -> tuple[Tensor, Tensor]:
        """w₊·q and q̄."""
        y = self.masked(self.target.to(self.dtype))
        on, off = y, 1 - y
        if isinstance(self.amount, Tensor) or isinstance(self.yes, Tensor):
            on = on * (1 - self.amount) + self.amount * self.yes
            off = off * (1 - self.amount) + self.amount * (1 - self.yes)
        elif self.amount:
            on = on.mul(1 - self.amount).add_(self.amount * self.yes)
            off = off.mul_(1 - self.amount).add_(self.amount * (1 - self.yes))
        return on if self.pos_weight is None else on * self.masked(self.pos_weight), off


def losses(elements: Elements) -> Tensor:
    """The loss of each element, 0 where it does not count."""
    if not _takes(elements):
        return formula(elements)
    return _ByHand.apply(elements.logits, elements, _differentiated(elements))


def total(elements: Elements, divisor: float) -> Tensor:
    """The sum of the losses over `divisor`."""
    if not _takes(elements):
        return ordered(formula(elements), divisor)
    return _Total.apply(elements.logits, elements, divisor, _differentiated(elements))


def _differentiated(elements: Elements) -> bool:
    return elements.logits.requires_grad and torch.is_grad_enabled()


def _takes(elements: Elements) -> bool:
    """Whether plain eager mode runs, and nothing but the logits asks for a gradient."""
    others = (elements.target, elements.amount, elements.yes, elements.pos_weight)
    given = [x for x in others if isinstance(x, Tensor)]
    if any(x.requires_grad for x in given) or not all(visible(x, strict=True) for x in (elements.logits, *given)):
        return False
    return all(forward_ad.unpack_dual(x).tangent is None for x in (elements.logits, *given))


def formula(elements: Elements) -> Tensor:
    """w₊·q·softplus(−z) + q̄·softplus(z), with 0·∞ = 0, in operations that torch can differentiate."""
    z = elements.z()
    on, off = elements.targets()
    return elements.masked(_product(on, -F.logsigmoid(z)) + _product(off, -F.logsigmoid(-z)))


def _product(share: Tensor, cost: Tensor) -> Tensor:
    return share * torch.where((share == 0) & (cost == torch.inf), 0, cost)


class _ByHand(torch.autograd.Function):
    """The loss of each element; forward finds the gradient as well, and backward only scales it."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, elements: Elements, differentiated: bool) -> Tensor:
        out, gradient = _room(elements), _room(elements) if differentiated else None
        for place, loss in _blocks(elements, gradient):
            out[place] = loss
        _remember(ctx, gradient, elements)
        return out

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        logits, gradient, elements = _recall(ctx)
        if torch.is_grad_enabled():
            return torch.autograd.grad(formula(elements), logits, upstream, create_graph=True)[0], None, None
        return (gradient * elements.masked(upstream)).to(logits.dtype), None, None


class _Total(torch.autograd.Function):
    """The sum of the losses over a number, without a tensor of losses."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, elements: Elements, divisor: float, differentiated: bool) -> Tensor:
        gradient = _room(elements) if differentiated else None
        sums = [ordered_wide(loss) for _, loss in _blocks(elements, gradient)]
        _remember(ctx, gradient, elements)
        ctx.divisor = divisor
        total = sums[0] if len(sums) == 1 else torch.stack(sums or [logits.new_zeros(())]).cumsum(0)[-1]
        return (total / divisor).to(elements.dtype)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        logits, gradient, elements = _recall(ctx)
        scale = upstream / ctx.divisor
        if torch.is_grad_enabled():
            total = formula(elements).sum()
            return torch.autograd.grad(total, logits, scale, create_graph=True)[0], None, None, None
        if elements.keep is not None:
            scale = torch.where(elements.keep, scale, 0)
        return (gradient * scale).to(logits.dtype), None, None, None


def _blocks(elements: Elements, gradient: Tensor | None) -> Iterator[tuple[tuple[slice, ...], Tensor]]:
    """The losses of one block after the other, while the gradient is written."""
    for place in _places(elements.logits):
        part = elements.cut(place)
        parts = _parts(part)
        yield place, part.masked(_loss(part, parts))
        if gradient is not None:
            gradient[place] = _slope(parts)


def _room(elements: Elements) -> Tensor:
    return torch.empty_like(elements.logits, dtype=elements.dtype)


def _remember(ctx: Any, gradient: Tensor | None, elements: Elements) -> None:
    ctx.save_for_backward(elements.logits, elements.target, gradient)
    ctx.elements = replace(elements, logits=elements.logits.detach())


def _recall(ctx: Any) -> tuple[Tensor, Tensor, Elements]:
    logits, target, gradient = ctx.saved_tensors
    return logits, gradient, replace(ctx.elements, logits=logits, target=target)


def _places(logits: Tensor) -> Iterator[tuple[slice, ...]]:
    """Cut the shape into blocks of about BLOCK elements."""
    yield from _cuts(tuple(logits.shape), BLOCK if logits.device.type == "cpu" else logits.numel())


def _cuts(shape: tuple[int, ...], size: int) -> Iterator[tuple[slice, ...]]:
    if prod(shape) <= size:
        yield ()
        return
    inner = prod(shape[1:])
    step = max(1, size // inner)
    for i in range(0, shape[0], step):
        for rest in _cuts(shape[1:], size) if inner > size else ((),):
            yield (slice(i, i + step), *rest)


class _Parts(NamedTuple):
    """z as min(z, 0) + max(z, 0), the exponentials of −|z| on either side (one of them is 1), and the targets."""

    low: Tensor
    high: Tensor
    of_low: Tensor  # e^min(z, 0)
    of_high: Tensor  # e^−max(z, 0)
    e: Tensor  # e^−|z|
    on: Tensor
    off: Tensor


def _parts(elements: Elements) -> _Parts:
    z = elements.z()
    low, high = z.clamp(max=0), z.clamp(min=0)
    of_low, of_high = low.exp(), high.neg().exp_()
    return _Parts(low, high, of_low, of_high, of_low * of_high, *elements.targets())


def _loss(elements: Elements, p: _Parts) -> Tensor:
    """q̄·relu(z) + w₊·q·relu(−z) + (w₊·q + q̄)·log1p(e^−|z|): the larger exponential is never taken."""
    bend = p.e.log1p()
    loss = (p.high * p.off).addcmul_(p.low, p.on, value=-1)
    loss.add_(bend if elements.pos_weight is None else bend.mul_(p.on + p.off))
    if loss.device.type == "cpu" and loss.sum().isfinite():
        return loss
    loss = torch.where(p.low == -torch.inf, _product(p.on, -p.low), loss)
    return torch.where(p.high == torch.inf, _product(p.off, p.high), loss)


def _slope(p: _Parts) -> Tensor:
    """q̄·σ(z) − w₊·q·σ(−z), where σ(z) = e^min(z, 0)/(1 + e^−|z|)."""
    slope = p.of_low.mul_(p.off).addcmul_(p.of_high, p.on, value=-1)
    return slope.div_(p.e.add_(1))
