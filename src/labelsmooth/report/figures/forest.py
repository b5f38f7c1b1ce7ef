"""One row of a forest plot: a difference with its interval, small enough for a table cell."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup

from ..._web.svg import Scale, element, label, line, share, stretched
from .._format import fixed

_HEIGHT, _MIDDLE = 26, 13


@dataclass(frozen=True)
class Difference:
    value: float
    lower: float
    upper: float


def domain(rows: Iterable[Difference], effect: float) -> tuple[float, float]:
    """Return one range for all rows; a row far worse than the others may leave it, so that they stay legible."""
    listed = list(rows)
    reach = _reach([max(abs(row.lower), abs(row.upper)) for row in listed], effect)
    low = max(-reach, min([0.0, *(row.lower for row in listed)]))
    high = min(reach, max([effect, *(row.upper for row in listed)]))
    pad = 0.06 * (high - low)
    return low - pad, high + pad


def _reach(sizes: list[float], effect: float) -> float:
    """Return how far the range goes: to the farthest row that is not more than four times as far as the middle one."""
    usual = 4 * sorted(sizes)[len(sizes) // 2] if sizes else 0.0
    return max([2 * effect, *(size for size in sizes if size <= usual), 1e-9])


def _arrow(towards: int) -> Markup:
    x, anchor, sign = ("0%", "start", "‹") if towards < 0 else ("100%", "end", "›")
    return label(x, _MIDDLE + 5, sign, anchor, "ls-value")


def draw(row: Difference, effect: float, low: float, high: float, role: str) -> Markup:
    """Return the picture of one row on the shared range; an arrow says that it goes on outside."""
    position = Scale(low, high, 0.0, 1.0)
    left, middle, right = (min(max(position(x), 0.0), 1.0) for x in (row.lower, row.value, row.upper))
    parts = [line(share(position(0.0)), 1, share(position(0.0)), _HEIGHT - 1, "ls-reference")]
    parts.append(line(share(position(effect)), 1, share(position(effect)), _HEIGHT - 1, "ls-reference ls-dashed"))
    if right > left:
        parts.append(line(share(left), _MIDDLE, share(right), _MIDDLE, f"ls-interval ls-thin ls-line-{role}"))
    if low <= row.value <= high:
        parts.append(element("circle", cx=share(middle), cy=_MIDDLE, r=4, class_=f"ls-dot-{role}"))
    parts += [_arrow(-1)] if row.lower < low else []
    parts += [_arrow(1)] if row.upper > high else []
    shown = f"{fixed(row.value)}, from {fixed(row.lower)} to {fixed(row.upper)}"
    return stretched(_HEIGHT, shown, *parts, class_="ls-cell-figure")
