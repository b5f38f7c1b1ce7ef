"""What the fork server loads before it forks workers: torch, and silence about a parent that is there no more."""

from __future__ import annotations

import sys
from pickle import UnpicklingError
from types import TracebackType

from . import _worker  # noqa: F401  its imports are what workers need


def said(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """As Python says it; but that a worker's own description broke off means that its parent was killed writing it."""
    served = trace is not None and trace.tb_frame.f_globals.get("__name__") == "multiprocessing.forkserver"
    if not (served and issubclass(kind, (EOFError, UnpicklingError))):
        sys.__excepthook__(kind, error, trace)


sys.excepthook = said
