"""A folder of results: each file is written to a temporary name and renamed, so that it is whole or not there."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Self

from .. import _checks, _files


class Folder:
    """A folder with results.json and report.html in it."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    @classmethod
    def free(cls, path: str | os.PathLike[str]) -> Self:
        """A folder that holds nothing yet; it is not made yet.

        Raises UsageError when it holds something already, is no folder or cannot be written to.
        """
        folder = cls(path)
        there = next(each for each in (folder.path.absolute(), *folder.path.absolute().parents) if each.exists())
        if not there.is_dir() or not os.access(there, os.W_OK):
            raise _checks.UsageError(f"cannot write to {folder.path}; choose another folder with --out")
        if folder.path.exists() and any(folder.path.iterdir()):
            raise _checks.UsageError(f"{folder.path} exists and is not empty; choose another folder with --out")
        return folder

    def make(self) -> None:
        """Make the folder. Raises UsageError where that is not possible."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _checks.UsageError(
                f"cannot write to {self.path}: {error.strerror}; choose another folder with --out"
            ) from error

    def write_json(self, name: str | Path, value: Any) -> Path:
        """Write JSON under a name in the folder."""
        return write_text(self.path / name, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")

    def read_json(self, name: str | Path) -> Any:
        """Read JSON from a name in the folder. Raises DataError when it is missing or broken."""
        path = self.path / name
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise _checks.DataError(f"cannot read {path}: {error.strerror}; is {self.path} a run folder?") from error
        except (ValueError, RecursionError) as error:
            raise _checks.DataError(f"{path} is not valid JSON: {error}") from error

    def results(self) -> dict[str, Any]:
        """What results.json holds. Raises DataError when it is missing, broken or no results."""
        found = self.read_json("results.json")
        if not isinstance(found, dict):
            raise _checks.DataError(f"{self.path / 'results.json'} holds no results: expected what a run writes")
        return found


def write_text(path: Path, text: str) -> Path:
    """Write UTF-8 text, whole or not at all."""
    return _files.write(path, text.encode("utf-8"))
