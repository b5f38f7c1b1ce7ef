"""Your own arrays as a data set: checked, labels kept as text, split like the built-in sets."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._checks import DataError
from ..options import DataOptions
from . import _texts
from ._assemble import Settings, assemble
from ._defaults import card
from ._types import Dataset, DataSplit, Source


def from_arrays(
    X: Any,
    y: Any,
    *,
    groups: Any = None,
    ids: Any = None,
    classes: list[str] | None = None,
    name: str = "arrays",
    label_noise: float = 0.0,
    label_noise_val: float = 0.0,
    shift: bool = False,
    seed: int = 0,
) -> Dataset:
    """Make a data set of arrays (or tensors): split 50/15/35, inputs normalised, labels kept as text.

    X: (n, D) numbers, images (n, C, H, W), or n texts. y: (n,) labels of any type; the text of each is its class
    name (with `classes`, whole numbers are positions in that list). groups: (n,), samples that belong together
    stay in one split. Raises DataError with the row and what to do for missing values, shapes that do not fit, a single
    class, a class in fewer than three rows (or groups), or inputs that are all the same.

    >>> X = np.random.default_rng(0).normal(size=(60, 4))
    >>> data = from_arrays(X, ["yes", "no"] * 30)
    >>> data.kind, data.classes, len(data.test)
    ('vector', ['no', 'yes'], 21)
    """
    options = DataOptions(label_noise=label_noise, label_noise_val=label_noise_val, shift=shift)
    source = source_of(X, y, options, groups=groups, ids=ids, classes=classes)
    return assemble(name, source, Settings(label_noise, label_noise_val, shift, seed))


def source_of(
    X: Any,
    y: Any,
    options: DataOptions,
    *,
    groups: Any = None,
    ids: Any = None,
    classes: list[str] | None = None,
    given: np.ndarray | None = None,
) -> Source:
    """The source that arrays hold; `given` names the split of every row, "" where it is open."""
    made = _raw(_array(X, "X"), options)
    rows = len(made["inputs"])
    labels, names = _labels(y, classes, rows)
    samples = DataSplit(
        made.pop("inputs"),
        labels,
        np.arange(rows) if ids is None else _unique(_column(ids, rows, "ids")),
        None if groups is None else _column(groups, rows, "groups"),
    )
    about = card("arrays given by the user", "given by the user", rows)
    return Source(samples=samples, classes=names, card=about, given=given, **made)


def _raw(X: np.ndarray, options: DataOptions) -> dict[str, Any]:
    if X.ndim == 1 and X.dtype.kind in "UO" and all(isinstance(text, str) for text in X.tolist()):
        return _texts.raw(X.tolist(), options)
    inputs = _inputs(X)
    return {"kind": "vector" if inputs.ndim == 2 else "image", "inputs": inputs}


def _inputs(inputs: np.ndarray) -> np.ndarray:
    if inputs.dtype.kind not in "biuf":
        raise DataError(f"X must hold numbers; got {inputs.dtype} (turn text columns into numbers first)")
    if inputs.ndim not in (2, 4):
        hint = {1: "; for one feature pass X.reshape(-1, 1)", 3: "; for grey images pass X[:, None]"}
        expected = "X must be (rows, features) or images (rows, channels, height, width)"
        raise DataError(f"{expected}; got {inputs.shape}{hint.get(inputs.ndim, '')}")
    if inputs.size == 0:
        raise DataError(f"X holds no data: its shape is {inputs.shape}; there must be rows and features")
    _refuse_missing(inputs)
    if inputs.min() == inputs.max():
        raise DataError(f"every value in X is {inputs.flat[0]}; there is nothing to learn from")
    return inputs


def _refuse_missing(inputs: np.ndarray) -> None:
    bad = ~np.isfinite(inputs)
    if bad.any():
        place = tuple(int(i) for i in np.argwhere(bad)[0])
        raise DataError(
            f"X has {int(bad.sum())} missing or infinite values (NaN, inf), the first in row {place[0]}, "
            f"position {place[1:]}; fill them in or remove those rows"
        )


def _labels(y: Any, classes: list[str] | None, rows: int) -> tuple[np.ndarray, list[str]]:
    raw = _column(y, rows, "y")
    labels, names = _coded(raw) if classes is None else _placed(raw, [str(c) for c in classes])
    present = len(np.unique(labels))
    if present < 2:
        raise DataError(f"y has a single class, {names[labels[0]]!r}; at least two are needed")
    if present > rows / 3:
        raise DataError(
            f"y has {present} different labels in {rows} rows; a class needs at least 3 rows. If y is a quantity, "
            f"labelsmooth does not apply: it is for classes"
        )
    return labels, names


def _coded(raw: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Class numbers and names; numbers keep their order, everything else is text and sorted as text."""
    values, labels = np.unique(raw, return_inverse=True)
    return labels.reshape(-1).astype(np.int64), [str(value) for value in values.tolist()]


def _placed(raw: np.ndarray, classes: list[str]) -> tuple[np.ndarray, list[str]]:
    if len(set(classes)) != len(classes):
        raise DataError(f"classes must be different from each other; got {classes}")
    if raw.dtype.kind in "iu":
        labels = raw.astype(np.int64)
    else:
        at = {c: i for i, c in enumerate(classes)}
        labels = np.array([at.get(str(value), -1) for value in raw.tolist()], np.int64)
    wrong = np.flatnonzero((labels < 0) | (labels >= len(classes)))
    if wrong.size:
        row = int(wrong[0])
        raise DataError(
            f"the label of row {row} is {raw.tolist()[row]!r}; it must be one of {classes} or its position there"
        )
    return labels, classes


def _column(values: Any, rows: int, what: str) -> np.ndarray:
    column = _array(values, what)
    if column.shape != (rows,):
        hint = "; use squeeze(1)" if column.shape == (rows, 1) else ""
        raise DataError(f"{what} must have shape ({rows},), one entry for every row of X; got {column.shape}{hint}")
    missing = [] if column.dtype.kind in "biuU" else [i for i, v in enumerate(column.tolist()) if _is_missing(v)]
    if missing:
        raise DataError(
            f"{what} has no value in {len(missing)} rows, the first is row {missing[0]}; fill or remove them"
        )
    return column if column.dtype.kind in "biufU" else np.array([str(value) for value in column.tolist()])


def _is_missing(value: Any) -> bool:
    """None, NaN, pandas' NA and NaT; never a text such as "NA" or "None" (D5)."""
    return value is None or (not isinstance(value, str) and str(value) in ("nan", "<NA>", "NaT"))


def _array(values: Any, what: str) -> np.ndarray:
    try:
        return np.asarray(values.detach().cpu() if hasattr(values, "detach") else values)
    except ValueError as error:
        raise DataError(f"{what} is not a regular array: its rows differ in length ({error})") from error


def _unique(ids: np.ndarray) -> np.ndarray:
    values, counts = np.unique(ids, return_counts=True)
    if len(values) < len(ids):
        raise DataError(
            f"ids must differ from row to row; {values.tolist()[counts.argmax()]!r} occurs {counts.max()} times"
        )
    return ids
