"""From tables to a source: which column is what, which splits are given, what a person should be warned of."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np

from .._checks import DataError, UsageError
from ..options import DataOptions
from . import _labels, _texts
from ._defaults import card
from ._types import DataSplit, Source
from ._typing import numbers_like, numbers_of
from .tables import Table

_USUAL_LABELS = ("label", "target", "class", "y")
_FEW_ROWS = 20


def source(tables: dict[str, Table], options: DataOptions, title: str) -> Source:
    """The source that tables hold: "" or "train" is the first of them, the others are splits of their own.

    Raises DataError naming file, line and column, UsageError for an option that names no column.
    """
    first, *_ = every = list(tables.values())
    label = _label_column(first, options.label)
    inputs = _input_columns(first, label, options)
    for table in every:
        _check_columns(table, [label, *inputs, *([options.group] if options.group else [])], first)
    codes, classes = _labels.coded(_joined(every, label, "label"), f"{first.path}: column {label!r}")
    made = (_text if options.text else _columns)(every, inputs, options)
    warnings = [*made.pop("warnings"), *_labels.lookalikes(classes)]
    groups = None if options.group is None else np.array(_joined(every, options.group, "group"), dtype=np.str_)
    samples = DataSplit(made.pop("inputs"), codes, np.arange(len(codes)), groups)
    columns = _other_columns(first, label, inputs, options)
    return Source(
        samples=samples,
        classes=classes,
        card=card(f"table {title}", title, len(codes), columns=columns, warnings=warnings),
        given=np.repeat(list(tables), [table.rows for table in every]),
        **made,
    )


def _label_column(table: Table, asked: str | None) -> str:
    if asked is not None:
        return _known(table, asked, "--label")
    return chosen_label(table.path, table.names)


def chosen_label(where: str, names: Sequence[str]) -> str:
    """The one column that is named as a label usually is."""
    usual = [name for name in names if name.strip().lower() in _USUAL_LABELS]
    if len(usual) == 1:
        return usual[0]
    raise UsageError(f"{where}: which column is the label? give --label; the columns are {_listed(names)}")


def _known(table: Table, name: str, option: str) -> str:
    if name in table.names:
        return name
    close = get_close_matches(name, table.names, 1)
    hint = f"; did you mean {close[0]!r}?" if close else f"; the columns are {_listed(table.names)}"
    raise UsageError(f"{table.path}: {option}: there is no column {name!r}{hint}")


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return ", ".join(map(repr, names[:12])) + more


def _input_columns(table: Table, label: str, options: DataOptions) -> list[str]:
    for option in ("text", "categorical", "drop"):
        for name in getattr(options, option) or ():
            if _known(table, name, f"--{option}") == label:
                raise UsageError(f"{table.path}: --{option}: column {name!r} is the label; name another column")
    if options.group is not None and _known(table, options.group, "--group") == label:
        raise UsageError(f"{table.path}: --group: column {label!r} is the label; name another column")
    if options.text:
        return list(options.text)
    left = [name for name in table.names if name not in (label, options.group, *(options.drop or ()))]
    if not left:
        raise UsageError(f"{table.path}: no column is left to learn from beside the label {label!r}")
    return left


def _check_columns(table: Table, wanted: Sequence[str], train: Table) -> None:
    for name in wanted:
        if name not in table.names:
            raise DataError(
                f"{table.path}: there is no column {name!r}, which {train.path} has; the columns are "
                f"{_listed(table.names)}"
            )


def _complete(table: Table, name: str, what: str) -> list[str]:
    """The texts of a column that has to hold something in every row."""
    column = table[name]
    if column.refused and column.refused != "dates or times":
        raise table.error(0, name, f"holds {column.refused}; a {what} must be text or a number")
    for row, text in enumerate(column.texts):
        if not text:
            empty = sum(not each for each in column.texts)
            more = f" (and {empty - 1} more)" if empty > 1 else ""
            raise table.error(row, name, f"is empty{more}; every row needs a {what}: fill it in or remove the row")
    return column.texts


def _joined(tables: list[Table], name: str, what: str) -> list[str]:
    return [text for table in tables for text in _complete(table, name, what)]


def _columns(tables: list[Table], names: list[str], options: DataOptions) -> dict[str, Any]:
    """Raw inputs (n, columns) float64: numbers, or places in the list of a column's categories."""
    arrays: list[np.ndarray] = []
    known: list[list[str] | None] = []
    warnings: list[str] = []
    for name in names:
        read_as = None if name in (options.categorical or ()) else numbers_of(tables[0], tables[0][name])
        if read_as is None:
            texts = [text for table in tables for text in table[name].texts]
            places, categories = _labels.interned(texts)
            known.append(categories)
            arrays.append(places.astype(np.float64))
            warnings += _many(name, len(categories), len(texts))
        else:
            known.append(None)
            arrays.append(np.concatenate([read_as, *(numbers_like(table, table[name]) for table in tables[1:])]))
            warnings += _counting(name, read_as)
    inputs = np.column_stack(arrays)
    warnings += _copies(inputs)
    return {"kind": "table", "inputs": inputs, "names": names, "categories": known, "warnings": warnings}


def _many(name: str, distinct: int, rows: int) -> list[str]:
    if rows < _FEW_ROWS or distinct <= rows / 2:
        return []
    return [
        f"column {name!r} has {distinct} different texts in {rows} rows: an identifier (--drop {name}) or a text "
        f"to classify by (--text {name})?"
    ]


def _counting(name: str, values: np.ndarray) -> list[str]:
    """A column of whole numbers that are all different and without a gap counts the rows."""
    if len(values) < _FEW_ROWS or np.isnan(values).any() or (values != np.round(values)).any():
        return []
    if len(np.unique(values)) < len(values) or np.ptp(values) != len(values) - 1:
        return []
    return [f"column {name!r} counts the rows; a model may learn the order of the file: --drop {name}"]


def _copies(inputs: np.ndarray) -> list[str]:
    """Copies of a row may sit in training and in test."""
    copies = len(inputs) - len({row.tobytes() for row in inputs})
    if copies <= 0.05 * len(inputs):
        return []
    return [
        f"{copies} of {len(inputs)} rows have inputs that another row has too, so that training and test may share "
        "them: remove copies, or keep what belongs together in one split by --group"
    ]


def _text(tables: list[Table], names: list[str], options: DataOptions) -> dict[str, Any]:
    columns = [[text for table in tables for text in table[name].texts] for name in names]
    texts = ["\n".join(parts) for parts in zip(*columns, strict=True)]
    return {**_texts.raw(texts, options), "warnings": []}


def _other_columns(table: Table, label: str, inputs: list[str], options: DataOptions) -> list[dict[str, Any]]:
    """The columns that are no inputs, for the card; inputs add what was done to them."""
    columns = [{"name": label, "kind": "label", "done": "kept as text"}]
    if options.group:
        columns.append({"name": options.group, "kind": "group", "done": "rows of one value stay in one split"})
    columns += [{"name": name, "kind": "text", "done": "split into words"} for name in options.text or ()]
    left = [name for name in table.names if name not in (label, options.group, *inputs)]
    return columns + [{"name": name, "kind": "left out", "done": "not read"} for name in left]
