"""The one place that writes files: under another name, flushed to the disk, renamed; whole or not there at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

_START, _END, _NUMBERS = ".labelsmooth-", ".tmp", count()


def write(path: str | os.PathLike[str], content: bytes | Callable[[Any], object]) -> Path:
    """Write bytes, or what `content` writes to the open file, to `path`; a reader sees the old file or the new one.

    A write that fails leaves what was there before; one that is killed leaves a file that :func:`sweep` takes away.
    """
    target = Path(path)
    temporary = target.with_name(f"{_START}{os.getpid()}-{next(_NUMBERS)}{_END}")
    try:
        with open(temporary, "wb") as file:
            file.write(content) if isinstance(content, bytes) else content(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(target)
        raise
    _sync_folder(target.parent)
    return target


def _sync_folder(folder: Path) -> None:
    """A new name is on the disk when its folder is; Windows does not let folders be opened."""
    if os.name == "nt":
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def is_left_over(path: Path) -> bool:
    """Whether the file is what a killed writer left."""
    return path.name.startswith(_START) and path.name.endswith(_END)


def sweep(folder: Path) -> None:
    """Take away what killed writers left in a folder; only whoever holds the folder's lock may."""
    for left in filter(is_left_over, folder.iterdir()):
        left.unlink(missing_ok=True)
