"""Reading a results dict in which anything may be missing, null or NaN."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Real
from typing import Any

Results = dict[str, Any]


def number(value: Any) -> float | None:
    """Return a finite float, or None for everything that is not one (null, NaN, inf, text, a boolean)."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    try:
        converted = float(value)
    except OverflowError:  # a whole number that no float holds
        return None
    return converted if math.isfinite(converted) else None


def at(tree: Any, *keys: str | int) -> Any:
    """Follow `keys` into nested dicts and lists; None as soon as one is missing."""
    for key in keys:
        if isinstance(tree, dict):
            tree = tree.get(key)
        elif isinstance(tree, list) and isinstance(key, int) and -len(tree) <= key < len(tree):
            tree = tree[key]
        else:
            return None
    return tree


def number_at(tree: Any, *keys: str | int) -> float | None:
    return number(at(tree, *keys))


def numbers(values: Any) -> list[float | None]:
    """Return every item as a finite float or None; an empty list for anything that is not a list."""
    return [number(value) for value in values] if isinstance(values, list | tuple) else []


def items(tree: Any, *keys: str | int) -> list[Any]:
    found = at(tree, *keys)
    return found if isinstance(found, list) else []


def fields(tree: Any, *keys: str | int) -> dict[str, Any]:
    found = at(tree, *keys)
    return found if isinstance(found, dict) else {}


def words(tree: Any, *keys: str | int) -> str:
    """Return the text at `keys`, or an empty string."""
    found = at(tree, *keys)
    return "" if found is None else str(found)


def present(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]
