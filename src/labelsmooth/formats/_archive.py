"""A zip archive whose list of members is bounded before it is read: zipfile makes an object of each at once (D4)."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .._checks import DataError

MEMBERS = 4096
_DIRECTORY_BYTES = 2**20


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive. Raises DataError where it lists more members, or lists them at more length, than arrays need."""
    with _Bounded(path) as file, zipfile.ZipFile(file) as archive:
        file.is_opening = False
        if len(archive.infolist()) > MEMBERS:
            raise DataError(_too_many(path, f"lists {len(archive.infolist())} members"))
        yield archive


class _Bounded(io.BufferedReader):
    """A file of which no more is read at once than a directory may take, as long as zipfile is opening it.

    The sizes that an archive states can lie; what zipfile asks for is what it would take into memory.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path))
        self.path, self.is_opening = path, True

    def read(self, size: int | None = -1, /) -> bytes:
        if self.is_opening and size is not None and size > _DIRECTORY_BYTES:
            raise DataError(_too_many(self.path, f"has a list of members of {size} bytes"))
        return super().read(size)


def _too_many(path: Path, found: str) -> str:
    return (
        f"{path}: {found}, above the limit of {MEMBERS} arrays ({_DIRECTORY_BYTES} bytes of list); save the arrays "
        "that are needed alone"
    )
