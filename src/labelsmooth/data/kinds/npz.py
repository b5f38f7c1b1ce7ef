"""npz: arrays `X` and `y` that numpy saved, maybe `split`, `groups`, `ids`, `classes`; nothing is unpickled (D1)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from ..._checks import DataError
from ...formats import Reading
from ...formats.npz import read_arrays
from ...options import DataOptions
from .._arrays import source_of
from .._given import ALIASES
from .._types import Source

USES = ("max_length", "tokenizer")
WHAT = "a file of arrays"
_NAMES = ("X", "y", "split", "groups", "ids", "classes")


def takes(name: str) -> bool:
    """Whether the data of that name are of this kind."""
    return Path(name).suffix.lower() == ".npz"


def load(name: str, options: DataOptions) -> Source:
    """Read the arrays, every size checked before (D4); raises DataError naming file and array."""
    path = Path(name)
    try:
        arrays = read_arrays(path, re.compile("|".join(_NAMES)), Reading())
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file") from error
    except PermissionError as error:
        raise DataError(f"{path}: cannot be read (permission denied); allow it with: chmod u+r {path}") from error
    if lacking := [each for each in ("X", "y") if each not in arrays]:
        raise DataError(
            f"{path}: there is no array {lacking[0]!r}; write numpy.savez({path.name!r}, X=inputs, y=labels), and "
            "split= with 'train', 'val' or 'test' for each row where you have splits"
        )
    if single := [each for each, array in arrays.items() if array.ndim == 0]:
        raise DataError(f"{path}: array {single[0]!r} is a single value; expected an entry for each row")
    given = _splits(path, arrays.pop("split", None), len(arrays["y"]))
    classes: Any = arrays.pop("classes", None)
    listed = None if classes is None else [str(each) for each in classes.tolist()]
    try:
        return source_of(arrays.pop("X"), arrays.pop("y"), options, classes=listed, given=given, **arrays)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def _splits(path: Path, split: Any, rows: int) -> np.ndarray | None:
    if split is None:
        return None
    if split.shape != (rows,):
        raise DataError(f"{path}: array 'split' must have one entry for each of {rows} labels; got {split.shape}")
    named = [str(each) for each in split.tolist()]
    if unknown := [each for each in named if each not in ALIASES]:
        raise DataError(f"{path}: array 'split' holds {unknown[0]!r}; expected 'train', 'val' or 'test'")
    return np.array([ALIASES[each] for each in named])
