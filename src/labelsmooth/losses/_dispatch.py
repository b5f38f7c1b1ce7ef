"""Which kernel runs: the first that does not refuse."""

from __future__ import annotations

from torch import Tensor

from ..kernels import formula, portable
from ..kernels._sums import ordered
from ..targets import SoftTargets

ORDER = (portable, formula)


def row_losses(logits: Tensor, targets: SoftTargets) -> Tensor:
    """m·lse(z) − ⟨q, z⟩ of each row by the first kernel that takes the call."""
    if portable.refuses(logits, targets) is None:
        return portable.row_losses(logits, targets)
    return formula.row_losses(logits, targets)


def total(logits: Tensor, targets: SoftTargets, divisor: float) -> Tensor:
    """The sum of the row losses over `divisor`."""
    if portable.refuses(logits, targets) is None:
        return portable.total(logits, targets, divisor)
    return ordered(formula.row_losses(logits, targets), divisor)


def overwrite(logits: Tensor, targets: SoftTargets) -> Tensor:
    """Row losses of logits that nobody else holds; the logits become their gradient m·p − q in place."""
    return portable.overwrite(logits, targets)
