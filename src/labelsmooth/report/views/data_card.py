"""The data card: how many rows of each class are in each split, what was done to each column, what to look at again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._format import count, percent, shortened
from .._read import Results, fields, items, number, words

SHOWN = ("balance", "columns", "warnings")
"""What of the card is shown here, and not again among the facts."""

_SPLITS = {"train": "Training", "val": "Validation", "test": "Test"}
_CLASSES, _COLUMNS = 40, 80


@dataclass(frozen=True)
class ClassLine:
    name: str
    share: str
    counts: list[str]


@dataclass(frozen=True)
class ColumnLine:
    name: str
    kind: str
    done: str


@dataclass(frozen=True)
class Card:
    splits: list[str]
    classes: list[ClassLine]
    more_classes: str
    columns: list[ColumnLine]
    more_columns: str
    warnings: list[str]


def view(results: Results) -> Card:
    """Return the card; without classes and columns where the results know nothing of them."""
    card = fields(results, "data", "card")
    balance = {name: counts for name, counts in fields(card, "balance").items() if isinstance(counts, dict)}
    splits = [split for split in _SPLITS if any(split in counts for counts in balance.values())]
    total = sum(_rows(counts) for counts in balance.values())
    largest = sorted(balance, key=lambda name: -_rows(balance[name]))
    columns = [each for each in items(card, "columns") if isinstance(each, dict)]
    return Card(
        [_SPLITS[split] for split in splits],
        [_class_line(name, balance[name], splits, total) for name in largest[:_CLASSES]],
        _more(len(balance) - _CLASSES, "smaller classes"),
        [ColumnLine(words(each, "name"), words(each, "kind"), words(each, "done")) for each in columns[:_COLUMNS]],
        _more(len(columns) - _COLUMNS, "columns"),
        [shortened(str(each), 600) for each in items(card, "warnings")],
    )


def _rows(counts: dict[str, Any]) -> float:
    return sum(number(value) or 0.0 for value in counts.values())


def _class_line(name: str, counts: dict[str, Any], splits: list[str], total: float) -> ClassLine:
    share = percent(_rows(counts) / total) if total else ""
    return ClassLine(shortened(name, 200), share, [count(counts.get(split)) for split in splits])


def _more(left: int, what: str) -> str:
    return f"and {count(left)} more {what}" if left > 0 else ""
