"""One block of rows without autograd: in the common form, or else with q written out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import Tensor

from ..targets import SoftTargets
from . import _common, _written
from ._room import Room
from ._sums import ordered

Gradient = Callable[[], Tensor]
"""Gives m·p − q, (n, K, d1, …), 0 in rows that do not count; to be called once, before its room is used again."""


def losses(z: Tensor, targets: SoftTargets, room: Room) -> tuple[Tensor, Gradient]:
    """The losses, (n, 1, d1, …), and what gives their gradient."""
    if _common.takes(z, targets):
        q = _common.common(targets, z, room)
        found = _common.find(z, q, room)
        if found is not None:
            return found.loss, partial(_common.gradient, found, q)
    written = _written.write(z, targets)
    of_rows = _written.find(written)
    return drop(of_rows.loss, targets), lambda: drop(_written.gradient(written, of_rows), targets)


def total(z: Tensor, targets: SoftTargets, room: Room, at_once: bool) -> tuple[float, Gradient]:
    """The sum of the losses, and what gives the gradient; `at_once` for a small input on the CPU."""
    if at_once and _common.takes(z, targets):
        q = _common.common(targets, z, room)
        found = _common.total(z, q)
        if found is not None:
            return found[0], partial(_common.gradient, found[1], q)
    of_rows, gradient = losses(z, targets, room.again())
    return ordered(of_rows).item(), gradient


def drop(x: Tensor, targets: SoftTargets) -> Tensor:
    """0 in the rows that do not count, whatever is there."""
    return x if targets.keep is None else x.masked_fill_(~targets.keep.unsqueeze(1), 0)
