"""The compiled kernel under torch.compile, as two registered operators: the row losses, and their gradient.

A graph calls them and does not look inside. Every amount goes in as a tensor, so that a schedule compiles once. What is
exported is left to the formula: it may run where there is no such library.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, library
from torch.autograd import forward_ad

from ..targets import Amount, SoftTargets
from . import native_cpu
from ._call import DTYPES, misfit
from ._compiled import Missing, load
from ._sums import ordered


def refuses(logits: Tensor, targets: SoftTargets) -> str | None:
    """Say why this kernel cannot take the call, or None."""
    if not torch.compiler.is_dynamo_compiling() or _exporting():
        return "the call is not being compiled by torch.compile"
    if type(logits) not in (Tensor, torch.nn.Parameter) or logits.dtype not in DTYPES:
        return f"the logits are a {type(logits).__name__} of {logits.dtype}"
    if torch._C._are_functorch_transforms_active() or forward_ad._current_level >= 0:
        return "a torch.func transform or forward-mode differentiation is active"
    if targets.needs_grad():
        return "something other than the logits needs a gradient"
    return _missing() or misfit(logits, targets)


def _exporting() -> bool:
    """Older torch cannot tell; there the formula is compiled."""
    return not hasattr(torch.compiler, "is_exporting") or torch.compiler.is_exporting()


def _missing() -> str:
    opened = load()
    return opened.reason if isinstance(opened, Missing) else ""


# What torch.compiler.assume_constant_result does, which loads the whole compiler to do it.
_missing._dynamo_marked_constant = True  # type: ignore[attr-defined]


def row_losses(logits: Tensor, targets: SoftTargets) -> Tensor:
    """m·lse(z) − ⟨q, z⟩ for each row, in float32 for half inputs: (N, K, d1, …) → (N, d1, …)."""
    amounts = [_as_tensor(amount) for amount in (targets.on_label, targets.on_background, targets.on_given)]
    losses: Tensor = _row_losses(logits, *amounts, *[getattr(targets, name) for name in _FIELDS[3:]])
    return losses


def total(logits: Tensor, targets: SoftTargets, divisor: float) -> Tensor:
    """The sum of the row losses over `divisor`."""
    return ordered(row_losses(logits, targets), divisor)


def _as_tensor(amount: Amount) -> Tensor:
    """A number times 1: `torch.full` would have the graph compiled anew for each number."""
    return amount if isinstance(amount, Tensor) else torch.ones((), dtype=torch.float64) * amount


_PARAMETERS = (
    "Tensor on_label, Tensor on_background, Tensor on_given, Tensor? labels, Tensor? background, Tensor? given, "
    "Tensor? class_weight, Tensor? keep, Tensor? class_mask, str spread, float? mask_below"
)
_FIELDS = tuple(parameter.split()[1] for parameter in _PARAMETERS.split(", "))


def _targets(values: Iterable[Any]) -> SoftTargets:
    return SoftTargets(**dict(zip(_FIELDS, values, strict=True)))


def _losses(logits: Tensor, *values: Any) -> Tensor:
    return native_cpu._losses(logits.resolve_neg(), _targets(values))


def _gradients(logits: Tensor, upstream: Tensor, *values: Any) -> Tensor:
    return native_cpu._gradient(logits.resolve_neg(), _targets(values), upstream)


def _operator(name: str, parameters: str, computes: Callable[..., Tensor]) -> library.CustomOpDef:
    schema = f"({parameters}, {_PARAMETERS}) -> Tensor"
    return library.custom_op(f"labelsmooth::{name}", computes, mutates_args=(), device_types="cpu", schema=schema)


_row_losses = _operator("row_losses", "Tensor logits", _losses)
_row_gradients = _operator("row_gradients", "Tensor logits, Tensor upstream", _gradients)


@_row_losses.register_fake
def _like_rows(logits: Tensor, *values: Any) -> Tensor:
    return logits.new_empty(native_cpu._rows(logits), dtype=native_cpu._loss_dtype(logits))


@_row_gradients.register_fake
def _like_logits(logits: Tensor, *others: Any) -> Tensor:
    return torch.empty_like(logits)


def _remember(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    *tensors, ctx.spread, ctx.mask_below = inputs
    ctx.save_for_backward(*tensors)


def _backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
    logits, *values = ctx.saved_tensors
    return (_row_gradients(logits, upstream, *values, ctx.spread, ctx.mask_below), *[None] * len(_FIELDS))


_row_losses.register_autograd(_backward, setup_context=_remember)
