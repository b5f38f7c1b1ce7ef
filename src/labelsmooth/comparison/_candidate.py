"""A candidate for the verdict: one setting and checkpoint, with what was measured of it, seed by seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from .._checks import UsageError, one_of

FAMILIES = ("hard", "smooth", "rival")


@dataclass(frozen=True, eq=False)
class Candidate:
    """One method at one checkpoint over S seeds and n test rows.

    `family` is hard (no smoothing), smooth, or rival (which never decides; `rival` says what it is). `val_nll_after`
    (S,) is the validation NLL after temperature, which alone chooses; `test_rows` (S, n) the test loss of each row
    after temperature, in the deciding metric (NLL in nats; Brier score; 1 − correct); `statuses` (S,) how each
    temperature was found; `measures` further test figures by name, (S,) each, for the costs that a sentence tells.
    """

    method: str
    family: str
    seeds: tuple[int, ...]
    val_nll_after: np.ndarray
    test_rows: np.ndarray
    checkpoint: str = "last"
    statuses: tuple[str, ...] = ()
    scheme: str = ""
    label_smoothing: float = 0.0
    weight_decay: float | None = None
    dropout: float | None = None
    rival: str = ""
    learning_rate: float | None = None
    measures: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        one_of(self.family, FAMILIES, "family")
        seeds = len(self.seeds)
        rows = np.asarray(self.test_rows, dtype=np.float64)
        val = np.asarray(self.val_nll_after, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[0] != seeds or val.shape != (seeds,) or not rows.size:
            raise UsageError(
                f"{self.method} ({self.checkpoint}): expected a row of test losses and a validation NLL for each of "
                f"{seeds} seeds; got shapes {rows.shape} and {val.shape}"
            )
        if len(set(self.seeds)) != seeds:
            raise UsageError(f"{self.method} ({self.checkpoint}): a seed occurs twice in {list(self.seeds)}")
        object.__setattr__(self, "test_rows", rows)
        object.__setattr__(self, "val_nll_after", val)
        object.__setattr__(self, "statuses", tuple(self.statuses) or ("interior",) * seeds)

    def rows_of(self, seeds: list[int]) -> np.ndarray:
        """The test losses of the given seeds, in their order."""
        return self.test_rows[[self.seeds.index(seed) for seed in seeds]]

    def mean_measure(self, name: str, seeds: list[int]) -> float | None:
        """The mean of a further figure over the given seeds, or None where it was not measured."""
        if name not in self.measures or not seeds:
            return None
        values = np.asarray(self.measures[name], dtype=np.float64)
        return float(values[[self.seeds.index(seed) for seed in seeds]].mean())

    def identity(self) -> dict[str, str]:
        """Method and checkpoint, as results.json names a candidate."""
        return {"method": self.method, "checkpoint": self.checkpoint}
