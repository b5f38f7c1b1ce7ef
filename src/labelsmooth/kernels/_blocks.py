"""One block of rows without autograd: in the common form, or else with q written out."""

from __future__ import annotations

from torch import Tensor

from ..targets import SoftTargets
from . import _common, _written


def losses(z: Tensor, targets: SoftTargets) -> Tensor:
    """(n, 1, d1, …)."""
    if _common.takes(z, targets):
        found = _common.find(z, _common.common(targets, z))
        if found is not None:
            return drop(found.loss, targets)
    return drop(_written.find(_written.write(z, targets)).loss, targets)


def losses_and_gradient(z: Tensor, targets: SoftTargets) -> tuple[Tensor, Tensor]:
    """The losses, (n, 1, d1, …), and m·p − q, (n, K, d1, …)."""
    if _common.takes(z, targets):
        q = _common.common(targets, z)
        found = _common.find(z, q)
        if found is not None:
            return drop(found.loss, targets), drop(_common.gradient(found, q), targets)
    written = _written.write(z, targets)
    of_rows = _written.find(written)
    return drop(of_rows.loss, targets), drop(_written.gradient(written, of_rows), targets)


def total_and_gradient(z: Tensor, targets: SoftTargets) -> tuple[float, Tensor]:
    """The sum of the losses, and m·p − q."""
    if _common.takes(z, targets) and targets.keep is None:
        q = _common.common(targets, z)
        found = _common.total(z, q)
        if found is not None:
            return found
    of_rows, gradient = losses_and_gradient(z, targets)
    return of_rows.sum().item(), gradient


def drop(x: Tensor, targets: SoftTargets) -> Tensor:
    """0 in the rows that do not count, whatever is there."""
    return x if targets.keep is None else x.masked_fill_(~targets.keep.unsqueeze(1), 0)
