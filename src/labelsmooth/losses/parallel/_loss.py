"""The loss from the sums of all ranks, as an autograd function whose backward sends nothing."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ...kernels._sums import ordered_wide
from .._weights import loss_dtype
from ._rows import Found, Rows, Sums, gradient, local_sums
from ._world import World

LIMB = 4096


def row_losses(logits: Tensor, known: Rows, world: World) -> Tensor:
    """The loss of each row, (rows,), the same on every rank."""
    losses: Tensor = _Losses.apply(logits, known, world, None)
    return losses


def total(logits: Tensor, known: Rows, world: World, factor: Tensor) -> Tensor:
    """Σ factor·loss over the rows, float64, the same on every rank."""
    loss: Tensor = _Losses.apply(logits, known, world, factor)
    return loss


class _Losses(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, known: Rows, world: World, factor: Tensor | None) -> Tensor:
        whole = known.background.whole()
        sums, top = local_sums(known, masses=whole is None)
        loss, found = solve(known, world, factor, sums, top)
        ctx.save_for_backward(logits)
        ctx.known, ctx.found, ctx.factor = known.without_logits(), found, factor
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        (logits,) = ctx.saved_tensors
        factor = upstream.double() if ctx.factor is None else upstream * ctx.factor
        return gradient(ctx.known.with_logits(logits), ctx.found, factor), None, None, None


def solve(known: Rows, world: World, factor: Tensor | None, sums: Sums, top: Tensor) -> tuple[Tensor, Found]:
    """The second reduction: the row losses, or with a factor their sum, and what the gradient needs."""
    whole = known.background.whole()
    dtype = loss_dtype(known.shard.logits)
    wide = torch.float32 if known.shard.logits.itemsize < 4 else torch.float64
    tops = sums.tops.sum()
    head = [sums.rest, (tops // LIMB).reshape(1), (tops % LIMB).reshape(1)]
    if whole is None:
        parts = [*head, sums.at_label, sums.spread_d]
        fields = world.sum([*(x.to(wide) for x in parts), sums.total, sums.mass])
        rest, high, low, at_label, spread_d, total_, mass = (x.double() for x in fields)
        own, each, m = _shares(known, total_, mass)
        inner, broken = _inner(own, each, at_label, spread_d)
        rest = torch.where(broken, torch.inf, rest)
    else:
        own, each, m = _shares(known, *whole)
        inner, broken = _inner(own, each, sums.at_label, sums.spread_d)
        head[0] = torch.where(broken, torch.inf, sums.rest)
        last = inner.to(dtype) if factor is None else (inner * factor).sum().reshape(1).to(wide)
        rest, high, low, inner = (x.double() for x in world.sum([*(x.to(wide) for x in head), last]))
    rest, top = _untie(known, world, sums, rest, top, float(high * LIMB + low))
    found = Found(rest, own, each, m, top, None if whole is not None else mass)
    return _combined(known, found, inner, factor, dtype, whole is not None), found


def _shares(known: Rows, total: Tensor, mass: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """own, each and m of each row; a background that has no class left goes to the label."""
    left = total > 0
    own = (known.on_label + torch.where(left, 0, known.on_background)) * known.weight_y
    each = torch.where(left, known.on_background / torch.where(left, total, 1), 0)
    return own, each, own + each * mass


def _inner(own: Tensor, each: Tensor, at_label: Tensor, spread_d: Tensor) -> tuple[Tensor, Tensor]:
    """⟨q, d⟩ over these columns, and whether the label is forbidden although it has mass."""
    forbidden = at_label == -torch.inf
    return own * torch.where(forbidden, 0, at_label) + each * spread_d, forbidden & (own != 0)


def _untie(known: Rows, world: World, sums: Sums, rest: Tensor, top: Tensor, tops: float) -> tuple[Tensor, Tensor]:
    """Where several ranks have a row's largest logit, all but one of them are in the sum; one more reduction, only
    when there is such a row."""
    good = known.keep & known.opening.peak.isfinite()
    if tops <= int(good.sum()):
        return rest, top
    counts = world.reduce(sums.tops.to(torch.uint8 if world.size < 256 else torch.int32), "sum")
    return rest + (counts.double() - 1).clamp(min=0), torch.where(counts > 1, -1, top)


def _combined(
    known: Rows, found: Found, inner: Tensor, factor: Tensor | None, dtype: torch.dtype, summed: bool
) -> Tensor:
    losses = found.mass * found.rest.log1p()
    if factor is None or not summed:
        losses = losses - inner
    losses = torch.where(known.opening.peak == torch.inf, torch.nan, losses)
    losses = torch.where(found.rest == torch.inf, torch.inf, losses)
    losses = torch.where(known.keep, losses, 0)
    if factor is None:
        return losses.to(dtype)
    whole = ordered_wide(torch.where(known.keep, losses * factor, 0))
    return whole - inner.reshape(()) if summed else whole
