"""Tables of predictions: a column `label`, a column for each class, and `split`, `id`, `group` where they are known.

Labels are text and stay text (D5). What a class column holds is said, never guessed (C3): by its name, ``logit:cat`` or
``prob:cat``, or by the person who has the file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .._arrays import logarithms, no_distributions
from .._blocked import Growing
from .._checks import DataError
from ._content import Content, Reading

OTHERS = ("label", "split", "id", "group")
SPLITS = ("test", "val", "shifted")
_PREFIXES = {"logit:": "logits", "prob:": "probs"}
_SMALLEST = float(np.finfo(np.float32).tiny)
_LISTED = 8


def listed(names: Sequence[str]) -> str:
    """The first names, quoted, and how many more there are."""
    shown = ", ".join(map(repr, names[:_LISTED]))
    return f"{shown} and {len(names) - _LISTED} more" if len(names) > _LISTED else shown


@dataclass(frozen=True)
class Layout:
    """What the columns of a table are: the class columns by place, what they hold, and the place of each other one."""

    names: list[str]
    classes: list[str]
    columns: list[int]
    scores: str
    places: dict[str, int]


def layout(where: str, names: list[str], asked: str | None) -> Layout:
    """Understand the header of a table. `where` names it in errors; `asked` is what unprefixed class columns hold."""
    if twice := sorted(name for name, times in Counter(names).items() if times > 1):
        raise DataError(f"{where}: column {twice[0]!r} is there twice; give every column its own name")
    places = {name: names.index(name) for name in OTHERS if name in names}
    if "label" not in places:
        raise DataError(f"{where}: there is no column 'label'; the columns are {listed(names)}")
    scores, columns, classes = _class_columns(where, names, asked)
    if len(classes) < 2:
        raise DataError(f"{where}: the only class column is {names[columns[0]]!r}; expected two classes or more")
    return Layout(names, classes, columns, scores, places)


def _class_columns(where: str, names: list[str], asked: str | None) -> tuple[str, list[int], list[str]]:
    named = {
        scores: [place for place, name in enumerate(names) if name.startswith(prefix)]
        for prefix, scores in _PREFIXES.items()
    }
    if named["logits"] and named["probs"]:
        first = [names[found[0]] for found in named.values()]
        raise DataError(f"{where}: {first[0]!r} is a logit and {first[1]!r} a probability; keep one kind of them")
    for scores, found in named.items():
        if found:
            return scores, found, [names[place].partition(":")[2] for place in found]
    rest = [place for place, name in enumerate(names) if name not in OTHERS]
    if asked is None or not rest:
        what = listed([names[place] for place in rest]) or "none beside 'label'"
        raise DataError(
            f"{where}: no column is named as a class ('logit:cat' or 'prob:cat'); the others are {what}. Name them so, "
            "or say --logits or --probs if each of them is a class"
        )
    return asked, rest, [names[place] for place in rest]


@dataclass(frozen=True, eq=False)
class Block:
    """Some rows of a table: scores (m, K) float64, the other columns, and how a row is called in an error."""

    scores: np.ndarray
    labels: Sequence[str]
    splits: Sequence[str] | None
    ids: Sequence[Any] | None
    groups: Sequence[Any] | None
    place: Callable[[int], str]


class _Rows:
    """The rows of one split so far."""

    def __init__(self, classes: int, held_bytes: float) -> None:
        self.logits = Growing(classes, np.float32, held_bytes)
        self.lists: dict[str, list[np.ndarray]] = {"labels": [], "ids": [], "groups": []}


class Collector:
    """Blocks of rows in, arrays by split out; everything is checked on the way, where its line is still known."""

    def __init__(self, path: Path, known: Layout, reading: Reading) -> None:
        self._path, self._layout, self._reading = path, known, reading
        self._index = {name: place for place, name in enumerate(known.classes)}
        self._splits: dict[str, _Rows] = {}
        self._clipped = 0

    def add(self, block: Block) -> None:
        """Check and keep the rows of a block."""
        labels = self._labels(block)
        logits = self._logits(block)
        splits = np.array(["test"] * len(labels) if block.splits is None else self._checked_splits(block))
        for name in dict.fromkeys(splits.tolist()):
            rows = np.flatnonzero(splits == name)
            part = self._splits.setdefault(name, _Rows(len(self._index), self._reading.held_bytes))
            part.logits.add(logits[rows])
            for kind, values in (("labels", labels), ("ids", block.ids), ("groups", block.groups)):
                if values is not None:
                    part.lists[kind].append(np.asarray(values)[rows])
        self._reading.check_total(self._path, sum(part.logits.nbytes for part in self._splits.values()))

    def done(self) -> Content:
        """Everything that was added."""
        if "test" not in self._splits:
            what = f"only of {listed(list(self._splits))}" if self._splits else "none at all"
            raise DataError(f"{self._path}: there are no rows of the test split, {what}")
        arrays = {}
        for name, part in self._splits.items():
            arrays[f"{name}_logits"] = part.logits.done()
            for kind, pieces in part.lists.items():
                if pieces:
                    arrays[f"{name}_{kind}"] = np.concatenate(pieces)
        meta = {"given": "probs", "clipped": self._clipped} if self._layout.scores == "probs" else {}
        return Content(arrays, self._layout.classes, meta)

    def error(self, block: Block, row: int, words: str) -> DataError:
        """What is wrong with a row of a block, with its file and line."""
        return DataError(f"{self._path}: {block.place(row)}{words}")

    def _labels(self, block: Block) -> np.ndarray:
        found = [self._index.get(label, -1) for label in block.labels]
        if -1 in found:
            row = found.index(-1)
            prefix = "prob:" if self._layout.scores == "probs" else "logit:"
            prefixed = self._layout.names[self._layout.columns[0]].startswith(prefix)
            column = (prefix if prefixed else "") + block.labels[row]
            raise self.error(
                block, row, f", column 'label': there is no column {column!r} for the label {block.labels[row]!r}; "
                f"the classes are {listed(self._layout.classes)}",
            )  # fmt: skip
        return np.array(found, dtype=np.int64)

    def _checked_splits(self, block: Block) -> Sequence[str]:
        splits = block.splits or ()
        for row, name in enumerate(splits):
            if name not in SPLITS:
                raise self.error(block, row, f", column 'split': expected one of {listed(SPLITS)}; got {name!r}")
        return splits

    def _logits(self, block: Block) -> np.ndarray:
        wrong = np.isnan(block.scores) | (block.scores == np.inf)
        if wrong.any():
            row, column = (int(place[0]) for place in np.nonzero(wrong))
            name, value = self._layout.names[self._layout.columns[column]], block.scores[row, column]
            raise self.error(block, row, f", column {name!r} holds {_called(value)}; drop or repair such rows")
        if self._layout.scores == "logits":
            return block.scores
        bad = no_distributions(block.scores)
        if bad.any():
            row = int(bad.argmax())
            raise self.error(
                block, row, f": the probabilities are no distribution (from {block.scores[row].min():.6g}, sum "
                f"{block.scores[row].sum():.6g}; expected numbers ≥ 0 that sum to 1); name logits 'logit:…'",
            )  # fmt: skip
        self._clipped += int((block.scores < _SMALLEST).sum())
        return logarithms(block.scores)


def _called(value: float) -> str:
    return "NaN" if np.isnan(value) else "infinity"
