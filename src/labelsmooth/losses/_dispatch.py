"""Which kernel runs: the first that does not refuse, or the one that was asked for."""

from __future__ import annotations

from types import ModuleType

from torch import Tensor

from .. import _checks
from ..kernels import formula, native_cpu, native_operator, portable, triton_gpu
from ..targets import SoftTargets

ORDER = (native_cpu, native_operator, triton_gpu, portable, formula)


def name_of(kernel: ModuleType) -> str:
    """As `kernel=` takes it."""
    return kernel.__name__.rpartition(".")[2]


KERNELS: dict[str, ModuleType] = {name_of(kernel): kernel for kernel in ORDER}
NAMES = ("auto", *KERNELS)


def row_losses(logits: Tensor, targets: SoftTargets, kernel: str = "auto") -> Tensor:
    """m·lse(z) − ⟨q, z⟩ of each row."""
    losses: Tensor = chosen(logits, targets, kernel).row_losses(logits, targets)
    return losses


def total(logits: Tensor, targets: SoftTargets, divisor: float, kernel: str = "auto") -> Tensor:
    """The sum of the row losses over `divisor`."""
    loss: Tensor = chosen(logits, targets, kernel).total(logits, targets, divisor)
    return loss


def chosen(logits: Tensor, targets: SoftTargets, kernel: str = "auto") -> ModuleType:
    """The kernel that takes the call."""
    if kernel != "auto":
        return _asked_for(kernel, logits, targets)
    for candidate in ORDER[:-1]:
        if candidate.refuses(logits, targets) is None:
            return candidate
    return formula


def _asked_for(kernel: str, logits: Tensor, targets: SoftTargets) -> ModuleType:
    reason = KERNELS[_checks.one_of(kernel, NAMES, "kernel")].refuses(logits, targets)
    if reason is not None:
        raise ValueError(f"kernel={kernel!r} cannot take this call: {reason}; pass kernel='auto', which finds one")
    return KERNELS[kernel]


def overwrite(logits: Tensor, targets: SoftTargets, kernel: str = "auto") -> Tensor:
    """Row losses of logits that nobody else holds; the logits become their gradient m·p − q in place."""
    losses: Tensor = chosen(logits, targets, kernel).overwrite(logits, targets)
    return losses
