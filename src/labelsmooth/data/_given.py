"""Splits that a person gave, and what is left to be split: 50 % train, 15 % validation, 35 % test of what is open."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from .._checks import DataError
from ._split import PERCENT, assign
from ._types import Source

WORDS = {"train": "training", "val": "validation", "test": "test"}
ALIASES = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "dev": "val",
           "test": "test"}  # fmt: skip


def divided(source: Source, seed: int) -> dict[str, np.ndarray]:
    """Positions of the samples of every split: those that are given, the open ones split."""
    samples, given = source.samples, _open(source)
    still, open_rows = _still(given), np.flatnonzero(given == "")
    made = {split: np.flatnonzero(given == split) for split in PERCENT}
    if list(still) == ["train"]:
        made["train"] = open_rows
    elif open_rows.size:
        part = samples.take(open_rows)
        shares = assign(part.labels, part.groups, seed=seed, classes=source.classes, percent=still)
        made.update({split: open_rows[rows] for split, rows in shares.items()})
    _check(source, made)
    return made


def described(source: Source) -> str:
    """How the rows were split, for the card."""
    given = _open(source)
    still = _still(given)
    how = "whole groups" if source.samples.groups is not None else "class"
    made = f"{'/'.join(str(part) for part in still.values())} by {how}"
    if len(still) == len(PERCENT):
        return made
    own = " and ".join(WORDS[split] for split in PERCENT if split not in still)
    return f"{own} given" + (f"; the rest {' and '.join(still)} {made}" if len(still) > 1 else "")


def _open(source: Source) -> np.ndarray:
    """The split given to each sample; training rows are open as long as another split has to be made of them."""
    if source.given is None:
        return np.full(len(source.samples), "")
    whole = {"val", "test"} <= set(source.given.tolist())
    return source.given if whole else np.where(source.given == "train", "", source.given)


def _still(given: np.ndarray) -> dict[str, int]:
    there = set(given.tolist())
    return {split: part for split, part in PERCENT.items() if split not in there}


def _check(source: Source, made: dict[str, np.ndarray]) -> None:
    labels, groups = source.samples.labels, source.samples.groups
    for split, rows in made.items():
        if not rows.size:
            raise DataError(f"the {WORDS[split]} split has no rows; give it some, or leave it out to have one made")
    if source.given is None:
        return
    known = set(np.unique(labels[made["train"]]).tolist())
    for split in ("val", "test"):
        if unknown := sorted(set(np.unique(labels[made[split]]).tolist()) - known):
            raise DataError(
                f"class {source.classes[unknown[0]]!r} is in the {WORDS[split]} split and not in the training split, "
                "where it could be learned; add training rows of it, or remove it"
            )
    if groups is None:
        return
    for one, other in combinations(made, 2):
        if both := set(groups[made[one]].tolist()) & set(groups[made[other]].tolist()):
            raise DataError(
                f"group {min(both)!r} is in the {WORDS[one]} and in the {WORDS[other]} split; a group must be on one "
                "side: move its rows"
            )
