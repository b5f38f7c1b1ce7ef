"""One measure over the epochs, one line a method."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ..._web.svg import Scale, coordinate, element, figure, label, line, tick_text
from .._format import fixed
from .._read import present

_WIDTH, _HEIGHT = 380, 250
_LEFT, _RIGHT, _TOP, _BASE = 48, 372, 10, 218
_ROOM = 6  # beside the plot, so that a mark on its edge is whole
_POINTS = 160  # per line: more cannot be told apart at this width


@dataclass(frozen=True)
class Series:
    """One line: its epochs and values, the style class it wears, and the epoch to mark with a dot."""

    epochs: list[float]
    values: list[float | None]
    style: str
    mark: float | None = None


@dataclass(frozen=True)
class Axis:
    """How a measure is drawn: from zero, with a line at zero, or in powers of ten where it spans them."""

    zero: bool = False
    may_log: bool = False
    ceiling: float | None = None


def thinned(epochs: Sequence[float], values: Sequence[float | None]) -> tuple[list[float], list[float | None]]:
    """Return at most `_POINTS` points, first and last among them."""
    size = min(len(epochs), len(values))
    if size <= _POINTS:
        return list(epochs[:size]), list(values[:size])
    kept = sorted({round(index * (size - 1) / (_POINTS - 1)) for index in range(_POINTS)})
    return [epochs[i] for i in kept], [values[i] for i in kept]


def _settled(every: list[Series]) -> list[float]:
    """Return the values after the first tenth of the epochs, in which a net has learned nothing yet."""
    return [v for s in every for v in present(s.values[len(s.values) // 10 :])]


def y_scale(every: list[Series], axis: Axis) -> Scale:
    """Return the vertical scale; what lies outside (the first epochs of a measure not drawn from zero) is cut off."""
    values = [v for s in every for v in present(s.values)]
    if axis.may_log and min(values) > 0 and max(values) / min(values) > 8:
        return Scale(min(values) / 1.1, max(values) * 1.1, _BASE, _TOP, log=True)
    values = values if axis.zero else _settled(every) or values
    low, high = min(values), max(values)
    low, high = (min(low, 0.0), max(high, 0.0)) if axis.zero else (low, high)
    pad = 0.06 * (high - low) or max(abs(high) * 0.05, 1e-3)
    top = high + pad if axis.ceiling is None else min(high + pad, axis.ceiling)
    return Scale(low if axis.zero and low == 0 else low - pad, top, _BASE, _TOP)


def _runs(xs: list[float], ys: list[float | None], x: Scale, y: Scale) -> list[str]:
    """Return the point lists of the unbroken pieces of a line: a missing value leaves a gap."""
    pieces: list[list[str]] = [[]]
    for across, up in zip(xs, ys, strict=True):
        if up is None:
            pieces.append([])
        else:
            pieces[-1].append(f"{coordinate(x(across) - _LEFT + _ROOM)},{coordinate(y(up) - _TOP)}")
    return [" ".join(piece) for piece in pieces if piece]


def _line(series: Series, x: Scale, y: Scale) -> Markup:
    xs, ys = thinned(series.epochs, series.values)
    pieces = [element("polyline", points=points) for points in _runs(xs, ys, x, y)]
    return element("g", *pieces, _mark(series, x, y), class_=f"ls-curve {series.style}")


def _mark(series: Series, x: Scale, y: Scale) -> Markup:
    known = [(e, v) for e, v in zip(series.epochs, series.values, strict=False) if v is not None]
    if series.mark is None or not known:
        return Markup("")
    wanted = series.mark
    epoch, value = min(known, key=lambda point: abs(point[0] - wanted))
    return element("circle", cx=x(epoch) - _LEFT + _ROOM, cy=y(value) - _TOP, r=4.5)


def _frame(x: Scale, y: Scale, axis: Axis) -> Markup:
    parts = []
    for tick in y.ticks(5):
        parts.append(line(_LEFT, y(tick), _RIGHT, y(tick), "ls-grid"))
        parts.append(label(_LEFT - 7.0, y(tick) + 4, tick_text(tick), "end"))
    if axis.zero and y.low < 0:
        parts.append(line(_LEFT, y(0.0), _RIGHT, y(0.0), "ls-axis"))
    for tick in x.ticks(6):
        if tick == math.floor(tick):
            parts.append(label(x(tick), _BASE + 17.0, tick_text(tick), "end" if x(tick) > _RIGHT - 8 else "middle"))
    parts.append(label(_RIGHT, _HEIGHT - 1.0, "epoch", "end", "ls-axis-name"))
    return Markup("").join(parts)


def draw(name: str, every: list[Series], axis: Axis) -> Markup | None:
    """Return the panel of one measure, or None when no method has it."""
    shown = [series for series in every if present(series.values)]
    if not shown:
        return None
    epochs = [epoch for series in shown for epoch in series.epochs]
    x, y = Scale(min(epochs), max(epochs), _LEFT, _RIGHT), y_scale(shown, axis)
    # a nested <svg> cuts its content off at its edge without a clip path, whose id would have to be unique on the page
    width, height = _RIGHT - _LEFT + 2 * _ROOM, _BASE - _TOP
    lines = (_line(series, x, y) for series in shown)
    inside = element("svg", *lines, x=_LEFT - _ROOM, y=_TOP, width=width, height=height)
    last = [present(series.values)[-1] for series in shown]
    ends = f"at the last epoch between {fixed(min(last), 3)} and {fixed(max(last), 3)}"
    text = f"{name} by epoch, {len(shown)} methods; {ends}"
    return figure(_WIDTH, _HEIGHT, text, _frame(x, y, axis), inside)
