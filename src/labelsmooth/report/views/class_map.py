"""Each class bin by bin: where its probabilities are too high or too low."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._format import count, fixed, signed
from .._read import fields, items, number, numbers, present

_TITLES = {"hard": "H*, hard labels", "smooth": "S*, smoothed"}
_STRONGEST = 0.3  # a gap that gets the full colour
_FEW = 10  # rows: a gap of fewer is mostly chance, and is drawn pale


@dataclass(frozen=True)
class Cell:
    """One bin of one class: which way it is off, how strongly it is coloured (0 to 100), and the figures in words."""

    way: str
    strength: int
    told: str


@dataclass(frozen=True)
class Line:
    name: str
    cells: list[Cell]


@dataclass(frozen=True)
class Map:
    title: str
    role: str
    lines: list[Line]


def _cell(gap: float | None, rows: float | None, low: float, high: float) -> Cell:
    place = f"probability {fixed(low, 2)} to {fixed(high, 2)}"
    if gap is None or not rows:
        return Cell("none", 0, f"{place}: no rows")
    strength = round(100 * min(1.0, abs(gap) / _STRONGEST) * (1.0 if rows >= _FEW else 0.35))
    way = "over" if gap > 0 else "under"
    return Cell(way, strength, f"{place}: {count(rows)} rows, probability − frequency {signed(gap, 3)}")


def _line(name: str, gaps: Any, rows: Any, edges: list[float]) -> Line:
    pairs = zip(numbers(gaps), numbers(rows), edges, edges[1:], strict=False)
    return Line(name, [_cell(number(gap), number(size), low, high) for gap, size, low, high in pairs])


def view(found: dict[str, Any]) -> list[Map]:
    """Return one map for each of the pair; none without classes."""
    names, edges = [str(name) for name in items(found, "classes")], present(numbers(items(found, "edges")))
    maps = []
    for side, title in _TITLES.items():
        gaps, rows = items(fields(found, side), "gap"), items(fields(found, side), "count")
        lines = [_line(*each, edges) for each in zip(names, gaps, rows, strict=False)]
        if lines:
            maps.append(Map(title, side, lines))
    return maps
