"""The interval of a mean over seeds and rows.

A difference D[s, r] = mean + seed effect + row effect + noise is known from S seeds and n rows. Both are samples:
another seed gives another network, another test set gives other rows. The variances of the two means are added (which
counts the noise twice, on the safe side) and the degrees of freedom matched (Welch 1947; Satterthwaite 1946).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._checks import require

LEVEL = 0.95


@dataclass(frozen=True, eq=False)
class TwoWay:
    """Mean difference and its two-sided interval; NaN where the data do not give one. Floats, or arrays of a batch."""

    difference: Any
    lower: Any
    upper: Any
    df: Any
    seed_variance: Any
    row_variance: Any


def two_way(differences: np.ndarray, level: float = LEVEL) -> TwoWay:
    """The interval of mean D from D (…, S, n): Δ ± t(df)·√(v_s + v_r).

    v_s = var(seed means)/S and v_r = var(row means)/n, both with the n − 1 divisor; df = V²/(v_s²/(S−1) + v_r²/(n−1));
    [Δ, Δ] where V = 0. With one seed the rows alone count; with one row (or group) there is no interval.
    """
    seeds, rows = differences.shape[-2:]
    center = differences.mean(axis=(-2, -1))
    of_seeds = _variance_of_mean(differences.mean(axis=-1))
    of_rows = _variance_of_mean(differences.mean(axis=-2))
    total, df = combine(of_seeds, of_rows, seeds, rows)
    half = half_width(total, df, level)
    if rows < 2:
        half = np.full_like(half, np.nan)
    return TwoWay(center, center - half, center + half, df, of_seeds, of_rows)


def _variance_of_mean(means: np.ndarray) -> np.ndarray:
    count = means.shape[-1]
    return means.var(axis=-1, ddof=1) / count if count > 1 else np.zeros(means.shape[:-1])


def combine(of_seeds: Any, of_rows: Any, seeds: Any, rows: Any) -> tuple[Any, Any]:
    """V = v_s + v_r and its degrees of freedom (NaN where V = 0)."""
    total = of_seeds + of_rows
    spread = of_seeds**2 / np.maximum(seeds - 1, 1) + of_rows**2 / np.maximum(rows - 1, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return total, np.where(spread > 0, total**2 / spread, np.nan)


def half_width(total: Any, df: Any, level: float = LEVEL) -> Any:
    """t((1 + level)/2, df)·√V, and 0 where V = 0."""
    quantile = require("app", "scipy.special").stdtrit
    known = np.isfinite(df)
    factor = quantile(np.where(known, df, 1.0), (1 + level) / 2)
    return np.where(known, factor, np.where(np.equal(total, 0), 0.0, np.nan)) * np.sqrt(total)


def p_value(interval: TwoWay) -> float:
    """Two-sided p-value of "the mean difference is 0" in the same t distribution; 1 where there is no interval."""
    variance = float(interval.seed_variance + interval.row_variance)
    if variance == 0 or not np.isfinite(interval.df):
        return 0.0 if variance == 0 and interval.difference != 0 else 1.0
    statistic = abs(float(interval.difference)) / variance**0.5
    return float(2 * require("app", "scipy.special").stdtr(float(interval.df), -statistic))


def group_means(rows: np.ndarray, groups: np.ndarray | None) -> np.ndarray:
    """Rows (S, n) averaged within the values of `groups` (n,), to (S, number of groups); unchanged without (C19)."""
    if groups is None:
        return rows
    _, index, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    return np.stack([np.bincount(index, weights=row, minlength=len(sizes)) / sizes for row in rows])


def holm_levels(p_values: Sequence[float], level: float = LEVEL) -> list[float]:
    """The level of each interval so that all of them together hold with `level` (Holm 1979, step-down).

    The interval of the k-th smallest p-value (from 0) of m gets 1 − α/(m − k); from the first that is not rejected on,
    the level stays. An interval excludes 0 exactly where Holm's test rejects.

    >>> [round(level, 4) for level in holm_levels([0.04, 0.001])]
    [0.95, 0.975]
    """
    alpha, m = 1 - level, len(p_values)
    levels = [level] * m
    share = alpha / max(m, 1)
    for rank, index in enumerate(sorted(range(m), key=lambda i: p_values[i])):
        levels[index] = 1 - share
        if p_values[index] < share and rank + 1 < m:
            share = alpha / (m - rank - 1)
    return levels
