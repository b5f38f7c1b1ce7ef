"""From a name to a data set: a built-in one, or whichever kind of a person's own data the name is of."""

from __future__ import annotations

import errno
import os
from dataclasses import fields, replace
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any

from .._checks import DataError, UsageError
from ..options import DataOptions, from_names
from ._assemble import Settings, assemble
from ._catalog import names
from ._types import Dataset, Source

_KINDS = ("huggingface", "npz", "table", "images", "factory")
_ANY = ("label_noise", "label_noise_val", "shift")
_UNREADABLE = {
    ".xlsx": "save the sheet as CSV", ".xls": "save the sheet as CSV", ".ods": "save the sheet as CSV",
    ".zip": "unpack it", ".gz": "unpack it", ".tar": "unpack it", ".tgz": "unpack it", ".bz2": "unpack it",
    ".7z": "unpack it", ".xz": "unpack it",
    ".pkl": "a pickle can run any code and is never read; save arrays with numpy.savez",
    ".pickle": "a pickle can run any code and is never read; save arrays with numpy.savez",
    ".pt": "it holds a pickle, which is never read; save arrays with numpy.savez",
    ".joblib": "it holds a pickle, which is never read; save arrays with numpy.savez",
    ".npy": "save inputs and labels together: numpy.savez('data.npz', X=X, y=y)",
    ".json": "save the rows as CSV or Parquet", ".jsonl": "save the rows as CSV or Parquet",
    ".arff": "save the rows as CSV or Parquet",
    ".py": "a function that returns data is named package.module:function",
}  # fmt: skip


def load(name: str, options: DataOptions | None = None, *, seed: int = 0, **changes: Any) -> Dataset:
    """Load a built-in data set or one's own file, folder, `hf:` data set or factory; by default split 50/15/35.

    options: a DataOptions, or any of its fields by name. Of these, label_noise and label_noise_val are the probability
    in [0, 1) that a training (validation) label is replaced by one of the other classes; test labels and posteriors
    stay clean; shift adds a corrupted copy of the test split. seed: of the split, the noise and the shift; a comparison
    keeps it at 0 for all trials. Raises UsageError for an unknown name or an option that does not fit, DataError
    naming file, line and column for data that cannot be used.

    >>> data = load("digits")
    >>> data.kind, data.train.inputs.shape, len(data.val), len(data.test)
    ('image', (898, 1, 8, 8), 270, 629)
    """
    chosen = replace(options or DataOptions(), **from_names(DataOptions, changes))
    settings = Settings(chosen.label_noise, chosen.label_noise_val, chosen.shift, seed)
    if not isinstance(name, str) or not name.strip():
        raise UsageError(f"data must be a name, one of {names()}, or a path; got {name!r}")
    _check_path(name)
    if name in names():
        _refuse_options(name, chosen, "built in")
        return assemble(name, import_module(f".sources.{name}", __package__).load(), settings)
    return assemble(short(name), _source(name, chosen), settings)


def _check_path(name: str) -> None:
    """A name that no file system could hold is said as that; whether the file is there is looked at later."""
    try:
        os.stat(name)
    except (OSError, ValueError) as error:
        if isinstance(error, ValueError) or error.errno == errno.ENAMETOOLONG:
            raise UsageError(f"data must be one of {names()}, or a path; got {name!r:.80}, which is none") from error


def short(name: str) -> str:
    """What data are called on a page: the file's or folder's own name."""
    prefix, colon, rest = name.partition(":")
    if colon and not Path(name).exists():
        return rest if prefix == "hf" else name
    return Path(name).resolve().name


def _refuse_options(name: str, chosen: DataOptions, what: str, uses: tuple[str, ...] = ()) -> None:
    """Options that say nothing about data of this kind are a mistake."""
    given = [f.name for f in fields(DataOptions) if getattr(chosen, f.name) != f.default]
    if wrong := [each for each in given if each not in (*_ANY, *uses)]:
        raise UsageError(f"--{wrong[0].replace('_', '-')} does not go with {name!r}, which is {what}; leave it out")


def _source(name: str, chosen: DataOptions) -> Source:
    for kind in _KINDS:
        module = import_module(f".kinds.{kind}", __package__)
        if module.takes(name):
            _refuse_options(name, chosen, module.WHAT, module.USES)
            source: Source = module.load(name, chosen)
            return source
    raise _unknown(name)


def _unknown(name: str) -> UsageError | DataError:
    path = Path(name)
    if words := _UNREADABLE.get(path.suffix.lower()):
        return DataError(f"{name}: {path.suffix} files are not read: {words}")
    kinds = "file.csv, file.tsv, file.parquet, data.npz, a folder of images, hf:NAME or package.module:function"
    if path.exists():
        return DataError(f"{name}: not a kind of file that is read; expected {kinds}")
    if path.suffix or len(path.parts) > 1:
        return DataError(f"{name}: there is no such file; expected {kinds}")
    close = get_close_matches(name, names(), n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return UsageError(f"data must be one of {names()}, {kinds}; got {name!r}{hint}")
