"""CSV and TSV: a header line, then one line a row; read by Python's own module, so that every fault has its line."""

from __future__ import annotations

import codecs
from functools import partial
from pathlib import Path

from ..._checks import DataError, UsageError
from ..._delimited import opened, records_of
from ...options import DataOptions
from ._table import Column, Table, check_names

_LARGEST = 2**30
_OTHERS = {";": "semicolons", "\t": "tabs", "|": "bars", ",": "commas"}
_PACKED = {
    b"\x1f\x8b": "a gzip archive: unpack it with gunzip",
    b"PK\x03\x04": "a zip archive or a spreadsheet: unpack it, or save the sheet as CSV",
    b"PAR1": "a Parquet file: name it .parquet",
    b"\xd0\xcf\x11\xe0": "an old Excel file: save the sheet as CSV",
    b"BZh": "a bzip2 archive: unpack it with bunzip2",
    b"\xfd7zXZ": "an xz archive: unpack it with unxz",
    b"\x80\x04\x95": "a pickle, which is never read: save the table as CSV",
    b"%PDF": "a PDF: save the table as CSV",
}


def read(path: Path, options: DataOptions) -> Table:
    """Every cell as text; the number of cells is checked line by line."""
    delimiter, encoding = _delimiter(path, options.delimiter), _encoding(options.encoding)
    _check_bytes(path)
    instead = "give its encoding, such as --encoding cp1252, or save the file as UTF-8"
    with opened(path, encoding, instead) as file:
        records = records_of(path, file, delimiter)
        line, names = next(records, (1, []))
        _check_header(path, line, names, delimiter)
        lines, cells = [], []
        for line, record in records:
            if len(record) != len(names):
                raise DataError(_ragged(path, line, record, names, delimiter))
            lines.append(line)
            cells.append(record)
    columns = [Column(name, partial(_cells, cells, place)) for place, name in enumerate(names)]
    return Table(str(path), columns, len(lines), lambda row: f"line {lines[row]}")


def _cells(records: list[list[str]], place: int) -> list[str]:
    return [record[place] for record in records]


def _delimiter(path: Path, given: str | None) -> str:
    sign = {"tab": "\t", "\\t": "\t"}.get(given or "", given)
    if sign is None:
        return "\t" if path.suffix.lower() == ".tsv" else ","
    if len(sign) != 1 or sign in '"\r\n':
        raise UsageError(f"--delimiter takes one sign, such as ';' or tab; got {given!r}")
    return sign


def _encoding(name: str) -> str:
    try:
        return "utf-8" if codecs.lookup(name).name in ("utf-8", "utf-8-sig", "ascii") else name
    except LookupError as error:
        raise UsageError(f"--encoding: there is no encoding {name!r}; common ones are utf-8, cp1252, utf-16") from error


def _check_bytes(path: Path) -> None:
    size = path.stat().st_size
    if size > _LARGEST:
        raise DataError(f"{path}: has {size / 2**20:.0f} MiB, above the limit of 1024 for text; save it as Parquet")
    with open(path, "rb") as file:
        start = file.read(8)
    if not start:
        raise DataError(f"{path}: is empty; expected a header line and rows")
    for magic, words in _PACKED.items():
        if start.startswith(magic):
            raise DataError(f"{path}: is {words}")


def _check_header(path: Path, line: int, names: list[str], delimiter: str) -> None:
    if not names:
        raise DataError(f"{path}: holds empty lines only; expected a header line and rows")
    if len(names) == 1:
        for sign, word in _OTHERS.items():
            if sign != delimiter and sign in names[0]:
                shown = "tab" if sign == "\t" else f"'{sign}'"
                raise DataError(f"{path}: line {line}: the columns are separated by {word}; give --delimiter {shown}")
        raise DataError(f"{path}: line {line}: there is one column, {names[0]!r}; expected a label and inputs")
    check_names(f"{path}: line {line}", names)
    if all(_is_number(name) for name in names):
        raise DataError(f"{path}: line {line} holds numbers only; write a header line with the names of the columns")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _ragged(path: Path, line: int, record: list[str], names: list[str], delimiter: str) -> str:
    word = _OTHERS.get(delimiter, repr(delimiter)).removesuffix("s")
    fix = f"quote texts that hold a {word}" if len(record) > len(names) else "fill the columns that are missing"
    last = f", from column {names[len(record)]!r} on" if len(record) < len(names) else ""
    return f"{path}: line {line} has {len(record)} cells, the header has {len(names)} columns{last}; {fix}"
