"""What a column of a file is: numbers or categories; dates and mixtures are refused with what to do about them."""

from __future__ import annotations

import re

import numpy as np

from .tables import Column, Table

_NOTHING = {"", "na", "n/a", "nan", "null", "none", "?", "-", "#n/a", "<na>"}
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}([T ].*)?|\d{1,2}([/.])\d{1,2}\2\d{2,4}( .*)?|\d{4}/\d{1,2}/\d{1,2}( .*)?")
_TIME = re.compile(r"\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?")
_COMMA = re.compile(r"[-+]?[\d.]*\d,\d+")
_MOSTLY = 0.9


def numbers_of(table: Table, column: Column) -> np.ndarray | None:
    """The numbers of a column, NaN where there is none; None for categories.

    Raises DataError with line and column for dates, infinity, and texts among numbers.
    """
    if column.refused:
        _refuse_kind(table, column)
    if column.numbers is not None:
        _refuse_infinite(table, column.name, column.numbers)
        return column.numbers
    values, wrong = _read(column.texts)
    there = sum(_is_there(text) for text in column.texts)
    if wrong and there - len(wrong) >= _MOSTLY * there:
        row = wrong[0]
        raise table.error(
            row,
            column.name,
            f"holds {column.texts[row]!r} among numbers; leave the cell empty, or give --categorical {column.name}",
        )
    if wrong:
        _refuse_dates(table, column, there)
        return None
    _refuse_infinite(table, column.name, values)
    return values


def numbers_like(table: Table, column: Column) -> np.ndarray:
    """The numbers of a column that is one of numbers in the training file."""
    if column.numbers is None:
        values, wrong = _read(column.texts)
        if wrong:
            words = f"holds {column.texts[wrong[0]]!r}; the training file has numbers there"
            raise table.error(wrong[0], column.name, words)
    else:
        values = column.numbers
    _refuse_infinite(table, column.name, values)
    return values


def _is_there(text: str) -> bool:
    return text.strip().lower() not in _NOTHING


def _read(texts: list[str]) -> tuple[np.ndarray, list[int]]:
    """Numbers, NaN where there is none; and the rows that hold something else."""
    values, wrong = np.full(len(texts), np.nan), []
    for row, text in enumerate(texts):
        try:
            values[row] = float(text)
            if "_" in text:
                wrong.append(row)
        except ValueError:
            if _is_there(text):
                wrong.append(row)
    return values, wrong


def _refuse_kind(table: Table, column: Column) -> None:
    fix = _dates_fix(column.name) if column.refused == "dates or times" else f"leave it out: --drop {column.name}"
    raise table.error(0, column.name, f"holds {column.refused}, which a model cannot take; {fix}")


def _refuse_infinite(table: Table, name: str, values: np.ndarray) -> None:
    if np.isinf(values).any():
        raise table.error(int(np.isinf(values).argmax()), name, "holds infinity; repair the cell or leave it empty")


def _refuse_dates(table: Table, column: Column, there: int) -> None:
    for shape, what in ((_DATE, "dates"), (_TIME, "times")):
        rows = [row for row, text in enumerate(column.texts) if shape.fullmatch(text.strip())]
        if len(rows) >= _MOSTLY * there:
            shown = column.texts[rows[0]]
            raise table.error(rows[0], column.name, f"holds {what} ({shown!r}); {_dates_fix(column.name)}")
    rows = [row for row, text in enumerate(column.texts) if _COMMA.fullmatch(text.strip())]
    if rows and sum(_is_a_number(text) for text in column.texts) + len(rows) >= _MOSTLY * there:
        raise table.error(
            rows[0], column.name, f"holds {column.texts[rows[0]]!r}, a decimal comma; write decimal points"
        )


def _is_a_number(text: str) -> bool:
    return _is_there(text) and not _read([text])[1]


def _dates_fix(name: str) -> str:
    return f"make numbers of them that mean something (year, weekday, days since), or leave it out: --drop {name}"
