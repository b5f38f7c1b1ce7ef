"""Questions whose stated answer is compared with what the library computes, and the other things a learner holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

LEVELS = ("easy", "medium", "hard")


@dataclass(frozen=True)
class Option:
    """One possible answer, and the computation that says whether it holds."""

    text: str
    holds: Callable[[], bool]


@dataclass(frozen=True)
class Question:
    """A question with one right answer: `answer` is the position stated by hand, `computed` the one that is found."""

    ask: str
    options: tuple[Option, ...]
    answer: int
    solution: str
    hint: str = ""
    mistakes: str = ""
    level: str = "easy"

    def computed(self) -> int:
        """The position of the only option that holds; raises RuntimeError when none or several do."""
        holding = [place for place, option in enumerate(self.options) if option.holds()]
        if len(holding) != 1:
            raise RuntimeError(f"{self.ask!r}: options {holding} hold, and exactly one should")
        return holding[0]

    def checked(self) -> int:
        """The right position; raises RuntimeError when the stated and the computed one differ."""
        found = self.computed()
        if found != self.answer:
            raise RuntimeError(f"{self.ask!r}: the stated answer is {self.answer}, the computed one {found}")
        return found


@dataclass(frozen=True)
class Card:
    """A flash card."""

    level: str
    front: str
    back: str


@dataclass(frozen=True)
class Prompt:
    """Something to explain in one's own words, and the concepts that a good answer holds."""

    ask: str
    concepts: tuple[str, ...]


@dataclass(frozen=True)
class Myth:
    """What is often said, what is so, and the measurement that settles it."""

    claim: str
    truth: str
    evidence: str


def numbers(
    found: Callable[[], float], *texts: str, tolerance: float | None = None, unit: str = ""
) -> tuple[Option, ...]:
    """Numbers to choose from: the one that `found()` rounds to, or is within `tolerance` of, holds."""
    return tuple(Option(text + unit, _near(found, text, tolerance)) for text in texts)


def _near(found: Callable[[], float], text: str, tolerance: float | None) -> Callable[[], bool]:
    wanted = float(text.replace("−", "-").replace("∞", "inf").replace("\u202f", ""))
    decimals = len(text.partition(".")[2])
    allowed = 0.5000001 * 10.0**-decimals if tolerance is None else tolerance
    return lambda: found() == wanted or abs(found() - wanted) <= allowed
