"""Scheduled: any scheme, with an amount that changes over steps or epochs."""

from __future__ import annotations

from collections.abc import Callable
from math import cos, pi
from typing import Any, final

import torch
from torch import Tensor

from .. import _checks
from ..targets import Amount, SoftTargets
from ._base import UNITS, Layer, Scheme
from ._modules import SchemeModule

SHAPES = ("linear", "cosine")
Shape = Callable[[int], float]


@final
class Scheduled(Scheme, SchemeModule):
    r"""A scheme whose amount is s(t)·ε, s going from `start` to `end` over the first `over` epochs or steps.

    s(t) = start + (end − start)·f(t/over), f(x) = x ("linear") or (1 − cos πx)/2 ("cosine"), x at most 1; or any
    function of t. The loss never counts by itself: call :meth:`advance` at the end of each epoch or step. The share s
    is a tensor, so that a compiled loss is not compiled again when it changes.

    Args:
        scheme: the scheme; its own amount is ε, whatever form it has.
        schedule: "linear", "cosine", or a function from t = 0, 1, … to s in [0, 1].
        over: epochs or steps from `start` to `end`; needed for "linear" and "cosine" alone.
        start, end: s at t = 0 and from t = `over` on, in [0, 1]. The defaults warm smoothing up; 1 and 0 end it.
        unit: "epoch" or "step": which calls of ``advance(unit)`` count.

    State (in the loss's ``state_dict``): position, the t that was reached.

    Raises:
        TypeError: something that is no scheme, a schedule that is neither name nor function.
        ValueError: an unknown schedule or unit, a missing `over`, a share outside [0, 1].

    Example:
        >>> from labelsmooth.schemes import Uniform
        >>> warm = Scheduled(Uniform(0.1), "linear", over=4)
        >>> for epoch in range(3):
        ...     warm.advance()
        >>> round(float(warm.amount), 4)
        0.075

    Source: Xu et al. 2020, Towards Understanding Label Smoothing (TSLA: smooth first, then stop).
    """

    needs = 'a scheme and a schedule: Scheduled(Uniform(amount), "linear", over=epochs)'

    share: Tensor
    position: Tensor

    def __init__(
        self,
        scheme: Scheme,
        schedule: str | Shape = "linear",
        *,
        over: int | None = None,
        start: float = 0.0,
        end: float = 1.0,
        unit: str = "epoch",
    ) -> None:
        SchemeModule.__init__(self)
        if not isinstance(scheme, Scheme):
            raise TypeError(f"Scheduled needs a scheme; got {scheme!r}. Wrap a number: Uniform({scheme!r})")
        self.scheme, self.schedule = scheme, schedule
        self.over, self.start, self.end = over, _checks.amount(start, "start"), _checks.amount(end, "end")
        self.unit = _checks.one_of(unit, UNITS, "unit")
        self.soft_targets, self.allow_negative = scheme.soft_targets, scheme.allow_negative
        _check_schedule(schedule, over)
        self._at = 0
        self.register_buffer("position", torch.zeros((), dtype=torch.int64))
        self.register_buffer("share", torch.tensor(self._share_at(0), dtype=torch.float64), persistent=False)

    @property
    def amount(self) -> Amount:
        """ε now: the scheme's own amount times the share reached."""
        return self.scheme.amount * self.share

    def __repr__(self) -> str:
        how = self.schedule if isinstance(self.schedule, str) else getattr(self.schedule, "__name__", "a function")
        return f"Scheduled({self.scheme!r}, {how}, {self.unit} {self._at}: ×{self._share_at(self._at):g})"

    def observe(self, logits: Tensor, labels: Tensor) -> None:
        """Let the scheme look at a training batch."""
        self.scheme.observe(logits, labels)

    def advance(self, unit: str = "epoch") -> None:
        """End an "epoch" or a "step": the schedule moves on if that is its unit, and the scheme inside is told."""
        self.scheme.advance(_checks.one_of(unit, UNITS, "unit"))
        if unit == self.unit:
            self._move_to(self._at + 1)

    def _move_to(self, position: int) -> None:
        self._at = position
        self.position.fill_(position)
        self.share.fill_(self._share_at(position))

    def _share_at(self, position: int) -> float:
        if callable(self.schedule):
            return _checks.amount(self.schedule(position), f"the schedule's share at {position}")
        x = min(position / (self.over or 1), 1.0)
        return self.start + (self.end - self.start) * (x if self.schedule == "linear" else (1 - cos(pi * x)) / 2)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        super()._load_from_state_dict(state_dict, prefix, *rest)
        self._move_to(int(self.position))

    def _layers(self, targets: SoftTargets, share: Amount) -> list[Layer]:
        return self.scheme._layers(targets, self.share * share)


def _check_schedule(schedule: Any, over: Any) -> None:
    if callable(schedule):
        return
    if not isinstance(schedule, str):
        raise TypeError(f"schedule must be one of {list(SHAPES)} or a function of the position; got {schedule!r}")
    _checks.one_of(schedule, SHAPES, "schedule")
    if isinstance(over, bool) or not isinstance(over, int) or over < 1:
        raise ValueError(
            f"over must be how many epochs or steps {schedule!r} takes, an int of at least 1; got {over!r}"
        )
