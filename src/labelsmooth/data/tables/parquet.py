"""Parquet: columns have types, so that numbers are numbers and texts are texts; read by pyarrow."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..._checks import DataError, require
from ...options import DataOptions
from ._table import Column, Table, check_names

_LARGEST = 4 * 2**30


def read(path: Path, options: DataOptions) -> Table:
    """Columns by type; sizes are checked before anything is read (D4)."""
    arrow, parquet = require("data", "pyarrow"), require("data", "pyarrow.parquet")
    with open(path, "rb") as source:
        try:
            file = parquet.ParquetFile(source)
            check_names(str(path), file.schema_arrow.names)
            _check_size(path, file.metadata)
            table = file.read()
        except (arrow.ArrowException, OSError, UnicodeDecodeError) as error:
            words = str(error).partition("\n")[0]
            raise DataError(f"{path}: not a readable Parquet file ({words}); write it again") from error
    columns = [column_of(arrow, name, table.column(name)) for name in table.column_names]
    return Table(str(path), columns, table.num_rows, lambda row: f"row {row}")


def _check_size(path: Path, metadata: Any) -> None:
    total = sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
    if max(total, 8 * metadata.num_rows * metadata.num_columns) > _LARGEST:
        raise DataError(f"{path}: takes more than 4096 MiB in memory; keep fewer rows or columns")


def column_of(arrow: Any, name: str, values: Any) -> Column:
    """A column of an Arrow table, by its type."""
    types, written = arrow.types, partial(_texts, values)
    kind = values.type.value_type if types.is_dictionary(values.type) else values.type
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return Column(name, written, np.array(values.cast(arrow.float64(), safe=False).to_numpy(), np.float64))
    if types.is_boolean(kind) or types.is_string(kind) or types.is_large_string(kind):
        return Column(name, written)
    return Column(name, written, refused="dates or times" if types.is_temporal(kind) else str(kind))


def _texts(values: Any) -> list[str]:
    """Nothing, and NaN among numbers, is an empty text."""
    return ["" if value is None or value != value else str(value) for value in values.to_pylist()]
