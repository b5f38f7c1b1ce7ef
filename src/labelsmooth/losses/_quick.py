"""The everyday call, class indices and a number for ε, straight to the compiled kernel, which makes the checks itself.

A small batch spends its time between the user and the kernel: this way is half as long as the one for everything.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..kernels import native_cpu
from ..kernels._call import BY_ROWS, DTYPES, Divisor
from ..targets import SoftTargets
from ._options import Options

MEAN, SUM = Divisor(1.0, BY_ROWS), Divisor()


def takes(logits: Tensor, target: Tensor, options: Options) -> bool:
    """Whether options and shapes are plain; whatever is not goes the long way, and is refused there if it must be."""
    if not options.everyday or options.reduction == "none" or not isinstance(target, Tensor):
        return False
    if not isinstance(logits, Tensor) or logits.dtype not in DTYPES or logits.layout is not torch.strided:
        return False
    shape = logits.shape
    plain = target.dtype is torch.int64 and type(target) is Tensor and logits.ndim > 1
    return plain and target.ndim == logits.ndim - 1 and target.shape == (shape[0], *shape[2:])


def loss(logits: Tensor, target: Tensor, options: Options) -> Tensor | None:
    """The loss, or None where the compiled kernel does not take the call."""
    amount: float = options.label_smoothing  # type: ignore[assignment]
    divisor = MEAN if options.reduction == "mean" else SUM
    at_once = native_cpu.everyday(logits, target, amount, options.ignore_index, divisor)
    if at_once is not None:
        return at_once
    targets = _HARD.changed(
        labels=target,
        on_label=1 - amount,
        on_background=amount,
        spread="uniform" if amount else "none",
        num_classes=logits.shape[1],
        dtype=torch.float64 if logits.dtype is torch.float64 else torch.float32,
    )
    if native_cpu.refuses(logits, targets) is not None:
        return None
    return native_cpu.total(logits, targets, divisor, options.ignore_index)


_HARD = SoftTargets()
