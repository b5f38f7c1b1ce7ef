"""The values this room hands out, and what a source hands in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

Kind = Literal["vector", "image", "tokens", "table", "text"]
PADDING = -1


@dataclass(frozen=True, eq=False)
class DataSplit:
    """One part of a data set: n samples whose entries belong together by position.

    inputs: (n, D) or (n, C, H, W) float32, or (n, L) int64 tokens, −1 where a text has ended. labels: (n,) int64, for
    tokens (n, L).
    ids: (n,) whole numbers or text, unique in a data set. groups: (n,) or None; samples of one group are not
    independent. posterior: (n, K) float64 or None, the true class probabilities where they are known.
    """

    inputs: np.ndarray
    labels: np.ndarray
    ids: np.ndarray
    groups: np.ndarray | None = None
    posterior: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.inputs)

    def take(self, rows: np.ndarray) -> DataSplit:
        """The samples at these positions."""
        groups = None if self.groups is None else self.groups[rows]
        posterior = None if self.posterior is None else self.posterior[rows]
        return DataSplit(self.inputs[rows], self.labels[rows], self.ids[rows], groups, posterior)


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set ready to train on: three splits, maybe a shifted copy of the test split, and its card.

    The fingerprint is a hash of the arrays and of every setting that changed them: data sets with the same
    fingerprint are the same. The card is plain JSON: source, licence, citation, rows, defaults, notes.
    """

    name: str
    kind: Kind
    train: DataSplit
    val: DataSplit
    test: DataSplit
    shifted: DataSplit | None
    classes: list[str]
    fingerprint: str
    card: dict[str, Any]
    cardinalities: tuple[int, ...] = ()

    @property
    def splits(self) -> dict[str, DataSplit]:
        """The splits by name, in the order train, val, test, shifted; `shifted` only where there is one."""
        named = {"train": self.train, "val": self.val, "test": self.test, "shifted": self.shifted}
        return {name: split for name, split in named.items() if split is not None}


@dataclass(frozen=True, eq=False)
class Source:
    """What a source delivers: raw samples, not yet split or prepared, with class names and card.

    `caps` limits how many samples a split keeps ("train", "val", "test"), spread evenly over the groups. `given` names
    the split of every sample, "" where that is open. A table holds numbers, NaN where there is none, and places in
    `categories` (None for a column of numbers); text holds places in `vocabulary`. `names` are those of a table's
    columns.
    """

    kind: Kind
    samples: DataSplit
    classes: list[str]
    card: dict[str, Any]
    caps: dict[str, int] = field(default_factory=dict)
    given: np.ndarray | None = None
    names: list[str] = field(default_factory=list)
    categories: list[list[str] | None] = field(default_factory=list)
    vocabulary: list[str] | None = None
