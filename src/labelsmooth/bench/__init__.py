"""How fast on this machine, against torch and whoever else is installed: checked first, then timed in turns.

Names are looked up when first used: the list of sizes loads no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._report import Report as Report
    from ._run import bench as bench
    from ._sizes import names as names

_HOMES = {"bench": "_run", "Report": "_report", "names": "_sizes"}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has: {', '.join(__all__)}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
