"""The compiled kernel: C++ for each instruction set, one read of the logits and one write of the gradient.

A scalar loss whose gradient is wanted finds both at once, a row at a time while the row is in the cache; backward
then only hands the gradient out. Row losses read the logits again in backward, when the upstream gradients are known.
"""

from __future__ import annotations

import ctypes
import math
from typing import Any

import torch
from torch import Tensor

from ..targets import SoftTargets, out_of_range
from . import portable
from ._call import DIMS, ONE, OUT_OF_MEMORY, OUT_OF_RANGE, Call, Divisor, Found, fits, joined_dims
from ._library import Library, Missing, library
from ._written import say_finite_masks

HUGE = 1 << 23
"""Bytes of a gradient from which huge pages are asked for."""


def refuses(logits: Tensor, targets: SoftTargets) -> str | None:
    """Say why this kernel cannot take the call, or None."""
    reason = portable.refuses(logits, targets)
    if reason is not None:
        return reason
    opened = library()
    return opened.reason if isinstance(opened, Missing) else _misfit(logits, targets)


def _misfit(logits: Tensor, targets: SoftTargets) -> str | None:
    if logits.device.type != "cpu":
        return f"the logits are on {logits.device.type}"
    if logits.is_neg():
        return "the logits are a negated view"
    if not all(x.device.type == "cpu" for x in targets.tensors().values()):
        return "a part of the targets is on another device"
    if not fits(targets.given) or not fits(targets.background):
        return "probabilities or background are neither float32 nor float64"
    for amount in (targets.on_label, targets.on_background, targets.on_given):
        if isinstance(amount, Tensor) and amount.ndim not in (0, logits.ndim - 1):
            return "an amount is given for each class of each row"
    if logits.ndim > DIMS + 1 and joined_dims(_rows(logits), _over(logits, targets)) > DIMS:
        return f"the rows lie in more than {DIMS} dimensions"
    return None


def _rows(logits: Tensor) -> tuple[int, ...]:
    return (logits.shape[0], *logits.shape[2:])


def _over(logits: Tensor, targets: SoftTargets) -> list[Tensor | None]:
    full = targets.class_mask if targets.class_mask is not None and targets.class_mask.ndim > 1 else None
    return [logits, targets.given, targets.background if targets.spread == "by_row" else None, full]


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


def overwrite(logits: Tensor, targets: SoftTargets) -> Tensor:
    """The row losses, with the logits replaced by their gradient m·p − q: for logits that nobody else holds."""
    losses = logits.new_empty(_rows(logits), dtype=_loss_dtype(logits))
    _run(Call(logits, targets), losses=losses, gradient=logits)
    return losses


def spread_of(given: Tensor) -> tuple[float, float] | None:
    """How far the sums of rows (N, K) are from 1 at most, and the least number; None where this kernel is no help."""
    opened = library()
    plain = given.ndim == 2 and given.stride(1) == 1 and given.numel() and not given.is_neg()
    if isinstance(opened, Missing) or not plain or not fits(given) or type(given) is not Tensor:
        return None
    found = (ctypes.c_double * 2)()
    wide, threads = given.dtype is torch.float64, torch.get_num_threads() if given.numel() >= 1 << 16 else 1
    opened.calls.ls_scan(given.data_ptr(), wide, *given.shape, given.stride(0), threads, ctypes.addressof(found))
    return found[0], found[1]


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
        ctx.gradient, ctx.divisor, ctx.ignore_index = gradient, divisor, ignore_index
        return result

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        if not torch.is_grad_enabled() and ctx.gradient is not None and type(upstream) is Tensor:
            logits = ctx.saved_tensors[0]  # raises where it was changed in place
            if not torch._C._functorch.is_legacy_batchedtensor(upstream):
                gradient, ctx.gradient = ctx.gradient, None  # handed out once: whoever gets it may write into it
                scale = upstream.item()
                if scale == 1:
                    return gradient, None, None, None
                if logits.itemsize >= 4 or math.frexp(scale)[0] == 0.5:
                    return _scaled(gradient, scale, portable._recall(ctx)[2], ctx.ignore_index), None, None, None
        return _found_again(ctx, upstream), None, None, None


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
    opened: Library = library()  # type: ignore[assignment]
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
        opened: Library = library()  # type: ignore[assignment]
        opened.calls.ls_huge_pages(gradient.data_ptr(), size)
    return gradient


def _loss_dtype(logits: Tensor) -> torch.dtype:
    return torch.float32 if logits.itemsize < 4 else logits.dtype
