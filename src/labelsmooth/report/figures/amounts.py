"""One measure against the amount of smoothing, one mark a candidate, with its spread over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ..._web.svg import Scale, coordinate, element, figure, label, line, tick_text
from .._format import fixed, general

_WIDTH, _HEIGHT = 380, 250
_LEFT, _RIGHT, _TOP, _BASE = 48, 366, 10, 218
FLAT_STYLE, END_STYLE = "ls-zone ls-zone-flat", "ls-reference ls-dashed"


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


@dataclass(frozen=True)
class Region:
    """What was searched, from 0 to `high`; the flat part of it; whether the best lies at its upper end."""

    high: float
    flat: tuple[float, float] | None = None
    at_end: bool = False


def draw(name: str, marks: Sequence[Mark], region: Region, curves: Sequence[Sequence[Mark]] = ()) -> Markup | None:
    """Return the panel of one measure over the amounts that were searched, or None when no candidate has it.

    The amounts of the flat region lie on a band; marks of one curve are joined, in the style of its last.
    """
    if not marks:
        return None
    x = Scale(0.0, region.high, _LEFT + 8, _RIGHT - 6)
    y = _upright(marks)
    behind = [] if region.flat is None else [_band(x, region.flat)]
    end = [line(x(region.high), _TOP, x(region.high), _BASE, END_STYLE)] if region.at_end else []
    joined = [_joined(curve, x, y) for curve in curves if len(curve) > 1]
    best = min(marks, key=lambda mark: mark.mean), max(marks, key=lambda mark: mark.mean)
    ends = " and ".join(f"{fixed(mark.mean, 3)} at ε = {general(mark.amount)}" for mark in best)
    text = f"{name} against the amount of smoothing, {len(marks)} candidates; between {ends}"
    shown = [*behind, _frame(x, y, region.high), *end, *joined, *(_mark(mark, x, y) for mark in marks)]
    return figure(_WIDTH, _HEIGHT, text, *shown)


def _upright(marks: Sequence[Mark]) -> Scale:
    """From the lowest to the highest end of a spread, with a little room."""
    low, high = min(mark.mean - mark.sd for mark in marks), max(mark.mean + mark.sd for mark in marks)
    pad = 0.06 * (high - low) or max(abs(high) * 0.05, 1e-3)
    return Scale(low - pad, high + pad, _BASE, _TOP)


def _band(x: Scale, flat: tuple[float, float]) -> Markup:
    left, right = x(flat[0]) - 5, x(flat[1]) + 5
    return element("rect", x=left, y=_TOP, width=right - left, height=_BASE - _TOP, class_=FLAT_STYLE)


def _joined(marks: Sequence[Mark], x: Scale, y: Scale) -> Markup:
    points = " ".join(f"{_at(mark, x)},{coordinate(y(mark.mean))}" for mark in marks)
    return element("g", element("polyline", points=points), class_=f"ls-curve {marks[-1].style} ls-joined")


def _mark(mark: Mark, x: Scale, y: Scale) -> Markup:
    at, ends = _at(mark, x), (mark.mean - mark.sd, mark.mean + mark.sd)
    points = " ".join(f"{at},{coordinate(y(end))}" for end in ends)
    whisker = element("polyline", points=points)
    return element("g", whisker, element("circle", cx=at, cy=y(mark.mean), r=4.5), class_=f"ls-curve {mark.style}")


def _at(mark: Mark, x: Scale) -> str:
    return coordinate(x(mark.amount) + mark.aside)


def _frame(x: Scale, y: Scale, high: float) -> Markup:
    parts = []
    for tick in y.ticks(5):
        parts.append(line(_LEFT, y(tick), _RIGHT, y(tick), "ls-grid"))
        parts.append(label(_LEFT - 7.0, y(tick) + 4, tick_text(tick), "end"))
    for tick in Scale(0.0, high, 0.0, 1.0).ticks(5):
        parts.append(label(x(tick), _BASE + 17.0, tick_text(tick)))
    parts.append(label(_RIGHT, _HEIGHT - 1.0, "ε", "end", "ls-axis-name"))
    return Markup("").join(parts)
