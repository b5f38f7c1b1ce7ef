"""From a source to a data set: split, cap, flip, corrupt, normalise, fingerprint."""

from __future__ import annotations

import hashlib
import json
from copy import deepcopy
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any

import numpy as np

from .._checks import UsageError
from ._given import described, divided
from ._prepare import fitted
from ._random import stream
from ._shift import DESCRIPTION, corrupt
from ._split import PERCENT
from ._types import Dataset, DataSplit, Source


@dataclass(frozen=True)
class Settings:
    """What may be done to a source: label noise by split, a shifted copy of the test split, the seed of it all."""

    label_noise: float = 0.0
    label_noise_val: float = 0.0
    shift: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        for what in ("label_noise", "label_noise_val"):
            value = getattr(self, what)
            if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= float(value) < 1:
                raise UsageError(f"{what} must be a number in [0, 1); got {value!r}")
        if isinstance(self.seed, bool) or not isinstance(self.seed, Integral) or self.seed < 0:
            raise UsageError(f"seed must be a whole number from 0; got {self.seed!r}")


def assemble(name: str, source: Source, settings: Settings) -> Dataset:
    """Turn a source into a data set."""
    raw = _split(source, settings.seed)
    noise = {"train": float(settings.label_noise), "val": float(settings.label_noise_val), "test": 0.0}
    done = {s: _flipped(split, noise[s], len(source.classes), s, settings.seed) for s, split in raw.items()}
    if settings.shift:
        done["shifted"] = _shifted(source, raw, settings.seed)
    prepared = fitted(source, raw["train"].inputs)
    ready = {s: replace(split, inputs=prepared.transform(split.inputs)) for s, split in done.items()}
    return Dataset(
        name=name,
        kind=source.kind,
        train=ready["train"],
        val=ready["val"],
        test=ready["test"],
        shifted=ready.get("shifted"),
        classes=list(source.classes),
        fingerprint=_fingerprint(source, {s: done[s] for s in PERCENT}, settings),
        card=_card(source, raw, settings, prepared.card),
        cardinalities=prepared.cardinalities,
    )


def _split(source: Source, seed: int) -> dict[str, DataSplit]:
    samples, where = source.samples, divided(source, seed)
    return {s: samples.take(_capped(rows, samples.groups, source.caps.get(s), seed)) for s, rows in where.items()}


def _capped(rows: np.ndarray, groups: np.ndarray | None, cap: int | None, seed: int) -> np.ndarray:
    """At most `cap` rows, dealt round by round over the groups, so that every group has its part."""
    if cap is None or len(rows) <= cap:
        return rows
    order = stream(seed, "cap").permutation(rows)
    member = np.zeros(len(order), np.int64) if groups is None else np.unique(groups[order], return_inverse=True)[1]
    together = np.argsort(member, kind="stable")
    turn = np.empty(len(order), np.int64)
    turn[together] = np.arange(len(order)) - np.searchsorted(member[together], member[together])
    return np.sort(order[np.argsort(turn, kind="stable")[:cap]])


def _flipped(split: DataSplit, rate: float, num_classes: int, name: str, seed: int) -> DataSplit:
    """Each label replaced with probability `rate` by one of the other K−1 classes, all equally likely."""
    rng = stream(seed, f"label noise {name}")
    step = rng.integers(1, num_classes, size=split.labels.shape)
    flip = rng.random(split.labels.shape) < rate
    return replace(split, labels=np.where(flip, (split.labels + step) % num_classes, split.labels).astype(np.int64))


def _shifted(source: Source, raw: dict[str, DataSplit], seed: int) -> DataSplit:
    test, train = raw["test"], raw["train"].inputs
    inputs = corrupt(source, test.inputs, train, stream(seed, "shift"))
    return replace(test, inputs=inputs, posterior=None)


def _fingerprint(source: Source, splits: dict[str, DataSplit], settings: Settings) -> str:
    """First 16 hex digits of a sha256 over raw inputs, labels after noise, ids, groups, posterior and settings.

    Raw inputs, and posteriors rounded to 1e-6: what is computed may differ in its last bit between processors.
    """
    shift = DESCRIPTION[source.kind] if settings.shift else None
    made = [float(settings.label_noise), float(settings.label_noise_val), shift, int(settings.seed)]
    digest = hashlib.sha256(json.dumps([source.kind, source.classes, made, *_tables(source)]).encode())
    for name, split in splits.items():
        posterior = None if split.posterior is None else np.round(split.posterior, 6)
        for array in (split.inputs, split.labels, split.ids, split.groups, posterior):
            digest.update(f"{name} {None if array is None else (array.dtype.str, array.shape)}".encode())
            digest.update(b"" if array is None else np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


def _tables(source: Source) -> list[Any]:
    """What the numbers of the arrays stand for, where they stand for something."""
    return [each for each in (source.names, source.categories, source.vocabulary) if each]


def _card(source: Source, splits: dict[str, DataSplit], settings: Settings, added: dict[str, Any]) -> dict[str, Any]:
    groups = {name: len(np.unique(split.groups)) for name, split in splits.items() if split.groups is not None}
    return {
        **_merged(deepcopy(source.card), added),
        "kind": source.kind,
        "classes": len(source.classes),
        "rows": {name: len(split) for name, split in splits.items()},
        "groups": groups or None,
        "balance": _balance(source.classes, splits),
        "split": described(source),
        "seed": int(settings.seed),
        "label_noise": {"train": float(settings.label_noise), "val": float(settings.label_noise_val)},
        "shift": DESCRIPTION[source.kind] if settings.shift else None,
    }


def _merged(card: dict[str, Any], added: dict[str, Any]) -> dict[str, Any]:
    """The card of a source and of what was done to its columns: lists are put together."""
    lists = {key: card[key] + value for key, value in added.items() if isinstance(card.get(key), list)}
    return {**card, **added, **lists}


def _balance(classes: list[str], splits: dict[str, DataSplit]) -> dict[str, dict[str, int]] | None:
    """Rows of each class in each split; none where every position of a sequence is a row."""
    if splits["train"].labels.ndim > 1:
        return None
    counts = {name: np.bincount(split.labels, minlength=len(classes)) for name, split in splits.items()}
    return {c: {name: int(counts[name][i]) for name in counts} for i, c in enumerate(classes)}
