"""Whole numbers of any size as rows of int64, 32 bits each, so that adding tensors over processes adds the numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from ..calibration import CalibrationAccumulator

BITS = 32
LIMBS = 72
"""2304 bits: the largest float64 is 2^1024, in units of 2^-1126, and 2^100 of them may be added."""


@dataclass(frozen=True)
class Layout:
    """Where each number of an accumulator's state stands: for each of its statistics, how many of each name."""

    counts: tuple[tuple[tuple[str, int], ...], ...]

    @classmethod
    def of(cls, empty: CalibrationAccumulator) -> Self:
        """The layout of an accumulator's settings, seen in one row."""
        settings = {name: value for name, value in empty.state().items() if name not in ("rows", "sums")}
        probe = CalibrationAccumulator(**settings)
        classes = max([2, *settings["top_k"]]) + 1
        probe.update(np.array([0 if settings["ignore_index"] != 0 else 1]), logits=np.zeros((1, classes)))
        return cls(tuple(tuple((name, len(each)) for name, each in sums.items()) for sums in probe.state()["sums"]))

    def zeros(self) -> Tensor:
        """As many numbers as there are, all 0."""
        return torch.zeros((sum(count for part in self.counts for _, count in part), LIMBS), dtype=torch.int64)


def to_limbs(state: dict[str, Any], layout: Layout) -> Tensor:
    """The numbers of an accumulator's state (numbers, LIMBS), each limb with the number's sign."""
    parts = zip(state["sums"], layout.counts, strict=True)
    texts = [text for sums, part in parts for name, _ in part for text in sums[name]]
    return torch.from_numpy(np.stack([_limbs(int(text, 16)) for text in texts]))


def of_limbs(rows: Tensor, layout: Layout) -> list[dict[str, list[str]]]:
    """The sums of a state again, after any number of additions."""
    numbers = _numbers(rows)
    return [{name: [hex(next(numbers)) for _ in range(count)] for name, count in part} for part in layout.counts]


def _limbs(number: int) -> np.ndarray:
    each = np.frombuffer(abs(number).to_bytes(LIMBS * BITS // 8, "little"), dtype="<u4").astype(np.int64)
    return -each if number < 0 else each


def _numbers(rows: Tensor) -> Iterator[int]:
    for row in rows.cpu().tolist():
        yield sum(limb << (BITS * i) for i, limb in enumerate(row) if limb)
