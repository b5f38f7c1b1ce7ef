"""Data sets as frozen splits: built in or from files (`load`), or your own arrays (`from_arrays`).

The names are looked up when they are first used, so that listing the built-in sets imports neither numpy nor torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._arrays import from_arrays as from_arrays
    from ._catalog import names as names
    from ._load import load as load
    from ._split import split_arrays as split_arrays
    from ._types import Dataset as Dataset
    from ._types import DataSplit as DataSplit

_HOMES = {
    "load": "_load",
    "names": "_catalog",
    "from_arrays": "_arrays",
    "split_arrays": "_split",
    "Dataset": "_types",
    "DataSplit": "_types",
}

__all__ = ["DataSplit", "Dataset", "from_arrays", "load", "names", "split_arrays"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'labelsmooth.data' has no attribute {name!r}; it has: {', '.join(__all__)}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
