"""Which built-in sets exist: one file in `sources/` each, found by looking into the folder."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent / "sources"


def names() -> list[str]:
    """Names of the built-in data sets, sorted; nothing is imported.

    >>> names()
    ['digits', 'mixture', 'pydoc']
    """
    return sorted(path.stem for path in _FOLDER.glob("*.py") if not path.stem.startswith("_"))
