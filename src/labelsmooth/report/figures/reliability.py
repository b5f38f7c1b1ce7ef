"""A reliability diagram over its confidence histogram."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from ..._web.svg import Scale, element, figure, label, line, tick_text
from .._format import count, fixed, percent
from .._read import number, numbers, present

_WIDTH, _HEIGHT = 380, 408
_LEFT, _RIGHT = 44, 368
_TOP, _BASE = 26, 300
_HISTOGRAM_TOP, _HISTOGRAM_BASE = 316, 372
_FEW = 10  # rows: the accuracy of fewer is drawn hollow, it is mostly chance

_X = Scale(0.0, 1.0, _LEFT, _RIGHT)
_Y = Scale(0.0, 1.0, _BASE, _TOP)


@dataclass(frozen=True)
class Bin:
    left: float
    right: float
    count: float
    confidence: float | None
    accuracy: float | None


def bins_of(panel: Mapping[str, Any]) -> list[Bin]:
    """Return the bins of one diagram; a bin without rows has neither confidence nor accuracy."""
    edges, counts = present(numbers(panel.get("edges"))), numbers(panel.get("count"))
    confidence, accuracy = numbers(panel.get("confidence")), numbers(panel.get("accuracy"))
    sizes = min(len(edges) - 1, len(counts), len(confidence), len(accuracy))
    return [Bin(edges[i], edges[i + 1], counts[i] or 0.0, confidence[i], accuracy[i]) for i in range(max(sizes, 0))]


def means(bins: list[Bin]) -> tuple[float, float] | None:
    """Return mean confidence and accuracy over all rows, or None without rows."""
    filled = [(b.count, b.confidence, b.accuracy) for b in bins if b.count > 0]
    known = [(n, c, a) for n, c, a in filled if c is not None and a is not None]
    total = sum(n for n, _, _ in known)
    return (sum(n * c for n, c, _ in known) / total, sum(n * a for n, _, a in known) / total) if total else None


def _grid() -> Markup:
    parts = []
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts.append(line(_LEFT, _Y(tick), _RIGHT, _Y(tick), "ls-grid"))
        parts.append(label(_LEFT - 7.0, _Y(tick) + 4, tick_text(tick), "end"))
        parts.append(label(_X(tick), _HISTOGRAM_BASE + 16, tick_text(tick), "end" if tick == 1 else "middle"))
    diagonal = line(_X(0.0), _Y(0.0), _X(1.0), _Y(1.0), "ls-diagonal")
    return Markup("").join(parts) + diagonal


def _description(b: Bin) -> str:
    rows = f"confidence {tick_text(round(b.left, 3))} to {tick_text(round(b.right, 3))}: {count(b.count)} rows"
    return f"{rows}, mean confidence {fixed(b.confidence, 3)}, accuracy {fixed(b.accuracy, 3)}"


def _bar(b: Bin, role: str) -> Markup:
    confidence, accuracy = number(b.confidence), number(b.accuracy)
    if b.count <= 0 or confidence is None or accuracy is None:
        return Markup("")
    few = " ls-few" if b.count < _FEW else ""
    x, width = _X(b.left) + 1, max(_X(b.right) - _X(b.left) - 2, 1.0)
    bar = element("rect", x=x, y=_Y(accuracy), width=width, height=_BASE - _Y(accuracy), class_=f"ls-bar-{role}{few}")
    top = line(x, _Y(accuracy), x + width, _Y(accuracy), f"ls-edge-{role}{few}")
    stem = line(_X(confidence), _Y(accuracy), _X(confidence), _Y(confidence), f"ls-stem{few}")
    dot = element("circle", cx=_X(confidence), cy=_Y(accuracy), r=4, class_=f"ls-dot-{role}{few}")
    return element("g", element("title", _description(b)), bar, top, stem, dot)


def _histogram(bins: list[Bin], role: str) -> Markup:
    total, largest = sum(b.count for b in bins), max((b.count for b in bins), default=0.0)
    if not total:
        return Markup("")
    height = Scale(0.0, largest, 0.0, _HISTOGRAM_BASE - _HISTOGRAM_TOP)
    bars = [
        element(
            "rect",
            element("title", _description(b)),
            x=_X(b.left) + 1,
            y=_HISTOGRAM_BASE - height(b.count),
            width=max(_X(b.right) - _X(b.left) - 2, 1.0),
            height=height(b.count),
            class_=f"ls-fill-{role}",
        )
        for b in bins
        if b.count > 0
    ]
    parts = [line(_LEFT, _HISTOGRAM_BASE, _RIGHT, _HISTOGRAM_BASE, "ls-axis"), *bars]
    parts.append(label(_LEFT - 7.0, _HISTOGRAM_TOP + 9, percent(largest / total, 0).replace(" ", "\u202f"), "end"))
    return Markup("").join(parts)


def draw(panel: Mapping[str, Any], role: str) -> Markup | None:
    """Return the diagram of one model before or after temperature, or None without bins."""
    bins = bins_of(panel)
    average = means(bins)
    if average is None:
        return None
    shown = f"Reliability diagram: mean confidence {fixed(average[0], 3)}, accuracy {fixed(average[1], 3)}"
    axis = [label(_RIGHT, _HEIGHT - 4.0, "confidence", "end", "ls-axis-name")]
    axis.append(label(_LEFT - 1.0, _TOP - 13.0, "accuracy", "start", "ls-axis-name"))
    return figure(_WIDTH, _HEIGHT, shown, _grid(), *(_bar(b, role) for b in bins), _histogram(bins, role), *axis)
