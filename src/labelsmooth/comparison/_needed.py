"""How many rows or seeds would settle an open verdict, if the gain stays what it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..calibration.two_way import combine, half_width

MOST = 1000
"""More than this many times the rows, or this many seeds, is no advice."""


@dataclass(frozen=True)
class Needed:
    """Rows or seeds, each enough alone (None: that alone is not), or both together when neither is enough alone."""

    rows: int | None = None
    seeds: int | None = None
    together: tuple[int, int] | None = None


@dataclass(frozen=True)
class Spread:
    """Variance components of D[s, r]: of seeds, of rows, and of their interaction with the noise."""

    seeds: float
    rows: float
    noise: float

    def half_width(self, seeds: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """The interval's half-width that S seeds and n rows would give; v_s and v_r shrink as their parts do."""
        of_seeds = (self.seeds + self.noise / rows) / seeds
        of_rows = (self.rows + self.noise / seeds) / rows
        return np.asarray(half_width(*combine(of_seeds, of_rows, seeds, rows)))


def spread_of(differences: np.ndarray) -> Spread:
    """The components of D (S, n), S ≥ 2 and n ≥ 2, by the analysis of variance; a negative estimate counts as 0."""
    seeds, rows = differences.shape
    of_seeds, of_rows = differences.mean(axis=1), differences.mean(axis=0)
    residual = differences - of_seeds[:, None] - of_rows + differences.mean()
    noise = float((residual**2).sum() / ((seeds - 1) * (rows - 1)))
    return Spread(
        max(0.0, float(of_seeds.var(ddof=1)) - noise / rows),
        max(0.0, float(of_rows.var(ddof=1)) - noise / seeds),
        noise,
    )


def needed(differences: np.ndarray, min_effect: float, least_seeds: int, least_rows: int) -> Needed:
    """What would settle D (S, n): the interval above 0 if Δ ≥ δ, else below δ; never fewer than the least allowed.

    With one seed the spread over seeds is unknown, and the least number of seeds is all that can be said.
    """
    seeds, rows = differences.shape
    if seeds < 2 or rows < 2:
        least = max(seeds, least_seeds), max(rows, least_rows)
        return Needed(seeds=least_seeds) if rows >= least_rows else Needed(together=least)
    spread, gain = spread_of(differences), float(differences.mean())
    target = gain if gain >= min_effect else min_effect - gain
    more_rows = _grid(max(rows, least_rows), MOST * rows)
    more_seeds = np.arange(max(seeds, least_seeds), MOST + 1)
    alone_rows = (
        _first(more_rows, spread.half_width(np.asarray(seeds), more_rows) < target) if seeds >= least_seeds else None
    )
    alone_seeds = (
        _first(more_seeds, spread.half_width(more_seeds, np.asarray(rows)) < target) if rows >= least_rows else None
    )
    if alone_rows is not None or alone_seeds is not None:
        return Needed(_rounded(alone_rows), alone_seeds)
    return Needed(together=_together(spread, target, (seeds, rows), (least_seeds, least_rows)))


def _together(spread: Spread, target: float, now: tuple[int, int], least: tuple[int, int]) -> tuple[int, int] | None:
    """Seeds and rows grown by one factor until the interval decides."""
    factors = np.geomspace(1, MOST, 700)
    seeds = np.minimum(np.maximum(np.ceil(now[0] * factors), least[0]), MOST)
    rows = np.maximum(np.ceil(now[1] * factors), least[1])
    enough = np.flatnonzero(spread.half_width(seeds, rows) < target)
    if not len(enough):
        return None
    return int(seeds[enough[0]]), int(_rounded(int(rows[enough[0]])) or 0)


def _grid(start: int, stop: int) -> np.ndarray:
    return np.unique(np.ceil(np.geomspace(start, max(stop, start), 700)))


def _first(values: np.ndarray, enough: np.ndarray) -> int | None:
    found = np.flatnonzero(enough)
    return int(values[found[0]]) if len(found) else None


def _rounded(count: int | None) -> int | None:
    """Up to two significant digits: it is an extrapolation."""
    if count is None or count < 100:
        return count
    unit = 10 ** (len(str(count)) - 2)
    return -(-count // unit) * unit
