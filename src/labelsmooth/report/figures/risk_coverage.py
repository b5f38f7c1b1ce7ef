"""The error rate of the rows that are answered, against how many are."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from ..._web.svg import Scale, coordinate, element, figure, label, line, tick_text
from .._format import percent
from .._read import present

_WIDTH, _HEIGHT = 380, 250
_LEFT, _RIGHT, _TOP, _BASE = 48, 372, 22, 210

_X = Scale(0.0, 1.0, _LEFT, _RIGHT)


def _frame(y: Scale) -> Markup:
    parts = []
    for tick in y.ticks(4):
        parts.append(line(_LEFT, y(tick), _RIGHT, y(tick), "ls-grid"))
        parts.append(label(_LEFT - 7.0, y(tick) + 4, tick_text(round(100 * tick, 6)) + "\u202f%", "end"))
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts.append(label(_X(tick), _BASE + 17.0, f"{100 * tick:.0f}\u202f%", "end" if tick == 1 else "middle"))
    parts.append(label(_RIGHT, _HEIGHT - 4.0, "rows answered, surest first", "end", "ls-axis-name"))
    parts.append(label(_LEFT - 1.0, _TOP - 9.0, "errors among them", "start", "ls-axis-name"))
    return Markup("").join(parts)


def _curve(coverage: list[float | None], risk: list[float | None], role: str, y: Scale) -> Markup:
    known = [(c, r) for c, r in zip(coverage, risk, strict=False) if c is not None and r is not None]
    points = " ".join(f"{coordinate(_X(c))},{coordinate(y(r))}" for c, r in known)
    return element("g", element("polyline", points=points), class_=f"ls-curve ls-s-{role}")


def draw(coverage: list[float | None], risks: Mapping[str, list[float | None]]) -> Markup | None:
    """Return both curves, or None without points."""
    shown = {role: risk for role, risk in risks.items() if present(risk)}
    if not shown or not present(coverage):
        return None
    highest = max(value for risk in shown.values() for value in present(risk))
    y = Scale(0.0, 1.05 * highest or 0.01, _BASE, _TOP)
    ends = ", ".join(f"{percent(present(risk)[-1])}" for risk in shown.values())
    text = f"Errors among the surest rows, by how many are answered; all rows: {ends}"
    return figure(_WIDTH, _HEIGHT, text, _frame(y), *(_curve(coverage, risk, role, y) for role, risk in shown.items()))
