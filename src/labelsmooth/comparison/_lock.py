"""One process at a time in a run folder: a lock of the operating system, which ends with the process that holds it."""

from __future__ import annotations

import os
import sys
import weakref
from pathlib import Path
from typing import final

from .. import _progress
from .._checks import UsageError

NAME = ".lock"


@final
class Lock:
    """Held from its making until :meth:`release`, or until the process ends, however it ends.

    The file stays: taking it away would let two processes hold two files of one name. Raises UsageError at once where
    another process, or another run in this one, holds it. Where a file system has no locks this is said, and the run
    goes on.
    """

    def __init__(self, folder: Path) -> None:
        opened = os.open(folder / NAME, os.O_RDWR | os.O_CREAT, 0o666)
        self._release = weakref.finalize(self, os.close, opened)
        try:
            _lock(opened)
        except (BlockingIOError, PermissionError) as error:
            self._release()
            raise UsageError(
                f"another run is under way in {folder}; wait until it is over, or choose another folder with --out"
            ) from error
        except OSError as error:
            _progress.say(f"{folder} cannot be locked ({error.strerror}); let no other run use it meanwhile")

    def release(self) -> None:
        """Let others in; once is enough, and a second time does nothing."""
        self._release()


if sys.platform == "win32":
    import msvcrt

    def _lock(opened: int) -> None:
        msvcrt.locking(opened, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(opened: int) -> None:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
