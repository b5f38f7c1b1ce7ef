"""Labels are text: their classes, what cannot be learned, and what looks like a slip of the pen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .._checks import DataError

_LISTED = 4


def coded(texts: Sequence[str], where: str) -> tuple[np.ndarray, list[str]]:
    """Class numbers (n,) int64 and class names, sorted as text. `where` says whose labels they are, for messages."""
    labels, classes = interned(texts)
    if len(classes) < 2:
        raise DataError(f"{where} has a single class, {classes[0]!r}; at least two are needed")
    if len(classes) > len(texts) / 3:
        raise DataError(
            f"{where} has {len(classes)} different labels in {len(texts)} rows; a class needs at least 3 rows. "
            "If it is a quantity or an identifier, choose another column: labelsmooth is for classes"
        )
    return labels, classes


def interned(texts: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    """Each text as its place (n,) int64 in the sorted list of different ones; and that list."""
    names = sorted(set(texts))
    places = {name: place for place, name in enumerate(names)}
    return np.fromiter((places[text] for text in texts), np.int64, len(texts)), names


def lookalikes(classes: Sequence[str]) -> list[str]:
    """A warning where classes differ only by spaces or by capital letters."""
    alike: dict[str, list[str]] = {}
    for name in classes:
        alike.setdefault(" ".join(name.casefold().split()), []).append(name)
    found = [names for names in alike.values() if len(names) > 1]
    shown = "; ".join(", ".join(map(repr, names)) for names in found[:_LISTED])
    return [f"classes that differ by spaces or capital letters only: {shown}"] if found else []
