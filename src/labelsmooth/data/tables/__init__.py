"""Files of rows and columns: one module a format, each with `read(path, options)` that returns a Table."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from ..._checks import DataError
from ...options import DataOptions
from ._table import Column, Table
from .parquet import column_of

__all__ = ["ENDINGS", "Column", "Table", "column_of", "read"]

ENDINGS = {".csv": "separated", ".tsv": "separated", ".txt": "separated", ".parquet": "parquet"}


def read(path: Path, options: DataOptions) -> Table:
    """Read a file by the ending of its name. Raises DataError naming file, line and column."""
    form = ENDINGS.get(path.suffix.lower())
    if form is None:
        raise DataError(f"{path}: expected a table, a file whose name ends in {', '.join(ENDINGS)}")
    try:
        table: Table = import_module(f".{form}", __name__).read(path, options)
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file") from error
    except IsADirectoryError as error:
        raise DataError(f"{path}: is a folder; expected a table") from error
    except PermissionError as error:
        raise DataError(f"{path}: cannot be read (permission denied); allow it with: chmod u+r {path}") from error
    if not table.rows:
        raise DataError(f"{path}: has a header line and no rows; add rows under it")
    return table
