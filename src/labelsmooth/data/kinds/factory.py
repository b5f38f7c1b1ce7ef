"""factory: package.module:function, a function of one's own that returns arrays or splits of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..._checks import DataError, UsageError
from ..._named import find
from ...options import DataOptions
from .._arrays import source_of
from .._given import ALIASES
from .._types import Source

USES = ("max_length", "tokenizer")
WHAT = "a function that returns data"
_EXPECTED = "(X, y), (X, y, groups), or a dictionary from 'train', 'val' and 'test' to such"
_PARTS = ("X", "y", "groups")


def takes(name: str) -> bool:
    """Whether the data of that name are of this kind."""
    return ":" in name and not Path(name).exists() and len(name.partition(":")[0]) > 1


def load(name: str, options: DataOptions) -> Source:
    """Call the function without arguments; raises UsageError where it is missing, DataError for what it returns."""
    function = find(name, "mypackage.data:load")[0]
    if not callable(function):
        raise UsageError(f"{name!r} is a {type(function).__name__}; expected a function that returns {_EXPECTED}")
    try:
        returned = function()
    except Exception as error:  # a person's own code runs here: whatever it raises is the answer
        words = str(error).partition("\n")[0]
        raise DataError(f"{name}: calling it without arguments raised {type(error).__name__}: {words}") from error
    parts = _parts(name, returned)
    try:
        return source_of(**_joined(parts), options=options, given=_given(parts))
    except DataError as error:
        raise DataError(f"{name}: {error}") from error


def _parts(name: str, returned: Any) -> dict[str, dict[str, Any]]:
    """X, y and groups of each split; "" where there is one part only."""
    if not isinstance(returned, Mapping):
        return {"": _part(name, returned)}
    if unknown := [key for key in returned if key not in ALIASES]:
        raise DataError(f"{name}: returned a dictionary with {unknown[0]!r}; expected {_EXPECTED}")
    parts = {ALIASES[key]: _part(name, value) for key, value in returned.items()}
    if "train" not in parts:
        raise DataError(f"{name}: returned {list(returned)}; there must be 'train'")
    if len({len(part) for part in parts.values()}) > 1:
        raise DataError(f"{name}: some splits have groups and some have none; give groups for all of them or none")
    return parts


def _part(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, (tuple, list)) or len(value) not in (2, 3):
        raise DataError(f"{name}: returned {type(value).__name__}; expected {_EXPECTED}")
    part = dict(zip(_PARTS, (_array(each) for each in value), strict=False))
    if any(each.ndim == 0 or len(each) != len(part["y"]) for each in part.values()):
        shapes = {key: each.shape for key, each in part.items()}
        raise DataError(f"{name}: X and y must have one entry for each row; got {shapes}")
    return part


def _array(values: Any) -> np.ndarray:
    return np.asarray(values.detach().cpu() if hasattr(values, "detach") else values)


def _joined(parts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    shapes = {part["X"].shape[1:] for part in parts.values()}
    if len(shapes) > 1:
        raise DataError(f"rows of X differ in shape between splits: {sorted(shapes)}")
    first = next(iter(parts.values()))
    return {key: np.concatenate([part[key] for part in parts.values()]) for key in first}


def _given(parts: dict[str, dict[str, Any]]) -> np.ndarray | None:
    if list(parts) == [""]:
        return None
    return np.repeat(list(parts), [len(part["y"]) for part in parts.values()])
