"""table: rows and columns in a CSV, TSV or Parquet file, one column the label."""

from __future__ import annotations

from pathlib import Path

from ...options import DataOptions
from .._tabular import source
from .._types import Source
from ..tables import ENDINGS, read

USES = (
    "label",
    "text",
    "categorical",
    "drop",
    "group",
    "test",
    "val",
    "delimiter",
    "encoding",
    "max_length",
    "tokenizer",
)
WHAT = "a table"
_SPLITS = ("val", "test")


def takes(name: str) -> bool:
    """Whether the data of that name are of this kind."""
    return Path(name).suffix.lower() in ENDINGS and not Path(name).is_dir()


def load(name: str, options: DataOptions) -> Source:
    """Read the file, and those given for test and validation; raises DataError naming file, line and column."""
    tables = {"": read(Path(name), options)}
    tables.update({s: read(path, options) for s in _SPLITS if (path := getattr(options, s)) is not None})
    return source(tables, options, Path(name).name)
