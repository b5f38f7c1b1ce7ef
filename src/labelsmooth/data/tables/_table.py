"""A table as it was read: columns with their names, and how a row is called in a message."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..._checks import DataError


@dataclass(frozen=True, eq=False)
class Column:
    """A column: texts as written, and the numbers themselves where the file stores numbers (NaN: nothing)."""

    name: str
    written: Callable[[], list[str]]
    numbers: np.ndarray | None = None
    refused: str = ""
    """What it holds that cannot be an input, where the file says so itself: dates, lists, …"""

    @cached_property
    def texts(self) -> list[str]:
        """Each cell as text, "" where there is nothing."""
        return self.written()


@dataclass(frozen=True, eq=False)
class Table:
    """The columns of a file; `place(row)` is "line 17" or "row 16"."""

    path: str
    columns: list[Column]
    rows: int
    place: Callable[[int], str]

    @property
    def names(self) -> list[str]:
        """The names of the columns, in order."""
        return [column.name for column in self.columns]

    def __getitem__(self, name: str) -> Column:
        return self.columns[self.names.index(name)]

    def error(self, row: int, column: str, words: str) -> DataError:
        """What is wrong with a cell, with its file, line and column."""
        return DataError(f"{self.path}: {self.place(row)}, column {column!r} {words}")


def check_names(where: str, names: Sequence[str]) -> None:
    """Every column needs a name of its own."""
    first: dict[str, int] = {}
    for place, name in enumerate(names):
        if not name.strip():
            raise DataError(f"{where}: column {place + 1} has no name; write one into the header line")
        if first.setdefault(name, place) != place:
            raise DataError(
                f"{where}: column {name!r} is there twice (columns {first[name] + 1} and {place + 1}); "
                "give every column its own name"
            )
