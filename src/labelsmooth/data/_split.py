"""One split for all trials: 50 % train, 15 % validation, 35 % test, by class or by whole groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .._checks import DataError
from ._random import stream
from ._types import DataSplit

PERCENT = {"train": 50, "val": 15, "test": 35}
_TRIES = 50


def split_arrays(
    inputs: Any,
    labels: Any,
    *,
    groups: Any = None,
    ids: Any = None,
    posterior: Any = None,
    seed: int = 0,
) -> dict[str, DataSplit]:
    """Split arrays 50/15/35 into train, val and test: stratified by class, or by whole groups where these are given.

    inputs: n samples, any shape. labels: (n,) whole numbers from 0, or (n, L) for tokens (not stratified). groups,
    ids: (n,) or None (ids default to the row number). posterior: (n, K) or None. The same arrays and seed give the
    same split. Raises DataError if lengths differ or a class (or group) cannot be in all three splits.

    >>> parts = split_arrays(np.zeros((40, 3)), np.repeat([0, 1], 20))
    >>> {name: len(part) for name, part in parts.items()}
    {'train': 20, 'val': 6, 'test': 14}
    """
    given = {"inputs": inputs, "labels": labels, "ids": ids, "groups": groups, "posterior": posterior}
    arrays = {name: np.asarray(values) for name, values in given.items() if values is not None}
    arrays.setdefault("ids", np.arange(len(arrays["labels"])))
    _refuse_misfits(arrays)
    whole = DataSplit(**arrays)
    return {name: whole.take(rows) for name, rows in assign(whole.labels, whole.groups, seed=seed).items()}


def assign(
    labels: np.ndarray,
    groups: np.ndarray | None,
    *,
    seed: int,
    classes: list[str] | None = None,
    percent: Mapping[str, int] = PERCENT,
) -> dict[str, np.ndarray]:
    """Positions of the samples of every split, in order; `classes` are the names for messages.

    `percent` is the share of each split, of those that are to be made.
    """
    units = len(labels) if groups is None else len(np.unique(groups))
    if units < len(percent):
        what = "rows" if groups is None else "groups"
        raise DataError(f"there are {units} {what}; at least {len(percent)} are needed, for {_listed(percent)}")
    strata = labels if labels.ndim == 1 else np.zeros(len(labels), np.int64)
    names = classes if classes and labels.ndim == 1 else [str(c) for c in range(int(strata.max()) + 1)]
    if groups is None:
        codes = _by_class(strata, names, seed, percent)
    else:
        codes = _by_group(strata, groups, names, seed, percent)
    return {name: np.flatnonzero(codes == i) for i, name in enumerate(percent)}


def _listed(percent: Mapping[str, int]) -> str:
    names = [{"val": "validation"}.get(name, name) for name in percent]
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _refuse_misfits(arrays: dict[str, np.ndarray]) -> None:
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise DataError(f"all arrays must have one entry for each sample; got lengths {lengths}")
    labels = arrays["labels"]
    if labels.dtype.kind not in "iu" or (labels.size and labels.min() < 0):
        raise DataError(
            f"labels must be whole numbers from 0 (from_arrays takes labels of any type); got {labels.dtype}"
        )


def _by_class(strata: np.ndarray, classes: list[str], seed: int, percent: Mapping[str, int]) -> np.ndarray:
    counts = np.bincount(strata, minlength=len(classes))
    _refuse_rare(counts, classes, "rows", percent)
    rng, codes, start = stream(seed, "split"), np.empty(len(strata), np.int64), 0
    for c in np.flatnonzero(counts):
        rows = rng.permutation(np.flatnonzero(strata == c))
        codes[rows] = np.repeat(np.arange(len(percent)), _parts(start, start + len(rows), list(percent.values())))
        start += len(rows)
    return codes


def _parts(start: int, stop: int, percent: list[int]) -> list[int]:
    """How many of the rows start…stop go to each split: rounded along the whole, so that errors do not add up."""
    total = sum(percent)
    others = [max(1, _share(stop, part, total) - _share(start, part, total)) for part in percent[1:]]
    if others:
        others[-1] = min(others[-1], stop - start - sum(others[:-1]) - 1)
    return [stop - start - sum(others), *others]


def _share(rows: int, part: int, total: int) -> int:
    return (rows * part + total // 2) // total


def _by_group(
    strata: np.ndarray, groups: np.ndarray, classes: list[str], seed: int, percent: Mapping[str, int]
) -> np.ndarray:
    member = np.unique(groups, return_inverse=True)[1]
    table = np.zeros((member.max() + 1, len(classes)))
    np.add.at(table, (member, strata), 1)
    spread = (table > 0).sum(0)
    _refuse_rare(spread, classes, "groups", percent)
    rng = stream(seed, "split")
    for attempt in range(_TRIES):
        codes = _deal(table, rng, list(percent.values()), urgency=attempt)
        parts = np.stack([table[codes == i].sum(0) for i in range(len(percent))])
        if (parts[:, spread > 0] > 0).all():
            return codes[member]
    rarest = classes[int(np.argmin(np.where(spread > 0, spread, np.inf)))]
    raise DataError(
        f"no split by whole groups puts every class into {_listed(percent)} (class {rarest!r} is in "
        f"the fewest groups); merge or remove rare classes, or give smaller groups"
    )


def _deal(table: np.ndarray, rng: np.random.Generator, percent: list[int], *, urgency: int) -> np.ndarray:
    """Deal groups one by one to the split that still needs most of what the group has: rows of its classes, a group.

    At first the largest go first. When that leaves a class out somewhere, the order is drawn, and with every further
    attempt a split that has nothing of a class yet needs it more urgently.
    """
    size, target = table.sum(1), np.array(percent) / sum(percent)
    share = table / np.maximum(table.sum(0), 1) / np.count_nonzero(table.sum(0))
    share = np.column_stack([share, np.full(len(size), 1 / len(size))])
    order = rng.permutation(len(size))
    order = order if urgency else order[np.argsort(-size[order], kind="stable")]
    have, codes = np.zeros((len(percent), share.shape[1])), np.empty(len(size), np.int64)
    for g in order:
        need = share.sum(0) * (1 + urgency * (have == 0)) - have / target[:, None]
        codes[g] = int(np.argmax(need @ share[g]))
        have[codes[g]] += share[g]
    return codes


def _refuse_rare(counts: np.ndarray, classes: list[str], unit: str, percent: Mapping[str, int]) -> None:
    """C16: a class that cannot be in every split is named, with its count and what to do."""
    rare = [(classes[c], int(counts[c])) for c in np.flatnonzero((counts > 0) & (counts < len(percent)))]
    if not rare:
        return
    name, count = rare[0]
    more = f" ({len(rare) - 1} more classes have too few as well)" if len(rare) > 1 else ""
    raise DataError(
        f"class {name!r} has {count} {unit if count > 1 else unit[:-1]}{more}; every class needs at least "
        f"{len(percent)} {unit}, one each for {_listed(percent)}: add {unit}, merge the class into another, or "
        "remove it"
    )
