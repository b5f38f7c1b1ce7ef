"""Predictions that may be compared: the same rows in every file, and a name, a family and a seed for each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any

import numpy as np

from .._checks import DataError
from ..predictions import Predictions, Split
from ._matching import are_numbers, class_order, refuse_one_class, same_rows, with_columns

COMPARED = ("val", "test", "shifted")


@dataclass(frozen=True)
class Identity:
    """Whose predictions these are: what results.json says of a method, its checkpoint, and the seed.

    `family` is empty where nothing says it.
    """

    method: str
    family: str
    checkpoint: str
    seed: int
    scheme: str
    label_smoothing: float
    weight_decay: float | None
    dropout: float | None
    rival: str = ""
    learning_rate: float | None = None

    @property
    def setting(self) -> tuple[str, str]:
        """Method and checkpoint: one line of the table."""
        return self.method, self.checkpoint


@dataclass
class Reader:
    """Checks each Predictions against the first as it comes, so that no more than one has to be in memory."""

    first: dict[str, Split] = field(default_factory=dict)
    classes: list[str] = field(default_factory=list)
    source: str = "the first file"
    clipped: int = 0
    settings: dict[tuple[str, str], list[Identity]] = field(default_factory=dict)
    places: dict[tuple[str, str, int], int] = field(default_factory=dict)
    data_name: str | None = None
    data_fingerprint: str | None = None
    unnamed_seeds: bool = False
    count: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """Test rows and classes."""
        return len(self.first["test"].labels), len(self.classes)

    def read(self, predictions: Iterable[Predictions]) -> Iterator[tuple[Identity, dict[str, Split], Any]]:
        """Each identity with its splits, rows in the order of the first file's, and the epoch it is from."""
        for each in predictions:
            self.count += 1
            identity = self._identify(each)
            self.places[*identity.setting, identity.seed] = self.count - 1
            self._same_data(each.meta, _who(identity, each))
            splits = self.aligned(identity, each)
            clipped = each.meta.get("clipped")
            self.clipped += clipped if isinstance(clipped, int) else 0
            yield identity, splits, each.meta.get("epoch")

    def aligned(self, identity: Identity, predictions: Predictions) -> dict[str, Split]:
        """The splits that are compared, with rows and classes in the order of the first file's."""
        who = _who(identity, predictions)
        alike = self._same_classes(predictions, who)
        self._same_splits(predictions, who)
        return {name: self._aligned(name, split, who) for name, split in alike.items() if name in COMPARED}

    def _same_data(self, meta: dict[str, Any], who: str) -> None:
        self.data_name = self.data_name or meta.get("data")
        self.data_fingerprint = self.data_fingerprint or meta.get("data_fingerprint")
        if meta.get("data_fingerprint") not in (None, self.data_fingerprint):
            raise DataError(
                f"{who} was trained on other data than {self.source} (their data fingerprints differ); "
                "methods are compared on one data set and one split"
            )

    def _same_splits(self, predictions: Predictions, who: str) -> None:
        """Temperatures from validation and crosswise ones are not comparable: all files have the split, or none has."""
        here, there = predictions.val is not None, "val" in self.first
        if self.first and here != there:
            has, lacks = (who, self.source) if here else (self.source, who)
            raise DataError(
                f"{lacks}: no validation split, but {has} has one, so their temperatures are not comparable; give all "
                "files one (val_logits, val_labels), or none"
            )

    def _identify(self, predictions: Predictions) -> Identity:
        where = "" if predictions.path is None else f"{predictions.path}: "
        try:
            identity = self._named(predictions.meta)
        except DataError as error:
            raise DataError(f"{where}{error}") from error
        others = self.settings.setdefault(identity.setting, [])
        if others and _constant(others[0]) != _constant(identity):
            raise DataError(
                f"{where}{identity.method!r} means two things: {_constant(others[0])} and {_constant(identity)}; "
                "give the methods different names in meta['method']"
            )
        if identity.seed in (other.seed for other in others):
            raise DataError(
                f"{where}two files are {identity.method!r} ({identity.checkpoint}), seed {identity.seed}; "
                "give each its own seed"
            )
        others.append(identity)
        return identity

    def _named(self, meta: dict[str, Any]) -> Identity:
        amount = _number(meta, "label_smoothing")
        method = meta.get("method") or _method(meta, amount, self.count)
        checkpoint = str(meta.get("checkpoint", "last"))
        self.unnamed_seeds = self.unnamed_seeds or "seed" not in meta
        order = len(self.settings.get((str(method), checkpoint), []))
        return Identity(
            method=str(method),
            family=_family(meta, amount, str(method)),
            checkpoint=checkpoint,
            seed=_seed(meta, order),
            scheme=str(meta.get("scheme", "")),
            label_smoothing=amount or 0.0,
            weight_decay=_number(meta, "weight_decay"),
            dropout=_number(meta, "dropout"),
            rival=str(meta.get("rival") or ""),
            learning_rate=_number(meta, "learning_rate"),
        )

    def _same_classes(self, predictions: Predictions, who: str) -> dict[str, Split]:
        """The splits with their class columns in the order of the first file's."""
        given = predictions.classes
        if not self.classes:
            self.classes = given
            self.source = self.source if predictions.path is None else str(predictions.path)
        order = class_order(given, self.classes, who, self.source)
        if are_numbers(self.classes):
            self.classes = given
        if order is None:
            return predictions.splits
        return {name: with_columns(split, order) for name, split in predictions.splits.items()}

    def _aligned(self, name: str, split: Split, who: str) -> Split:
        """The split with its rows in the order of the first file's, which is remembered without its logits."""
        known, what = self.first.get(name), f"{who}: the {name} split"
        if known is not None:
            return same_rows(known, split, what, self.source)
        refuse_one_class(split, self.classes, what)
        self.first[name] = replace(split, logits=np.empty((0, len(self.classes)), np.float32), posterior=None)
        return split


def _who(identity: Identity, predictions: Predictions) -> str:
    where = "" if predictions.path is None else f"{predictions.path}: "
    return f"{where}{identity.method} ({identity.checkpoint}), seed {identity.seed}"


def _constant(identity: Identity) -> str:
    return (
        f"{identity.family or 'unknown family'}, scheme {identity.scheme or 'unknown'}, "
        f"ε={identity.label_smoothing:g}, weight decay {identity.weight_decay}, dropout {identity.dropout}"
    )


def _number(meta: dict[str, Any], key: str) -> float | None:
    value = meta.get(key)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value)):
        raise DataError(f"meta[{key!r}]: expected a number; got {value!r}")
    return None if value is None else float(value)


def _seed(meta: dict[str, Any], order: int) -> int:
    seed = meta.get("seed", order)
    if isinstance(seed, str) and seed.strip().isdecimal():
        return int(seed)
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise DataError(f"meta['seed']: expected a whole number; got {seed!r}")
    return seed


def _method(meta: dict[str, Any], amount: float | None, number: int) -> str:
    if amount is None:
        raise DataError(
            f"predictions {number} do not say what they are; give Predictions(…, meta={{'method': 'hard', 'seed': 0}}) "
            "or a meta['label_smoothing']"
        )
    return f"{meta.get('scheme') or 'uniform'} {amount:g}" if amount else "hard"


def _family(meta: dict[str, Any], amount: float | None, method: str) -> str:
    """Said in meta; else from the amount; else only the name "hard" is understood, and the rest is unknown."""
    family = meta.get("family")
    if family in ("hard", "smooth", "rival"):
        return str(family)
    if family is not None:
        raise DataError(
            f"{method!r}: expected meta['family'] to be hard (no smoothing), smooth or rival; got {family!r}. "
            "A meta['label_smoothing'] says it too"
        )
    if amount is None:
        return "hard" if method == "hard" else ""
    return "smooth" if amount else "hard"
