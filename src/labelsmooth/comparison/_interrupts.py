"""Ctrl-C while trials run: once lets what runs finish, twice stops now."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

_SAID = b"\nlabelsmooth: finishing what is under way, then reporting on what is there; Ctrl-C again stops now\n"


@dataclass
class Stop:
    """Whether somebody asked to stop; engines look before they begin a trial."""

    asked: bool = False


@contextmanager
def listening() -> Iterator[Stop]:
    """A Stop that the first Ctrl-C sets; the second raises KeyboardInterrupt.

    Only the main thread hears signals; elsewhere, and where Ctrl-C is ignored already, nothing is changed.
    """
    stop = Stop()
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before in (signal.SIG_IGN, None):
        yield stop
        return

    def heard(_number: int, _frame: FrameType | None) -> None:
        if stop.asked:
            raise KeyboardInterrupt
        stop.asked = True
        os.write(sys.__stderr__.fileno() if sys.__stderr__ is not None else 2, _SAID)

    signal.signal(signal.SIGINT, heard)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
