"""Arrays in an `.npz` file: written whole or not at all, read without pickle and only after every size was checked."""

from __future__ import annotations

import io
import json
import re
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from .. import _files
from .._blocked import CELLS, Growing, NamedFile, Stored
from .._checks import DataError
from ._archive import opened
from ._content import PARTS, SCORES, Content, Reading

_HEADER_BYTES = 2**16
_BOMB_BYTES, _BOMB_RATIO = 2**26, 200
_PLAIN_OR_DEFLATED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_MEMBER = re.compile(rf"[a-z][a-z0-9_]*_({'|'.join(PARTS)})|classes|meta")
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, UnicodeDecodeError, struct.error)


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write `arrays` as an uncompressed `.npz`; a reader sees the old file or the whole new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _files.write(path, lambda file: np.savez(file, allow_pickle=False, **arrays))


def read(path: Path, reading: Reading) -> Content:
    """Read the arrays of predictions, unpickling nothing and trusting no size before it was checked (D1, D4).

    Raises DataError naming file and array when something in it lies, is damaged or takes too much memory.
    """
    arrays = read_arrays(path, _MEMBER, reading)
    classes, meta = arrays.pop("classes", None), arrays.pop("meta", None)
    return Content(arrays, _class_names(path, classes), _meta(path, meta))


def read_arrays(path: Path, names: re.Pattern[str], reading: Reading) -> dict[str, Any]:
    """The arrays whose whole name matches; nothing is unpickled and no size trusted before it was checked (D1, D4)."""
    try:
        with opened(path) as archive:
            members = [_Member(path, archive, info, reading) for info in archive.infolist()]
            wanted = _by_name(path, [member for member in members if names.fullmatch(member.name)])
            for member in wanted.values():
                member.check_ratio()
            reading.check_total(path, sum(each.info.file_size for each in wanted.values() if not each.may_stay))
            return {name: member.read() for name, member in wanted.items()}
    except (FileNotFoundError, PermissionError):
        raise
    except (OSError, *_BROKEN) as error:
        raise DataError(f"{path}: not a readable .npz file ({error})") from error


def _by_name(path: Path, members: list[_Member]) -> dict[str, _Member]:
    found = {member.name: member for member in members}
    if len(found) != len(members):
        names = [member.name for member in members]
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{path}: array {twice!r} is there twice; write the file again")
    return found


@dataclass(frozen=True)
class _Header:
    """What a member's header promises, and the bytes that were read behind it on the way."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype
    length: int
    start: bytes


@dataclass(frozen=True)
class _Member:
    """One array of the archive.

    Every read names its number of bytes: without it zipfile unpacks up to 2 GiB at once, whatever size was declared.
    """

    path: Path
    archive: zipfile.ZipFile
    info: zipfile.ZipInfo
    reading: Reading

    @property
    def name(self) -> str:
        return self.info.filename.removesuffix(".npy")

    @property
    def is_large(self) -> bool:
        """Whether it is scores that need not be held in memory."""
        return self.name.endswith(SCORES) and self.info.file_size > self.reading.held_bytes

    @property
    def may_stay(self) -> bool:
        """Whether it can be read block by block where it lies."""
        return self.is_large and self.info.compress_type == zipfile.ZIP_STORED

    def check_ratio(self) -> None:
        """Scores never pack so well; a small file that claims so much memory is a bomb (D4)."""
        size, packed = self.info.file_size, max(1, self.info.compress_size)
        if size > _BOMB_BYTES and size > _BOMB_RATIO * packed:
            raise self.error(f"would unpack {packed} bytes into {size}; save it without compression if that is right")

    def read(self) -> Any:
        """The array, held or stored; its header must promise exactly the bytes that the archive holds."""
        if self.info.flag_bits & 0x1 or self.info.compress_type not in _PLAIN_OR_DEFLATED:
            raise self.error("is encrypted or packed in a way numpy does not write; save it with numpy")
        try:
            with self.archive.open(self.info) as file:
                head = self._head(file)
                if not self.is_large or head.fortran or len(head.shape) != 2 or head.dtype.kind not in "fiu":
                    return self._held(file, head)
                return self._stored(file, head) if self.may_stay else self._spooled(file, head)
        except _BROKEN as error:
            raise self.error(f"is damaged or truncated ({error}); write the file again") from error

    def error(self, words: str) -> DataError:
        return DataError(f"{self.path}: array {self.name!r} {words}")

    def _head(self, file: IO[bytes]) -> _Header:
        size = self.info.file_size
        head = io.BytesIO(file.read(min(size, _HEADER_BYTES)))
        shape, fortran, dtype = self._parsed(head)
        if dtype.hasobject or dtype.itemsize == 0 or min(shape, default=0) < 0:
            raise self.error(f"holds objects ({dtype}, {shape}), never read; store numbers or text")
        promised, held = prod(shape) * dtype.itemsize, size - head.tell()
        if promised != held:
            raise DataError(
                f"{self.path}: the header of array {self.name!r} promises {promised} bytes, the file holds {held}"
            )
        return _Header(shape, fortran, dtype, head.tell(), head.read())

    def _parsed(self, head: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
        try:
            version = npy.read_magic(head)
            if version == (1, 0):
                return npy.read_array_header_1_0(head)
            if version == (2, 0):
                return npy.read_array_header_2_0(head)
        except (ValueError, TypeError, SyntaxError, RecursionError, OverflowError, tokenize.TokenError) as error:
            raise self.error(f"has no readable npy header ({error})") from error
        raise self.error(f"has npy format {version}; expected 1.0 or 2.0, as numpy writes numbers")

    def _held(self, file: IO[bytes], head: _Header) -> np.ndarray:
        held = self.info.file_size - head.length
        data = bytearray(head.start)
        data += file.read(held - len(data))
        if len(data) != held:
            raise self.error(f"is truncated: {len(data)} of {held} bytes; write the file again")
        if head.dtype.kind == "U" and held and np.frombuffer(data, f"{head.dtype.str[0]}u4").max() > 0x10FFFF:
            raise self.error("holds numbers that are no characters; write the file again")
        return np.ndarray(head.shape, head.dtype, buffer=data, order="F" if head.fortran else "C")

    def _stored(self, file: IO[bytes], head: _Header) -> Stored:
        """Its place in the file, after one pass over it for the checksum."""
        for _ in self._pieces(file, head, CELLS):
            pass
        known = NamedFile(self.path)
        local = known.read(self.info.header_offset, 30)
        place = self.info.header_offset + 30 + sum(struct.unpack("<HH", local[26:30])) + head.length
        if known.read(place, len(head.start)) != head.start:
            raise self.error("is not where the archive says; write the file again")
        return Stored(known, place, (head.shape[0], head.shape[1]), head.dtype)

    def _spooled(self, file: IO[bytes], head: _Header) -> Any:
        """Unpacked into a temporary file, a block of rows at a time."""
        rows, columns = head.shape
        made, of_row = Growing(columns, head.dtype, self.reading.held_bytes), columns * head.dtype.itemsize
        if of_row:
            for piece in self._pieces(file, head, max(1, CELLS // columns) * of_row):
                made.add(np.frombuffer(piece, head.dtype).reshape(-1, columns))
        return made.done() if made.rows == rows else np.empty((rows, columns), head.dtype)

    def _pieces(self, file: IO[bytes], head: _Header, size: int) -> Iterator[bytes]:
        """All bytes behind the header, `size` at a time; zipfile compares the checksum at the end."""
        left, piece = self.info.file_size - head.length, head.start
        while left:
            if len(piece) < min(size, left):
                more = file.read(min(size, left) - len(piece))
                if not more:
                    raise self.error("is truncated; write the file again")
                piece += more
                continue
            yield piece[:size]
            left -= len(piece[:size])
            piece = piece[size:]


def _class_names(path: Path, array: np.ndarray | None) -> list[str] | None:
    if array is None:
        return None
    if array.dtype.kind != "U" or array.ndim != 1:
        raise DataError(f"{path}: classes: expected a list of text; got {array.dtype} of shape {array.shape}")
    return [str(item) for item in array]


def _meta(path: Path, array: np.ndarray | None) -> dict[str, Any]:
    text = np.array("{}") if array is None else array
    if text.dtype.kind != "U" or text.ndim != 0:
        raise DataError(f"{path}: meta: expected one JSON text; got {text.dtype} of shape {text.shape}")
    try:
        meta = json.loads(text.item())
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: meta: not readable as JSON ({error})") from error
    if not isinstance(meta, dict):
        raise DataError(f"{path}: meta: expected a JSON object; got {type(meta).__name__}")
    return meta
