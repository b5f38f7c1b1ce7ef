"""Predictions in a CSV file: UTF-8, commas, a header line; each error names its line and column (D6)."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import numpy as np

from .._blocked import CELLS
from .._checks import DataError
from .._delimited import Record, opened, records_of
from ._content import Content, Reading
from ._table import Block, Collector, Layout, layout

_OTHER_DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "bars"}


def read(path: Path, reading: Reading) -> Content:
    """Read a table of predictions, a block of lines at a time. Raises DataError naming file, line and column."""
    with opened(path) as file:
        return _read(path, file, reading)


def _read(path: Path, file: IO[str], reading: Reading) -> Content:
    records = records_of(path, file)
    _, names = next(records, (1, []))
    known = _header(path, names, reading)
    collector, step = Collector(path, known, reading), max(1, CELLS // len(names))
    waiting: list[Record] = []
    for record in records:
        waiting.append(_checked(path, record, names))
        if len(waiting) == step:
            collector.add(_block(path, known, waiting))
            waiting = []
    if waiting:
        collector.add(_block(path, known, waiting))
    return collector.done()


def _header(path: Path, names: list[str], reading: Reading) -> Layout:
    if not names:
        raise DataError(f"{path}: is empty; expected a header line with 'label' and a column for each class")
    for delimiter, word in _OTHER_DELIMITERS.items():
        if len(names) == 1 and delimiter in names[0]:
            raise DataError(f"{path}: line 1: the columns are separated by {word}; save the file with commas")
    return layout(f"{path}: line 1", names, reading.scores)


def _checked(path: Path, record: Record, names: list[str]) -> Record:
    line, cells = record
    if len(cells) != len(names):
        raise DataError(
            f"{path}: line {line} has {len(cells)} cells, the header has {len(names)} columns; quote texts that "
            "hold a comma"
        )
    return record


def _block(path: Path, known: Layout, records: list[Record]) -> Block:
    def column(name: str) -> list[str] | None:
        place = known.places.get(name)
        return None if place is None else [cells[place] for _, cells in records]

    return Block(
        _numbers(path, known, records),
        column("label") or [],
        column("split"),
        column("id"),
        column("group"),
        lambda row: f"line {records[row][0]}",
    )


def _numbers(path: Path, known: Layout, records: list[Record]) -> np.ndarray:
    texts = [[cells[place] for place in known.columns] for _, cells in records]
    try:
        if not any("_" in "".join(row) for row in texts):
            return np.array(texts, dtype=np.float64)
    except ValueError:
        pass  # the loop below finds the cell
    for (line, cells), row in zip(records, texts, strict=True):
        for place, text in zip(known.columns, row, strict=True):
            if not _is_number(text):
                held = f"holds {text!r}, which is no number" if text else "is empty"
                raise DataError(
                    f"{path}: line {line}, column {known.names[place]!r} {held}; class columns hold numbers "
                    f"(the label here is {cells[known.places['label']]!r})"
                )
    return np.array(texts, dtype=np.float64)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text
