"""What is searched, and between which values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..._checks import UsageError

SMOOTHING = "smoothing"
BESIDE = ("learning_rate", "weight_decay", "dropout")
_IN_POWERS = ("learning_rate", "weight_decay")
_SMALLEST = 0.01


@dataclass(frozen=True)
class Range:
    """Values from `low` to `high`; `in_powers` where equal factors count alike, rather than equal steps."""

    low: float
    high: float
    in_powers: bool = False

    def clipped(self, value: float) -> float:
        """The value, or the end that is nearest to it."""
        return min(max(value, self.low), self.high)

    def middle(self) -> float:
        """Half way; of powers, the geometric mean."""
        return math.sqrt(self.low * self.high) if self.in_powers else (self.low + self.high) / 2

    def end(self, value: float, share: float = 0.02) -> str:
        """ "lower" or "upper" where the value is within that share of the range from an end, else ""."""
        low, high, at = map(math.log, (self.low, self.high, value)) if self.in_powers else (self.low, self.high, value)
        place = (at - low) / (high - low)
        return "lower" if place <= share else "upper" if place >= 1 - share else ""

    def __str__(self) -> str:
        return f"{self.low:g}:{self.high:g}"


@dataclass(frozen=True)
class Space:
    """The schemes, the range of the amount (from 0, which is hard labels), and the ranges of what is searched beside.

    >>> str(Space.parse(["smoothing=0:0.5", "dropout=0:0.3"], ["uniform"]))
    'smoothing=0:0.5 dropout=0:0.3'
    """

    schemes: tuple[str, ...]
    smoothing: Range
    beside: tuple[tuple[str, Range], ...] = ()

    @classmethod
    def parse(cls, words: Sequence[str], schemes: Sequence[str]) -> Space:
        """From NAME=LOW:HIGH; the amount goes from 0 to 0.4 where nothing is said. Raises UsageError."""
        found: dict[str, Range] = {}
        for word in words:
            name, known = _named(word)
            if name in found:
                raise UsageError(f"--search names {name} twice; give each range once")
            found[name] = known
        smoothing = found.pop(SMOOTHING, Range(0.0, 0.4))
        return cls(tuple(schemes), smoothing, tuple((name, found[name]) for name in BESIDE if name in found))

    def dimensions(self, family: str) -> dict[str, Range | tuple[str, ...]]:
        """What candidates of a family ("hard" or "smooth") differ in; amounts start at a hundredth of the largest."""
        beside: dict[str, Range | tuple[str, ...]] = dict(self.beside)
        if family == "hard":
            return beside
        amounts = Range(self.smoothing.high * _SMALLEST, self.smoothing.high)
        return {"scheme": self.schemes, SMOOTHING: amounts, **beside}

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        ranges = {SMOOTHING: self.smoothing, **dict(self.beside)}
        return {"scheme": list(self.schemes), **{name: [each.low, each.high] for name, each in ranges.items()}}

    def __str__(self) -> str:
        return " ".join(f"{name}={each}" for name, each in ((SMOOTHING, self.smoothing), *self.beside))


def _named(word: str) -> tuple[str, Range]:
    name, _, ends = word.partition("=")
    if name not in (SMOOTHING, *BESIDE):
        raise UsageError(
            f"--search {word!r}: there is no {name!r} to search; there are {', '.join((SMOOTHING, *BESIDE))}"
        )
    found = _checked(name, _range(word, ends), word)
    return name, replace(found, in_powers=name in _IN_POWERS and found.low > 0)


def _range(word: str, ends: str) -> Range:
    low, colon, high = ends.partition(":")
    try:
        found = Range(float(low), float(high))
    except ValueError:
        found = Range(math.nan, math.nan)
    if not (colon and found.low < found.high and math.isfinite(found.high - found.low)):
        raise UsageError(f"--search takes NAME=LOW:HIGH with LOW below HIGH, such as smoothing=0:0.4; got {word!r}")
    return found


def _checked(name: str, found: Range, word: str) -> Range:
    if name == SMOOTHING and found.low != 0:
        raise UsageError(
            f"--search {word!r} leaves out 0: hard labels are always a candidate, so the amount is searched from 0; "
            f"give smoothing=0:{found.high:g}"
        )
    allowed = {
        SMOOTHING: "0 to 1",
        "dropout": "0 to less than 1",
        "learning_rate": "above 0",
        "weight_decay": "0 or more",
    }
    most = {SMOOTHING: found.high <= 1, "dropout": found.high < 1}.get(name, True)
    least = found.low > 0 if name == "learning_rate" else found.low >= 0
    if not (most and least):
        raise UsageError(f"--search {word!r}: values of {name} are {allowed[name]}")
    return found
