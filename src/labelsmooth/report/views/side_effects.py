"""Who pays for the average: classes, pairs of classes, ranking, conformal sets, H* against S*."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from .._format import count, decimals_for, fixed, percent, plural, signed
from .._read import Results, fields, items, number, number_at, numbers, words
from .._rows import chosen, metric
from ..figures.risk_coverage import draw
from . import class_map

SIDES = ("hard", "smooth")
_WORDS = {"better": "better", "worse": "worse", "noise": "within noise", "unknown": ""}
_METHODS = {"lac": "LAC", "aps": "APS, random"}


@dataclass(frozen=True)
class Change:
    """A difference S* − H* as text, with its interval where there is one and a word on it."""

    text: str
    interval: str = ""
    tone: str = "unknown"
    word: str = ""


@dataclass(frozen=True)
class ClassLine:
    name: str
    rows: str
    accuracy: tuple[str, str]
    change: Change
    nll: tuple[str, str]
    rise: str


@dataclass(frozen=True)
class PairLine:
    names: tuple[str, str]
    rows: str
    errors: tuple[str, str]
    change: str


@dataclass(frozen=True)
class SetLine:
    name: str
    coverage: tuple[str, str]
    size: tuple[str, str]
    change: str


@dataclass(frozen=True)
class SideEffects:
    classes: list[ClassLine]
    classes_note: str
    pairs: list[PairLine]
    pairs_note: str
    sets: list[SetLine]
    promised: str
    sets_rows: str
    risk: Markup | None
    risk_note: str
    maps: list[class_map.Map]


def _both(line: Any, *keys: str) -> list[float | None]:
    return [number_at(line, side, *keys) for side in SIDES]


def _points(values: list[float | None], places: int = 1) -> str:
    """Return the change of a share, in points."""
    hard, smooth = values
    return "–" if hard is None or smooth is None else f"{signed(100 * (smooth - hard), places)} points"


def _less(values: list[float | None], places: int) -> str:
    hard, smooth = values
    return "–" if hard is None or smooth is None else signed(smooth - hard, places)


def _change(line: Any) -> Change:
    """Return the change in accuracy; its word follows from whether the interval holds 0."""
    lower, upper = (number_at(line, "change", end) for end in ("lower", "upper"))
    text = _points(_both(line, "accuracy"))
    if lower is None or upper is None:
        return Change(text)
    tone = "worse" if upper < 0 else "better" if lower > 0 else "noise"
    return Change(text, f"[{signed(100 * lower, 1)}, {signed(100 * upper, 1)}]", tone, _WORDS[tone])


def _class_lines(lines: list[Any]) -> list[ClassLine]:
    places = decimals_for([value for line in lines for value in _both(line, "nll")])
    return [
        ClassLine(
            words(line, "class"),
            count(line.get("rows")),
            _texts(percent(each) for each in _both(line, "accuracy")),
            _change(line),
            _texts(fixed(each, places) for each in _both(line, "nll")),
            _less(_both(line, "nll"), places),
        )
        for line in lines
        if isinstance(line, dict)
    ]


def _texts(values: Any) -> tuple[str, str]:
    hard, smooth = values
    return hard, smooth


def _pair_lines(lines: list[Any]) -> list[PairLine]:
    found = []
    for line in lines:
        names = [str(name) for name in items(line, "classes")]
        if len(names) == len(SIDES):
            shares = [number_at(line, side) for side in SIDES]
            texts = _texts(percent(each) for each in shares)
            found.append(PairLine((names[0], names[1]), count(line.get("rows")), texts, _points(shares)))
    return found


def _set_lines(lines: list[Any]) -> list[SetLine]:
    return [
        SetLine(
            _METHODS.get(words(line, "method"), words(line, "method")),
            _texts(percent(each) for each in _both(line, "coverage")),
            _texts(fixed(each, 2) for each in _both(line, "size")),
            _less(_both(line, "size"), 2),
        )
        for line in lines
        if isinstance(line, dict)
    ]


def _left_out(total: Any, shown: int, what: str) -> str:
    known = number(total)
    return "" if known is None or known <= shown else f"The first {shown} of {count(known)} {what}."


def _risk_note(results: Results) -> str:
    """Return the areas under both curves."""
    rows = [chosen(results, side) for side in SIDES]
    areas = [None if row is None else metric(row, "after", "aurc") for row in rows]
    places = decimals_for(areas, low=4)
    return f"AURC: H* {fixed(areas[0], places)}, S* {fixed(areas[1], places)}; smaller is better."


def view(results: Results) -> SideEffects | None:
    """Return every table and figure that these results have; None where they have none."""
    found = fields(results, "effects")
    if not found:
        return None
    classes, pairs = _class_lines(items(found, "classes", "lines")), _pair_lines(items(found, "pairs", "lines"))
    sets = items(found, "conformal")
    coverage = numbers(items(found, "selective", "coverage"))
    return SideEffects(
        classes,
        _left_out(number_at(found, "classes", "total"), len(classes), "classes, those that lost most accuracy"),
        pairs,
        _left_out(number_at(found, "pairs", "total"), len(pairs), "pairs with an error"),
        _set_lines(sets),
        "–" if (alpha := number_at(sets, 0, "alpha")) is None else percent(1 - alpha, 0),
        plural(number_at(sets, 0, "rows"), "test row"),
        draw(coverage, {side: numbers(items(found, "selective", side)) for side in SIDES}),
        _risk_note(results),
        class_map.view(fields(found, "map")),
    )
