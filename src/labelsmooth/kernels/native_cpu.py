"""The compiled kernel: C++ for each instruction set, one read of the logits and one write of the gradient.

A scalar loss whose gradient is wanted finds both at once, a row at a time while the row is in the cache; backward
then only hands the gradient out. Row losses read the logits again in backward, when the upstream gradients are known.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import forward_ad

from .._modes import traced
from ..targets import SoftTargets, Spread, out_of_range
from . import portable
from ._call import DIMS, ONE, OUT_OF_MEMORY, OUT_OF_RANGE, Call, Divisor, Found, misfit
from ._compiled import Missing, Opened, load
from ._written import say_finite_masks

HUGE = 1 << 23
"""Bytes of a gradient from which huge pages are asked for."""


def refuses(logits: Tensor, targets: SoftTargets) -> str | None:
    """Say why this kernel cannot take the call, or None."""
    reason = portable.refuses(logits, targets)
    if reason is not None:
        return reason
    opened = load()
    if isinstance(opened, Missing):
        return opened.reason
    return "the logits are a negated view" if logits.is_neg() else misfit(logits, targets)


def _rows(logits: Tensor) -> tuple[int, ...]:
    return (logits.shape[0], *logits.shape[2:])


def row_losses(logits: Tensor, targets: SoftTargets) -> Tensor:
    """m·lse(z) − ⟨q, z⟩ for each row, in float32 for half inputs: (N, K, d1, …) → (N, d1, …)."""
    if not (logits.requires_grad and torch.is_grad_enabled()):
        return _losses(logits, targets)
    losses: Tensor = _Rows.apply(logits, targets)
    return losses


def total(logits: Tensor, targets: SoftTargets, divisor: float | Divisor, ignore_index: int | None = None) -> Tensor:
    """The sum of the row losses over `divisor`; rows labelled `ignore_index` do not count."""
    by = divisor if isinstance(divisor, Divisor) else Divisor(divisor)
    if not (logits.requires_grad and torch.is_grad_enabled()):
        result = logits.new_empty((), dtype=_loss_dtype(logits))
        _run(Call(logits, targets, ignore_index), result=result, divisor=by)
        return result
    loss: Tensor = _Total.apply(logits, targets, by, ignore_index)
    return loss


class Everyday(NamedTuple):
    """A call that comes again and again: all but where its tensors are."""

    packed: bytes
    targets: SoftTargets  # without labels
    fields: dict[str, Any]  # of them
    divisor: Divisor
    ignore_index: int
    dtype: torch.dtype


def everyday(logits: Tensor, labels: Tensor, amount: float, ignore_index: int, divisor: Divisor) -> Tensor | None:
    """`total` for labels and uniform smoothing by a number, in few steps; None where the call is not that plain."""
    opened = load()
    if not _is_plain(logits, labels) or isinstance(opened, Missing):
        return None
    plan = _planned(logits.shape, logits.dtype, amount, ignore_index, divisor.how, torch.get_num_threads())
    if logits.requires_grad and torch.is_grad_enabled():
        loss: Tensor = _apply_everyday(logits, labels, plan, opened)
        return loss
    return _again(logits, labels, plan, opened, None)


def _is_plain(logits: Tensor, labels: Tensor) -> bool:
    return (
        not traced()
        and type(logits) in (Tensor, torch.nn.Parameter)
        and logits.is_cpu
        and labels.is_cpu
        and logits.is_contiguous()
        and labels.is_contiguous()
        and not logits.is_neg()
        and logits.numel() > 0
        and logits.ndim <= DIMS + 1
        and forward_ad._current_level < 0
        and not torch._C._are_functorch_transforms_active()
    )


@lru_cache(maxsize=256)
def _planned(
    shape: torch.Size, dtype: torch.dtype, amount: float, ignore_index: int, how: int, threads: int
) -> Everyday:
    logits = torch.empty(shape, dtype=dtype, device="meta")
    spread: Spread = "uniform" if amount else "none"
    of_loss, divisor = _loss_dtype(logits), Divisor(1.0, how)
    targets = SoftTargets(None, 1 - amount, amount, 0.0, spread, num_classes=shape[1], dtype=of_loss)
    result = torch.empty((), dtype=of_loss, device="meta")
    packed = Call(logits, targets, ignore_index).packed(logits, None, result, None, divisor)
    fields = {name: value for name, value in targets.__dict__.items() if name != "labels"}
    return Everyday(packed, targets, fields, divisor, ignore_index, of_loss)


def _again(logits: Tensor, labels: Tensor, plan: Everyday, opened: Opened, gradient: Tensor | None) -> Tensor:
    result = logits.new_empty((), dtype=plan.dtype)
    to = 0 if gradient is None else gradient.data_ptr()
    places = (logits.data_ptr(), to, labels.data_ptr(), result.data_ptr())
    if opened.calls.ls_again(opened.number, plan.packed, *places):
        call = Call(logits, plan.targets.changed(labels=labels), plan.ignore_index)
        _run(call, result=result, gradient=gradient, divisor=plan.divisor)
    return result


def overwrite(logits: Tensor, targets: SoftTargets) -> Tensor:
    """The row losses, with the logits replaced by their gradient m·p − q: for logits that nobody else holds."""
    losses = logits.new_empty(_rows(logits), dtype=_loss_dtype(logits))
    _run(Call(logits, targets), losses=losses, gradient=logits)
    return losses


class _Rows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, targets: SoftTargets) -> Tensor:
        portable._remember(ctx, logits, logits, targets)
        return _losses(logits, targets)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        logits, _, targets = portable._recall(ctx)
        if torch.is_grad_enabled():
            return portable._differentiable(logits, targets, upstream), None
        if torch._C._functorch.is_legacy_batchedtensor(upstream):  # is_grads_batched=True: no addresses of slices
            of_ones = _gradient(logits, targets, logits.new_ones(_rows(logits), dtype=upstream.dtype))
            batched = of_ones * upstream.unsqueeze(1)
            return (batched if targets.keep is None else batched.masked_fill(~targets.keep.unsqueeze(1), 0)), None
        return _gradient(logits, targets, upstream), None


class _Total(torch.autograd.Function):
    """The sum of the row losses over a divisor; the gradient is found on the way where nothing speaks against it."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, targets: SoftTargets, divisor: Divisor, ignore_index: int | None) -> Tensor:
        result = logits.new_empty((), dtype=_loss_dtype(logits))
        gradient = _fresh(logits) if _at_once(logits) else None
        _run(Call(logits, targets, ignore_index), result=result, gradient=gradient, divisor=divisor)
        portable._remember(ctx, logits, logits, targets)
        ctx.at_once, ctx.gradient = gradient is not None, gradient
        ctx.divisor, ctx.ignore_index = divisor, ignore_index
        return result

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        return _of_logits(ctx, upstream), None, None, None


class _Everyday(torch.autograd.Function):
    """As `_Total`, with less between the user and the kernel."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, labels: Tensor, plan: Everyday, opened: Opened) -> Tensor:
        gradient = _fresh(logits) if _at_once(logits) else None
        result = _again(logits, labels, plan, opened, gradient)
        ctx.save_for_backward(logits, logits, labels)
        ctx.names, ctx.others = ("labels",), plan.fields
        ctx.at_once, ctx.gradient = gradient is not None, gradient
        ctx.divisor, ctx.ignore_index = plan.divisor, plan.ignore_index
        return result

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        return _of_logits(ctx, upstream), None, None, None


# Not `Function.apply`, which looks for transforms of torch.func first: `_is_plain` has ruled them out.
_apply_everyday = super(torch.autograd.Function, _Everyday).apply


def _of_logits(ctx: Any, upstream: Tensor) -> Tensor:
    batched = torch._C._functorch.is_legacy_batchedtensor(upstream)
    if ctx.at_once and not torch.is_grad_enabled() and type(upstream) is Tensor and not batched:
        logits, scale = ctx.saved_tensors[0], upstream.item()  # the first raises where it was changed in place
        if scale == 1:
            return _handed_out(ctx)
        if logits.itemsize >= 4 or math.frexp(scale)[0] == 0.5:
            return _scaled(_handed_out(ctx), scale, portable._recall(ctx)[2], ctx.ignore_index)
    return _found_again(ctx, upstream)


def _handed_out(ctx: Any) -> Tensor:
    """The gradient found on the way, once: whoever gets it may write into it. Then it is found again, bit for bit."""
    gradient, ctx.gradient = ctx.gradient, None
    if gradient is not None:
        return gradient
    logits, _, targets = portable._recall(ctx)
    return _of_total(ctx, logits, targets, logits.new_ones((), dtype=_loss_dtype(logits)))


def _found_again(ctx: Any, upstream: Tensor) -> Tensor:
    logits, _, targets = portable._recall(ctx)
    if torch.is_grad_enabled():
        plain, divisor = _without_index(targets, ctx.ignore_index, ctx.divisor)
        of_rows = (upstream / divisor if divisor else 0 * upstream).expand(_rows(logits))
        return portable._differentiable(logits, plain, of_rows)
    if torch._C._functorch.is_legacy_batchedtensor(upstream):  # is_grads_batched=True
        return _of_total(ctx, logits, targets, logits.new_ones((), dtype=upstream.dtype)) * upstream
    return _of_total(ctx, logits, targets, upstream)


def _of_total(ctx: Any, logits: Tensor, targets: SoftTargets, upstream: Tensor) -> Tensor:
    gradient = _fresh(logits)
    factor = upstream.expand(_rows(logits)).contiguous()
    _run(Call(logits, targets, ctx.ignore_index), gradient=gradient, factor=factor, divisor=ctx.divisor)
    return gradient


def _at_once(logits: Tensor) -> bool:
    """Not where what is saved may be dropped and found again, nor in float16, whose losses are scaled."""
    return logits.dtype is not torch.float16 and not torch._C._autograd._top_saved_tensors_default_hooks(False)


def _scaled(gradient: Tensor, scale: float, targets: SoftTargets, ignore_index: int | None) -> Tensor:
    gradient.mul_(scale)
    if math.isfinite(scale):
        return gradient
    keep = _without_index(targets, ignore_index, ONE)[0].keep
    return gradient if keep is None else gradient.masked_fill_(~keep.unsqueeze(1), 0)


def _without_index(targets: SoftTargets, ignore_index: int | None, divisor: Divisor) -> tuple[SoftTargets, float]:
    """The same targets with a mask instead of an index, and the divisor as a number."""
    if ignore_index is None:
        return targets, divisor.number
    labels: Tensor = targets.labels  # type: ignore[assignment]
    keep = labels != ignore_index
    number = divisor.number
    if divisor.how:
        weight = targets.class_weight
        number = float(keep.sum() if weight is None else weight.double()[labels[keep]].sum())
    return targets.changed(labels=torch.where(keep, labels, 0), keep=keep), number


def _losses(logits: Tensor, targets: SoftTargets) -> Tensor:
    losses = logits.new_empty(_rows(logits), dtype=_loss_dtype(logits))
    _run(Call(logits, targets), losses=losses)
    return losses


def _gradient(logits: Tensor, targets: SoftTargets, upstream: Tensor) -> Tensor:
    gradient = _fresh(logits)
    _run(Call(logits, targets), gradient=gradient, factor=upstream.to(_loss_dtype(logits)).contiguous())
    return gradient


def _run(call: Call, divisor: Divisor = ONE, **places: Tensor | None) -> Found:
    opened: Opened = load()  # type: ignore[assignment]
    found = call.run(opened, divisor=divisor, **places)
    if found.status == OUT_OF_MEMORY:
        raise MemoryError("the compiled kernel found no memory for one row; fewer threads or classes need less")
    if found.status == OUT_OF_RANGE:
        labels: Tensor = call.targets.labels  # type: ignore[assignment]
        raise out_of_range(labels, found.row, call.logits.shape[1], call.ignore_index)
    if found.finite_masks:
        say_finite_masks(call.logits.dtype)
    return found


def _fresh(logits: Tensor) -> Tensor:
    """Memory for a gradient, on huge pages where that pays: page faults are most of the time otherwise."""
    gradient = torch.empty_like(logits)
    size = gradient.numel() * gradient.itemsize
    if size >= HUGE:
        opened: Opened = load()  # type: ignore[assignment]
        opened.calls.ls_huge_pages(gradient.data_ptr(), size)
    return gradient


def _loss_dtype(logits: Tensor) -> torch.dtype:
    return torch.float32 if logits.itemsize < 4 else logits.dtype
