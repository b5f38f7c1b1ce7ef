"""From what people name (files, patterns, objects) to predictions that say which method and seed they are."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import formats
from .._checks import UsageError
from ..predictions import Predictions
from ._naming import Called, called, seeds_of

Member = tuple[str | None, Any]


@dataclass(frozen=True)
class Source:
    """Predictions to come: a file or an object, whether its method was named, and what it is if it does not say so."""

    given: Any
    is_named: bool
    called: Called

    def load(self, scores: str | None = None) -> Predictions:
        """Read it, large logits staying on the disk, and complete what it says of itself."""
        found = self.given
        if not isinstance(found, Predictions):
            found = Predictions.load(found, scores=scores, in_memory=False)
        meta = dict(found.meta)
        if self.is_named or ("method" not in meta and "label_smoothing" not in meta):
            meta["method"] = self.called.method
        if self.called.seed is not None:
            meta.setdefault("seed", self.called.seed)
        return found.described(**meta)


def sources(files: Any) -> list[Source]:
    """The predictions named by a list of files, ``name=pattern`` texts or objects, or by a dictionary of them.

    Raises UsageError for a pattern without a file.
    """
    pairs = files.items() if isinstance(files, Mapping) else (_parsed(each) for each in files)
    members: list[Member] = [
        (None if name is None else str(name), member) for name, value in pairs for member in _members(value)
    ]
    if not members:
        raise UsageError("there are no predictions to measure; name at least one file, such as evaluate model.npz")
    _refuse_twice(members)
    named = zip(members, _called(members), strict=True)
    return [Source(member, name is not None, each) for (name, member), each in named]


def _refuse_twice(members: list[Member]) -> None:
    """The same file twice would be two seeds that agree in every row."""
    seen = set()
    for name, member in members:
        if isinstance(member, Path) and (name, member.resolve()) in seen:
            raise UsageError(f"{member} is given twice; name each file once")
        seen.add((name, member.resolve() if isinstance(member, Path) else id(member)))


def _parsed(each: Any) -> tuple[str | None, Any]:
    """``name=pattern``, but a file whose own name holds "=" is itself."""
    if isinstance(each, str) and "=" in each and not Path(each).exists():
        name, _, pattern = each.partition("=")
        return name, pattern
    return None, each


def _members(value: Any) -> list[Any]:
    if isinstance(value, Predictions):
        return [value]
    if isinstance(value, Path):
        return _files_in(value) if value.is_dir() else [value]
    if isinstance(value, str):
        found = [value] if Path(value).exists() else sorted(glob.glob(value))
        if not found:
            raise UsageError(f"no file is named {value!r}, and none fits it as a pattern")
        return [member for each in found for member in _members(Path(each))]
    if not isinstance(value, Iterable):
        raise UsageError(f"expected a file, a pattern or Predictions; got {type(value).__name__} {value!r}")
    return [member for each in value for member in _members(each)]


def _files_in(folder: Path) -> list[Path]:
    endings = {f".{name}" for name in formats.names()}
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in endings)
    if not found:
        raise UsageError(f"{folder} holds no file of predictions ({', '.join(sorted(endings))})")
    return found


def _called(members: list[Member]) -> list[Called]:
    """The method and the seed of each: as it was given, from its file's name, or by its number."""
    of_files = iter(called([member for name, member in members if name is None and isinstance(member, Path)]))
    by_name: dict[str, list[Any]] = {}
    for name, member in members:
        by_name.setdefault(name or "", []).append(member)
    of_names = {name: iter(seeds) for name, seeds in _numbered(by_name).items()}
    found = []
    for number, (name, member) in enumerate(members, start=1):
        if name is not None:
            found.append(Called(name, next(of_names[name])))
        else:
            found.append(next(of_files) if isinstance(member, Path) else Called(f"model {number}", None))
    return found


def _numbered(by_name: dict[str, list[Any]]) -> dict[str, list[int]]:
    """Seeds of the files under each name: the numbers in their names where all have some in common, else in order."""
    given = {name: members for name, members in by_name.items() if name}
    numbers = {name: seeds_of(members) for name, members in given.items()}
    known = [set(found) for found in numbers.values() if found is not None]
    shared = len(known) == len(given) and known and set.intersection(*known)
    return {name: (shared and numbers[name]) or list(range(len(members))) for name, members in given.items()}
