"""Row blocks: large inputs pass through a scratch that fits the cache, on a few threads, with the same bits."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np

from .._checks import DataError
from ._inputs import SUM_TOLERANCE, Scores

T = TypeVar("T")
_CELLS = 1 << 18
_CELLS_WORTH_THREADS = 1 << 21
_MOST_THREADS = 8
_LANES = 64
_CELLS_THAT_TORCH_LEAVES_TO_ONE_THREAD = (1 << 15) - _LANES
_LOG2_E = float(np.log2(np.e))


class Scratch:
    """A float64 array (rows, columns) to work in, and its exponential.

    Of scores that came as a tensor the exponential is taken by torch, three times faster than numpy's on AVX2. The two
    differ by a few units in the last place, so which one runs depends on the input alone. It is torch's exp2, not its
    exp, which belongs to a vendor's library that starts threads of its own; and the array is padded to whole vectors,
    since torch treats the rest in another way, which would make a row's bits depend on its place.
    """

    def __init__(self, given: Scores) -> None:
        rows, self._columns = given.array.shape
        self.rows = max(1, min(rows, _CELLS // self._columns))
        cells = self.rows * self._columns
        self._flat = np.zeros(cells + -cells % _LANES)
        self._tensors = _one_thread_each(self._flat) if given.from_tensor else None

    def take(self, rows: int) -> np.ndarray:
        """The first rows, to overwrite."""
        return self._flat[: rows * self._columns].reshape(rows, self._columns)

    def exp(self, rows: int) -> None:
        """exp in place of the first rows, whose values must be below 100."""
        cells = rows * self._columns
        block = self._flat[:cells]
        if self._tensors is None:
            np.exp(block, out=block)
            return
        block *= _LOG2_E
        self._flat[cells : cells + -cells % _LANES] = 0.0
        for tensor in self._tensors[: -(-cells // _CELLS_THAT_TORCH_LEAVES_TO_ONE_THREAD)]:
            tensor.exp2_()


def _one_thread_each(flat: np.ndarray) -> list[Any]:
    size, torch = _CELLS_THAT_TORCH_LEAVES_TO_ONE_THREAD, sys.modules["torch"]
    return [torch.from_numpy(flat[start : start + size]) for start in range(0, flat.size, size)]


def over_parts(work: Callable[[slice, Scratch], T], given: Scores, most_rows: int | None = None) -> Iterator[T]:
    """What `work(rows, scratch)` gives for each part of the rows, in their order; of large inputs on a few threads.

    What a row gives must depend on that row alone. The first part that fails is the one whose error is raised.
    """
    rows, columns = given.array.shape
    threads = 1 if rows * columns < _CELLS_WORTH_THREADS else min(_MOST_THREADS, _cores())
    size = min(-(-rows // threads), most_rows or rows)
    parts = [slice(start, min(rows, start + size)) for start in range(0, rows, size)]
    own = threading.local()

    def run(part: slice) -> T:
        if not hasattr(own, "scratch"):
            own.scratch = Scratch(given)
        return work(part, own.scratch)

    if threads == 1:
        yield from map(run, parts)
        return
    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(run, parts)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_largest(largest: np.ndarray, number: Callable[[int], int] = int) -> np.ndarray:
    """The largest logit of each row, if all are finite, else DataError with the `number` of the first other row."""
    finite = np.isfinite(largest)
    if not finite.all():
        bad = int((~finite).argmax())
        raise DataError(
            f"logits: row {number(bad)} has {largest[bad]} as its largest value; "
            "expected numbers without NaN or +inf, and not −inf for every class"
        )
    return largest


def check_probs(block: np.ndarray, number: Callable[[int], int] = int) -> None:
    """Raise DataError with the `number` of the first row that is not a distribution; a sum rounded above 1 is one."""
    total = np.einsum("ij->i", block)
    wrong = ~(np.abs(total - 1.0) <= SUM_TOLERANCE)
    if not block.min() >= 0.0:
        wrong |= ~(block.min(axis=1) >= 0.0)
    if not wrong.any():
        return
    bad = int(wrong.argmax())
    raise DataError(
        f"probs: row {number(bad)} is not a distribution: values from {block[bad].min()} to {block[bad].max()}, "
        f"sum {total[bad]}; expected values of 0 or more that sum to 1 within {SUM_TOLERANCE}. Pass logits as logits="
    )


def numbering(given: Scores, start: int) -> Callable[[int], int]:
    """The caller's number of a row of the block that begins at `start`."""
    return lambda row: given.number(start + row)


def probabilities(given: Scores, rows: slice | None = None) -> Iterator[tuple[slice, np.ndarray]]:
    """The probabilities of these rows (all) as float64, block after block; the array is overwritten by the next."""
    scratch = Scratch(given)
    within = slice(0, len(given.array)) if rows is None else rows
    for start in range(within.start, within.stop, scratch.rows):
        part = slice(start, min(within.stop, start + scratch.rows))
        block = scratch.take(part.stop - start)
        np.copyto(block, given.array[part])
        if given.are_probs:
            check_probs(block, numbering(given, start))
        else:
            with np.errstate(over="ignore", under="ignore"):
                block -= check_largest(block.max(axis=1), numbering(given, start))[:, None]
                scratch.exp(len(block))
                block /= block.sum(axis=1, keepdims=True)
        yield part, block
