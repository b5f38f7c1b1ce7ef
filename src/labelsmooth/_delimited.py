"""Records of a text file with separated columns, each with its line number; every fault names file and line (D6)."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ._checks import DataError

_LONGEST_LINE = 2**24
_MOST_COLUMNS = 2**18
Record = tuple[int, list[str]]


@contextmanager
def opened(path: Path, encoding: str = "utf-8", instead: str = "save the file as UTF-8") -> Iterator[IO[str]]:
    """The file as text. What is no text in that encoding raises DataError, which ends in what to do `instead`."""
    with open(path, encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline="") as file:
        try:
            yield file
        except UnicodeError as error:
            raise DataError(f"{path}: {_misplaced_byte(path, encoding)}; {instead}") from error


def records_of(path: Path, file: IO[str], delimiter: str = ",") -> Iterator[Record]:
    """Each record with the number of its first line; empty lines are passed over."""
    reader = csv.reader(_lines(path, file), strict=True, delimiter=delimiter)
    line = 1
    try:
        for record in reader:
            if len(record) > _MOST_COLUMNS:
                raise DataError(f"{path}: line {line} has {len(record)} cells, above the limit of {_MOST_COLUMNS}")
            if record:
                yield line, record
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{path}: line {line}: not readable as CSV ({error}); look for a stray quote") from error


def _lines(path: Path, file: IO[str]) -> Iterator[str]:
    number = 0
    while line := file.readline(_LONGEST_LINE):
        number += 1
        if len(line) == _LONGEST_LINE:
            raise DataError(f"{path}: line {number} is longer than {_LONGEST_LINE} characters; is this a CSV file?")
        if "\0" in line:
            raise DataError(f"{path}: line {number} holds a NUL character; save the file as plain text, UTF-8")
        yield line


def _misplaced_byte(path: Path, encoding: str) -> str:
    """Which line is not text in that encoding."""
    with open(path, "rb") as file:
        if file.read(2) in (b"\xff\xfe", b"\xfe\xff"):
            return "line 1: this is UTF-16 text"
        file.seek(0)
        for number, line in enumerate(file, start=1):
            try:
                line.decode(encoding)
            except UnicodeDecodeError as error:
                return f"line {number}: byte {line[error.start]:#04x} is no {encoding.upper()} text"
    return f"not {encoding.upper()} text"
