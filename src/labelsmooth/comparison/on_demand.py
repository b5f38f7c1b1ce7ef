"""Predictions that are read when they are asked for, so that some can be read a second time without keeping any."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import final, overload

from ..predictions import Predictions


@final
class OnDemand(Sequence[Predictions]):
    """A sequence that calls the i-th of `loads` for its i-th member, each time anew."""

    def __init__(self, loads: Sequence[Callable[[], Predictions]]) -> None:
        self._loads = loads

    def __len__(self) -> int:
        return len(self._loads)

    @overload
    def __getitem__(self, index: int) -> Predictions: ...
    @overload
    def __getitem__(self, index: slice) -> OnDemand: ...
    def __getitem__(self, index: int | slice) -> Predictions | OnDemand:
        return OnDemand(self._loads[index]) if isinstance(index, slice) else self._loads[index]()
