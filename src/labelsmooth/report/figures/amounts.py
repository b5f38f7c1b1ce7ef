"""One measure against the amount of smoothing, one mark a candidate, with its spread over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ..._web.svg import Scale, coordinate, element, figure, label, line, tick_text
from .._format import fixed, general

_WIDTH, _HEIGHT = 380, 250
_LEFT, _RIGHT, _TOP, _BASE = 48, 366, 10, 218


@dataclass(frozen=True)
class Mark:
    """A candidate: its amount, the mean and standard deviation of the measure, and the style class it wears.

    `aside` moves it a little, so that schemes with the same amount stand beside each other.
    """

    amount: float
    mean: float
    sd: float
    style: str
    aside: float = 0.0


def draw(name: str, marks: Sequence[Mark], flat: tuple[float, float] | None, high: float) -> Markup | None:
    """Return the panel of one measure over amounts from 0 to `high`, or None when no candidate has it.

    The amounts of the flat region lie on a band.
    """
    if not marks:
        return None
    x = Scale(0.0, high, _LEFT + 8, _RIGHT - 6)
    y = _upright(marks)
    band = [] if flat is None else [_band(x, flat)]
    best = min(marks, key=lambda mark: mark.mean), max(marks, key=lambda mark: mark.mean)
    ends = " and ".join(f"{fixed(mark.mean, 3)} at ε = {general(mark.amount)}" for mark in best)
    text = f"{name} against the amount of smoothing, {len(marks)} candidates; between {ends}"
    return figure(_WIDTH, _HEIGHT, text, *band, _frame(x, y, high), *(_mark(mark, x, y) for mark in marks))


def _upright(marks: Sequence[Mark]) -> Scale:
    """From the lowest to the highest end of a spread, with a little room."""
    low, high = min(mark.mean - mark.sd for mark in marks), max(mark.mean + mark.sd for mark in marks)
    pad = 0.06 * (high - low) or max(abs(high) * 0.05, 1e-3)
    return Scale(low - pad, high + pad, _BASE, _TOP)


def _band(x: Scale, flat: tuple[float, float]) -> Markup:
    left, right = x(flat[0]) - 5, x(flat[1]) + 5
    return element("rect", x=left, y=_TOP, width=right - left, height=_BASE - _TOP, class_="ls-zone ls-zone-none")


def _mark(mark: Mark, x: Scale, y: Scale) -> Markup:
    at, ends = coordinate(x(mark.amount) + mark.aside), (mark.mean - mark.sd, mark.mean + mark.sd)
    points = " ".join(f"{at},{coordinate(y(end))}" for end in ends)
    whisker = element("polyline", points=points)
    return element("g", whisker, element("circle", cx=at, cy=y(mark.mean), r=4.5), class_=f"ls-curve {mark.style}")


def _frame(x: Scale, y: Scale, high: float) -> Markup:
    parts = []
    for tick in y.ticks(5):
        parts.append(line(_LEFT, y(tick), _RIGHT, y(tick), "ls-grid"))
        parts.append(label(_LEFT - 7.0, y(tick) + 4, tick_text(tick), "end"))
    for tick in Scale(0.0, high, 0.0, 1.0).ticks(5):
        parts.append(label(x(tick), _BASE + 17.0, tick_text(tick)))
    parts.append(label(_RIGHT, _HEIGHT - 1.0, "ε", "end", "ls-axis-name"))
    return Markup("").join(parts)
