"""A few strokes for inline SVG: elements whose text and attributes are always escaped, scales and ticks.

The figures carry classes, not colours; the style sheet gives them their colours in light and in dark. They hold
numbers and fixed words only: names of methods and classes stand beside them, in HTML, where they can wrap.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape


def coordinate(value: float) -> str:
    """Return a coordinate with two decimals at most: figures stay small."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def _attribute(name: str, value: Any) -> str:
    shown = coordinate(value) if isinstance(value, float) else str(escape(value))
    return f' {name.strip("_").replace("_", "-")}="{shown}"'


def element(name: str, *content: Any, **attributes: Any) -> Markup:
    """Return one element: `class_` becomes class, `text_anchor` text-anchor; content that is not Markup is escaped."""
    opened = "".join([_attribute(key, value) for key, value in attributes.items() if value is not None])
    inner = "".join([str(escape(part)) for part in content])
    return Markup(f"<{name}{opened}>{inner}</{name}>")


def share(value: float) -> str:
    """Return a position as a percentage of the figure's width, for figures that stretch."""
    return f"{coordinate(100 * value)}%"


def label(x: float | str, y: float, content: str, anchor: str = "middle", class_: str = "ls-tick") -> Markup:
    return element("text", content, x=x, y=y, text_anchor=anchor, class_=class_)


def line(x1: float | str, y1: float, x2: float | str, y2: float, class_: str) -> Markup:
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def figure(width: int, height: int, description: str, *content: Any) -> Markup:
    """Return a figure that scales with its column."""
    return element(
        "svg",
        element("title", description),
        *content,
        class_="ls-figure",
        viewBox=f"0 0 {width} {height}",
        role="img",
        aria_label=description,
    )


def stretched(height: int, description: str, *content: Any, class_: str = "ls-stretched") -> Markup:
    """Return a figure as wide as its column, in which text keeps its size (positions are percentages)."""
    return element("svg", *content, class_=class_, width="100%", height=height, role="img", aria_label=description)


@dataclass(frozen=True)
class Scale:
    """A straight or logarithmic map from [low, high] to [start, end]."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high, at = (
            (math.log(max(v, 1e-12)) for v in (self.low, self.high, value))
            if self.log
            else (self.low, self.high, value)
        )
        return self.start + (at - low) / ((high - low) or 1.0) * (self.end - self.start)

    def ticks(self, wanted: int = 5) -> list[float]:
        return log_ticks(self.low, self.high) if self.log else linear_ticks(self.low, self.high, wanted)


def linear_ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Return round numbers between `low` and `high`, about `wanted` of them.

    >>> linear_ticks(0.0, 0.23)
    [0.0, 0.05, 0.1, 0.15, 0.2]
    """
    if not high > low:
        return [low]
    raw = (high - low) / max(wanted, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{index * step:.12g}") for index in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Return 1, 2, 5 × powers of ten between `low` and `high` (the powers alone when there are many)."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors: Sequence[int] = (1, 2, 5) if len(powers) <= 4 else (1,)
    every = [float(f"{factor * 10.0**power:.12g}") for power in powers for factor in factors]
    return [tick for tick in every if low * 0.999 <= tick <= high * 1.001]


def tick_text(value: float) -> str:
    return f"{value:.6g}".replace("-", "−")
