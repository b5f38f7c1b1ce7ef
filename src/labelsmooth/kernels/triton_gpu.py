"""One Triton kernel a direction for CUDA tensors: the logits are read twice and the gradient is written once.

Of each row forward keeps six numbers. ε and all factors travel as values, so that a schedule compiles once; nothing
waits for the device and nothing is allocated by value, so that a CUDA graph can hold forward and backward; no input is
written. With TRITON_INTERPRET=1 set before Triton is loaded the same code runs on CPU tensors, slowly, for tests.
"""

from __future__ import annotations

import os
from functools import cache
from importlib.util import find_spec
from math import inf
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..targets import Amount, SoftTargets
from . import portable
from ._sums import ordered

KEPT = 6
"""Numbers that forward keeps of each row."""

TILE = 2048
"""Logits that a program holds at once where rows are short or classes lie apart."""

LONGEST = 4096
"""Classes that a program holds at once of one long row."""


def refuses(logits: Tensor, targets: SoftTargets) -> str | None:
    """Say why another kernel must be used, or None."""
    if logits.device.type != "cuda" and not (logits.device.type == "cpu" and interpreted()):
        return f"the logits are on {logits.device.type}; this kernel is for CUDA"
    reason = portable.refuses(logits, targets)
    if reason is not None:
        return reason
    reason = next((fault for name, x in targets.tensors().items() if (fault := _fault(name, x, logits))), None)
    if reason is not None:
        return reason
    return "the logits are a negated view" if logits.is_neg() else _without_triton()


def _fault(name: str, x: Tensor, logits: Tensor) -> str | None:
    if x.device != logits.device and not (x.ndim == 0 and x.device.type == "cpu"):
        return f"{name} is on {x.device} and the logits are on {logits.device}"
    if name.startswith("on_") and x.ndim not in (0, logits.ndim - 1):
        return f"{name} is given for each class of each row"
    return None


@cache
def _without_triton() -> str | None:
    if find_spec("triton") is None:
        return "Triton is not installed; torch for CUDA brings it on Linux: pip install triton"
    return None


def interpreted() -> bool:
    """Whether Triton runs its kernels in Python, on the CPU."""
    return os.environ.get("TRITON_INTERPRET", "0") in ("1", "true", "True")


def row_losses(logits: Tensor, targets: SoftTargets) -> Tensor:
    """m·lse(z) − ⟨q, z⟩ for each row, in float32 for half inputs: (N, K, d1, …) → (N, d1, …)."""
    if not (logits.requires_grad and torch.is_grad_enabled()):
        return _forward(logits, targets)[0]
    losses: Tensor = _Rows.apply(logits, targets)
    return losses


def total(logits: Tensor, targets: SoftTargets, divisor: float) -> Tensor:
    """The sum of the row losses over `divisor`."""
    return ordered(row_losses(logits, targets), divisor)


def overwrite(logits: Tensor, targets: SoftTargets) -> Tensor:
    """Row losses (N, d1, …); the logits become their gradient m·p − q in place, without autograd."""
    losses, found = _forward(logits, targets)
    gradient = _backward(logits, found, targets, found.new_ones(()).expand(targets.row_shape()), in_place=True)
    if gradient.data_ptr() != logits.data_ptr():  # the logits had no view as (N, K, D)
        logits.copy_(gradient)
    return losses


class _Rows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, targets: SoftTargets) -> Tensor:
        losses, found = _forward(logits, targets)
        portable._remember(ctx, logits, found, targets)
        return losses

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        logits, found, targets = portable._recall(ctx)
        if torch.is_grad_enabled():
            return portable._differentiable(logits, targets, upstream), None
        if torch._C._functorch.is_legacy_batchedtensor(upstream):  # is_grads_batched=True
            of_ones = _backward(logits, found, targets, found.new_ones(targets.row_shape()))
            return _kept((of_ones * upstream.unsqueeze(1)).to(logits.dtype), targets), None
        return _backward(logits, found, targets, upstream), None


def _forward(logits: Tensor, targets: SoftTargets) -> tuple[Tensor, Tensor]:
    """Row losses, and (KEPT, rows) of what backward needs."""
    from ._triton_forward import forward

    call = _Call(logits, targets)
    losses = torch.empty(targets.row_shape(), dtype=call.dtype, device=logits.device)
    found = torch.empty((KEPT, call.rows), dtype=call.dtype, device=logits.device)
    amounts = (_amount(x, targets) for x in (targets.on_label, targets.on_background, targets.on_given))
    with torch.cuda.device_of(logits):
        forward[call.grid](
            *call.logits, *(part for amount in amounts for part in amount), *call.target, losses, found, **call.options
        )
    return losses, found


def _backward(
    logits: Tensor, found: Tensor, targets: SoftTargets, upstream: Tensor, *, in_place: bool = False
) -> Tensor:
    """The gradient; a program has read a tile before it writes it, so the logits' own memory can take it."""
    from ._triton_backward import backward

    call = _Call(logits, targets)
    gradient, up = call.z if in_place else torch.empty_like(call.z), _per_row(upstream)
    written = (gradient, *gradient.stride())
    with torch.cuda.device_of(logits):
        backward[call.grid](*call.logits, *call.target, found, up.data, up.stride, *written, **call.options)
    return gradient.view(logits.shape)


class _Strided(NamedTuple):
    """A tensor with a class dimension as (N, K, D): its data, and its strides; None and zeros for none."""

    data: Tensor | None = None
    sample: int = 0
    classes: int = 0
    place: int = 0

    @classmethod
    def of(cls, x: Tensor | None) -> _Strided:
        if x is None:
            return cls()
        x = x.detach().flatten(2) if x.ndim > 2 else x.detach().unsqueeze(2)
        return cls(x.view(torch.uint8) if x.dtype == torch.bool else x, *x.stride())


class _PerRow(NamedTuple):
    """One number a row in a flat tensor, or one for all at stride 0."""

    data: Tensor
    stride: int


class _Call:
    """The arguments that forward and backward share."""

    def __init__(self, logits: Tensor, targets: SoftTargets) -> None:
        z = _Strided.of(logits)
        self.z: Tensor = z.data  # type: ignore[assignment]
        K, shape = logits.shape[1], targets.row_shape()
        self.rows, self.dtype = shape.numel(), _wide(logits)
        BLOCK_R, BLOCK_K = tile(K, z)
        self.grid = (-(-self.rows // BLOCK_R),)
        keep = None if targets.keep is None else _flat(targets.keep).view(torch.uint8)
        labels = None if targets.labels is None else _flat(targets.labels)
        weight = None if targets.class_weight is None else targets.class_weight.contiguous()
        self.logits = (*z, self.rows, self.rows // shape[0], K, labels, keep, weight)
        self.target = (*_background(targets), *_Strided.of(targets.given), *_mask(targets), _below(targets, self.dtype))
        self.options = {
            "SPREAD": targets.spread,
            "BELOW": targets.mask_below is not None,
            "WIDE": _in_triton(self.dtype),
            "EXACT": logits.dtype == torch.float32,
            "ACC": _in_triton(self.dtype if K <= BLOCK_K else torch.float64),
            "BLOCK_R": BLOCK_R,
            "BLOCK_K": BLOCK_K,
            "num_warps": 8 if BLOCK_R * BLOCK_K > TILE else 4,
        }


def tile(K: int, z: _Strided) -> tuple[int, int]:
    """Rows and classes that one program holds: a row at a time where classes are neighbours and many."""
    if K > 1 and z.classes > z.place > 0:  # neighbouring rows lie together in memory, as in a map of class scores
        classes = min(_power_of_two(K), 32)
        return TILE // classes, classes
    classes = min(_power_of_two(K), LONGEST)
    return max(1, TILE // max(classes, 16)), classes


def _power_of_two(n: int) -> int:
    return 1 << (n - 1).bit_length()


def _wide(logits: Tensor) -> torch.dtype:
    return torch.float32 if logits.itemsize < 4 else logits.dtype


def _in_triton(dtype: torch.dtype) -> Any:
    import triton.language as tl

    return tl.float64 if dtype == torch.float64 else tl.float32


def _amount(amount: Amount, targets: SoftTargets) -> tuple[float, Tensor | None, int]:
    """A number, or a tensor of one number a row and its stride."""
    if not isinstance(amount, Tensor):
        return float(amount), None, 0
    if amount.device.type == "cpu" and amount.ndim == 0:
        return amount.item(), None, 0
    shape = targets.row_shape()
    return 0.0, *_per_row(amount.detach() if amount.shape == shape else amount.detach().expand(shape))


def _per_row(x: Tensor) -> _PerRow:
    """Flat, without writing out what is the same for all rows."""
    if not any(x.stride()):
        return _PerRow(x.as_strided((1,), (1,)), 0)
    return _PerRow(_flat(x), 1)


def _flat(x: Tensor) -> Tensor:
    """Row by row, neighbours in memory."""
    return x.reshape(-1).contiguous()


def _background(targets: SoftTargets) -> _Strided:
    """For a row of a table its stride stands where that of the samples stands else."""
    table = targets.background
    if targets.spread == "shared":
        return _Strided(table, 0, table.stride(0), 0)  # type: ignore[union-attr]
    if targets.spread == "by_class":
        of_row, of_class = table.stride()  # type: ignore[union-attr]
        return _Strided(table, of_row, of_class, 0)
    return _Strided.of(table if targets.spread == "by_row" else None)


def _mask(targets: SoftTargets) -> _Strided:
    mask = targets.class_mask
    if mask is not None and mask.ndim == 1:
        return _Strided(mask.view(torch.uint8), 0, mask.stride(0), 0)
    return _Strided.of(mask)


def _below(targets: SoftTargets, dtype: torch.dtype) -> float:
    """The least number of `dtype` that is not under `mask_below`: logits are under the one when under the other."""
    if targets.mask_below is None:
        return 0.0
    near = torch.tensor(targets.mask_below, dtype=torch.float64).to(dtype)
    if near.item() < targets.mask_below:
        near = torch.nextafter(near, torch.tensor(inf, dtype=dtype))
    return near.item()


def _kept(gradient: Tensor, targets: SoftTargets) -> Tensor:
    """0 in the rows that do not count, whatever is there."""
    return gradient if targets.keep is None else gradient.masked_fill_(~targets.keep.unsqueeze(1), 0)
