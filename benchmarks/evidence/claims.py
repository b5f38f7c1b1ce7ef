"""A direction that is claimed, and whether its seeds show it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from labelsmooth.calibration import mean_interval

FOUND, UNPROVEN, NOT_FOUND = "found", "unproven", "not found"


@dataclass(frozen=True)
class Claim:
    """A difference, seed by seed, that is claimed to be above 0; with `within`, to lie between −within and within."""

    text: str
    values: Sequence[float]
    within: float | None = None

    def interval(self) -> tuple[float, float, float]:
        """The mean over seeds and its 95 % interval by Student's t."""
        return spread(self.values)

    def verdict(self) -> str:
        """found: the whole interval says so; not found: the whole interval says otherwise; unproven: neither."""
        _, lower, upper = self.interval()
        if self.within is None:
            return FOUND if lower > 0 else NOT_FOUND if upper < 0 else UNPROVEN
        if -self.within < lower and upper < self.within:
            return FOUND
        return NOT_FOUND if lower > self.within or upper < -self.within else UNPROVEN


@dataclass(frozen=True)
class Measured:
    """What a statement measured: a table of figures (row, column → one value a seed), claims, and what to draw."""

    columns: Sequence[str]
    rows: dict[str, Sequence[Sequence[float]]]
    claims: Sequence[Claim]
    draw: Callable[[Any], None]
    notes: Sequence[str] = field(default_factory=tuple)


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """The mean over seeds and its 95 % interval; where all seeds agree to the last bit, that value three times."""
    array = np.asarray(values, dtype=np.float64)
    if np.ptp(array) == 0:
        return float(array[0]), float(array[0]), float(array[0])
    found = mean_interval(array)
    return found.value, found.lower, found.upper
