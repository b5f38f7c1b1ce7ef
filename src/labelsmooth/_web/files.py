"""Writing a page: a reader sees the old file or the new one, never half of either."""

from __future__ import annotations

import os
from pathlib import Path

from .. import _files
from .._checks import UsageError


def write(text: str, path: str | os.PathLike[str], what: str) -> Path:
    """Write `text` as UTF-8 to `path`, making its folders, and return the path; raises UsageError where it cannot."""
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _files.write(target, text.encode("utf-8"))
    except OSError as error:
        raise UsageError(
            f"the {what} cannot be written to {target} ({error.strerror}); pass a path that can be"
        ) from error
    return target
