"""A linear head and its loss, a chunk of rows at a time: logits are made, become their gradient in place, and are gone.

The sum of the losses has its gradients computed in forward, three matrix products in all, and the first backward scales
them and hands them out; a second one computes them again, so that each is right with any upstream. Row losses have an
upstream for each row, which only backward knows: the logits are made once more there.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ..kernels import portable
from ..kernels._sums import ordered, widen
from ..kernels.portable import Block
from ..targets import SoftTargets
from . import _dispatch
from ._chunks import ENOUGH, capped, padded, slices, slope_of_cap
from ._reduction import weighted
from ._weights import loss_dtype

NOTHING = (False, False, False)
Gradients = tuple[Tensor | None, Tensor | None, Tensor | None]


class Head(NamedTuple):
    """Everything but input, weight and bias.

    targets      of the rows, (N, d1, …)
    row_weights  (N, d1, …), or None
    classes      (C, d1, …): how the C·d1·… logits of a row are shaped
    chunk        rows at a time
    kernel       "auto", or the one asked for
    """

    targets: SoftTargets
    row_weights: Tensor | None
    classes: tuple[int, ...]
    chunk: int
    softcap: float | None
    kernel: str


def refuses(x: Tensor, weight: Tensor, bias: Tensor | None, head: Head) -> str | None:
    """Say why all logits must be made at once, by the plain formula of `whole`, or None."""
    reasons = (portable.refuses(each, head.targets) for each in (x, weight, bias) if each is not None)
    if head.row_weights is not None and head.row_weights.requires_grad:
        return "the row weights need a gradient"
    if head.kernel == "formula":
        return "the formula was asked for"
    return next((reason for reason in reasons if reason is not None), None)


def whole(x: Tensor, weight: Tensor, bias: Tensor | None, head: Head) -> Tensor:
    """The row losses from all logits at once, differentiable in every way."""
    z = capped(F.linear(x, weight, bias).reshape(len(x), *head.classes), head.softcap)
    return _weighted(_dispatch.row_losses(z, head.targets, head.kernel), head)


def row_losses(x: Tensor, weight: Tensor, bias: Tensor | None, head: Head) -> Tensor:
    """(N, d1, …), in float32 for half precisions."""
    if refuses(x, weight, bias, head) is not None:
        return whole(x, weight, bias, head)
    if not _differentiated(x, weight, bias):
        return _weighted(_sweep((x, weight, bias), head, None, NOTHING)[0], head)
    losses: Tensor = _Rows.apply(x, weight, bias, head)
    return losses


def total(x: Tensor, weight: Tensor, bias: Tensor | None, head: Head) -> Tensor:
    """The sum of the row losses."""
    if refuses(x, weight, bias, head) is not None:
        return ordered(whole(x, weight, bias, head))
    if not _differentiated(x, weight, bias):
        return ordered(row_losses(x, weight, bias, head))
    loss: Tensor = _Total.apply(x, weight, bias, head)
    return loss


def _differentiated(*tensors: Tensor | None) -> bool:
    return torch.is_grad_enabled() and any(each is not None and each.requires_grad for each in tensors)


class _Total(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, head: Head) -> Tensor:
        losses, found = _sweep((x, weight, bias), head, head.row_weights, ctx.needs_input_grad[:3])
        _remember(ctx, (x, weight, bias), head)
        ctx.found = found
        return ordered(_weighted(losses, head))

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        tensors, head = _recall(ctx)
        if torch.is_grad_enabled() or torch._C._functorch.is_legacy_batchedtensor(upstream):
            rows = upstream.expand(head.targets.row_shape())
            return *_differentiable(tensors, head, rows, ctx.needs_input_grad), None
        found, ctx.found = ctx.found, None  # handed out once: whoever gets it may write into it
        if found is None:
            found = _sweep(tensors, head, head.row_weights, ctx.needs_input_grad[:3])[1]
        pairs = zip(tensors, found, strict=True)
        return *(None if each is None else each.mul_(upstream).to(own.dtype) for own, each in pairs), None


class _Rows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, head: Head) -> Tensor:
        _remember(ctx, (x, weight, bias), head)
        return _weighted(_sweep((x, weight, bias), head, None, NOTHING)[0], head)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        tensors, head = _recall(ctx)
        if torch.is_grad_enabled() or torch._C._functorch.is_legacy_batchedtensor(upstream):
            return *_differentiable(tensors, head, upstream, ctx.needs_input_grad), None
        factor = upstream if head.row_weights is None else upstream * head.row_weights
        found = _sweep(tensors, head, factor, ctx.needs_input_grad[:3])[1]
        pairs = zip(tensors, found, strict=True)
        return *(None if each is None else each.to(own.dtype) for own, each in pairs), None


def _weighted(losses: Tensor, head: Head) -> Tensor:
    return losses if head.row_weights is None else weighted(losses, head.row_weights, head.targets.keep)


def _sweep(
    tensors: tuple[Any, ...], head: Head, factor: Tensor | None, wanted: tuple[bool, ...]
) -> tuple[Tensor, Gradients]:
    """Row losses, and the gradients that are wanted of Σ factor·loss: that of the input in the dtype it is multiplied
    in, those of weight and bias, which are sums over many rows, in the loss's."""
    tensors = tuple(None if each is None else as_multiplied(each) for each in tensors)
    x, weight, bias = tensors
    losses = x.new_empty(head.targets.row_shape(), dtype=loss_dtype(x))
    found = _empty(tensors, wanted)
    if factor is not None and head.targets.keep is not None:
        factor = torch.where(head.targets.keep, factor, 0)
    buffer = x.new_empty((max(min(head.chunk, len(x)), ENOUGH), weight.shape[0]))
    with torch.autocast(x.device.type, enabled=False):
        for place in slices(len(x), head.chunk):
            part, count = padded(x[place]), place.stop - place.start
            z = _logits(part, weight, bias, buffer[: len(part)])
            losses[place] = _one_chunk(z[:count], Block((place,)), head, factor, any(wanted))
            z[count:] = 0
            _gather(z, part, weight, place, found)
    return losses, found


def as_multiplied(x: Tensor) -> Tensor:
    """On a CPU half precisions are multiplied in float32: libraries take up to a hundred times as long for them."""
    return widen(x) if x.device.type == "cpu" else x


def _empty(tensors: tuple[Any, ...], wanted: tuple[bool, ...]) -> Gradients:
    x, weight, bias = tensors
    wide = loss_dtype(x)
    return (
        torch.empty_like(x) if wanted[0] else None,
        torch.zeros_like(weight, dtype=wide) if wanted[1] else None,
        torch.zeros_like(bias, dtype=wide) if wanted[2] else None,
    )


def _logits(x: Tensor, weight: Tensor, bias: Tensor | None, out: Tensor) -> Tensor:
    return torch.mm(x, weight.T, out=out) if bias is None else torch.addmm(bias, x, weight.T, out=out)


def _one_chunk(flat: Tensor, block: Block, head: Head, factor: Tensor | None, wanted: bool) -> Tensor:
    """The losses of a chunk; where gradients are wanted, its logits (n, C·d1·…) become theirs."""
    made = flat.view(len(flat), *head.classes)
    targets = block.targets(head.targets)
    z = capped(made, head.softcap)
    if not wanted:
        return _dispatch.row_losses(z, targets, head.kernel)
    slope = None if head.softcap is None else slope_of_cap(z, head.softcap)
    losses = _dispatch.overwrite(z, targets, head.kernel)
    if factor is not None:
        z.mul_(block.rows(factor).unsqueeze(1))
    if slope is not None:
        made.copy_(z.mul_(slope))
    return losses


def _gather(gradient: Tensor, x: Tensor, weight: Tensor, place: slice, found: Gradients) -> None:
    """Carry a chunk's gradient on to input, weight and bias."""
    of_input, of_weight, of_bias = found
    if of_input is not None:
        _rows_into(of_input[place], gradient, weight)
    if of_weight is not None and of_weight.dtype == x.dtype:
        of_weight.addmm_(gradient.T, x)
    elif of_weight is not None:
        of_weight.add_(gradient.T @ x)
    if of_bias is not None:
        of_bias.add_(gradient.sum(0, dtype=of_bias.dtype))


def _rows_into(out: Tensor, gradient: Tensor, weight: Tensor) -> None:
    if len(out) == len(gradient):
        torch.mm(gradient, weight, out=out)
    else:
        out.copy_((gradient @ weight)[: len(out)])


def _differentiable(tensors: tuple[Any, ...], head: Head, upstream: Tensor, wanted: tuple[bool, ...]) -> Gradients:
    """The gradients from all logits at once: as graphs of their own where a further derivative is asked for, and for
    many upstreams at once."""
    x, weight, bias = tensors
    inputs = [each for each, want in zip(tensors, wanted, strict=False) if want]
    further = torch.is_grad_enabled()
    with torch.enable_grad():
        losses = whole(x, weight, bias, head)
    found = iter(torch.autograd.grad(losses, inputs, upstream, create_graph=further))
    return tuple(next(found) if want else None for want in wanted[:3])  # type: ignore[return-value]


def _remember(ctx: Any, tensors: tuple[Tensor | None, ...], head: Head) -> None:
    """Through autograd, so that a change in place is noticed and hooks on saved tensors see everything."""
    named = head.targets.tensors()
    ctx.save_for_backward(*tensors, head.row_weights, *named.values())
    ctx.names, ctx.others = tuple(named), {k: v for k, v in head.targets.__dict__.items() if k not in named}
    ctx.rest = head[2:]


def _recall(ctx: Any) -> tuple[tuple[Any, ...], Head]:
    saved = ctx.saved_tensors
    at = len(saved) - len(ctx.names)
    targets = SoftTargets(**dict(zip(ctx.names, saved[at:], strict=True)), **ctx.others)
    return saved[: at - 1], Head(targets, saved[at - 1], *ctx.rest)
