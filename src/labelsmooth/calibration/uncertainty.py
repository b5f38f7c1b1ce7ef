"""Intervals of row averages and of their paired differences; there is none for ECE, which no interval covers (C10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._checks import DataError, one_of, require
from ._inputs import to_array
from ._rows import measure
from ._scores import row_scores
from ._skewness import hall, skewness
from .two_way import group_means, two_way

METRICS = ("accuracy", "nll", "brier", "signed_gap")


@dataclass(frozen=True)
class Interval:
    """A mean and its two-sided interval, with what it was computed from.

    `method`: ``"t"`` (seeds and rows, or differences), ``"hall"`` (rows of one model, corrected for skewness) or
    ``"exact"`` (accuracy of one model, Clopper & Pearson). `rows` counts groups where there are groups.
    """

    value: float
    lower: float
    upper: float
    level: float
    standard_error: float
    df: float
    seeds: int
    rows: int
    method: str

    @property
    def p_value(self) -> float:
        """Two-sided p-value of "the mean is 0", by Student's t."""
        if self.standard_error == 0:
            return 1.0 if self.value == 0 else 0.0
        return float(2 * _special().stdtr(self.df, -abs(self.value) / self.standard_error))

    def smallest_difference(self, power: float = 0.8) -> float:
        """The smallest true difference that these seeds and rows would have shown with this probability.

        (t(1 − α/2) + t(power))·standard error, for a test at this interval's level; NaN where no spread was seen.
        """
        if isinstance(power, bool) or not 0.5 <= power < 1:
            raise ValueError(f"power must be a probability in [0.5, 1), such as 0.8; got {power!r}")
        if self.standard_error == 0:
            return float("nan")
        quantile = _special().stdtrit
        factor = quantile(self.df, (1 + self.level) / 2) + quantile(self.df, power)
        return float(factor * self.standard_error)

    def __str__(self) -> str:
        return f"{self.value:.4f} [{self.lower:.4f}, {self.upper:.4f}]"


def mean_interval(values: Any, *, groups: Any = None, level: float = 0.95) -> Interval:
    """The interval of the mean of `values` (n,) of rows, or (S, n) of seeds and rows: Δ ± t(df)·√(v_s + v_r).

    v_s = var(seed means)/S and v_r = var(row means)/n; df = V²/(v_s²/(S−1) + v_r²/(n−1)); [Δ, Δ] where V = 0. With one
    seed only rows count. Rows with one value of `groups` (n,) are averaged first. Needs scipy. Raises DataError for
    fewer than 2 rows or groups and for values that are not finite, ValueError for a level outside (0, 1). Source:
    Welch 1947; Satterthwaite 1946.

    >>> interval = mean_interval([[0.1, 0.2, 0.3], [0.2, 0.3, 0.4]])
    >>> round(interval.value, 3), interval.lower < 0.25 < interval.upper
    (0.25, True)
    """
    return _student_interval(_checked(to_array(values).astype(np.float64), groups, level), level)


def metric_interval(
    metric: str, labels: Any, *, logits: Any = None, probs: Any = None, groups: Any = None, level: float = 0.95
) -> Interval:
    """The interval of "accuracy", "nll", "brier" or "signed_gap" of a model, or of one model trained with S seeds.

    `logits` or `probs`: (n, K), or a sequence of S of them for the same rows. Several seeds: as
    :func:`mean_interval`. One model: the exact binomial interval for accuracy, else Student's t corrected for the
    skewness of the rows, without which an interval of the NLL covers too seldom. Raises as :func:`mean_interval` and
    :func:`~labelsmooth.calibration.accuracy` do. Source: Clopper & Pearson 1934; Hall 1992, section 3.

    >>> interval = metric_interval("accuracy", [0, 0, 1, 0], probs=[[0.9, 0.1]] * 4)
    >>> interval.value, round(interval.lower, 3), round(interval.upper, 3)
    (0.75, 0.194, 0.994)
    """
    values = _values(metric, labels, logits, probs)
    checked = _checked(values, groups, level)
    found = _student_interval(checked, level)
    if found.seeds > 1:
        return found
    if metric == "accuracy" and groups is None:
        return _exact_interval(found, int(values.sum()))
    return _skewed_interval(found, skewness(checked[0]))


def paired_interval(
    metric: str, labels: Any, *, logits: Any = None, probs: Any = None, groups: Any = None, level: float = 0.95
) -> Interval:
    """The interval of metric(first) − metric(second) on the same rows, by the rule that the verdict uses.

    `logits` or `probs`: a pair (first, second), each (n, K) or a sequence of S of them, seed by seed. Metrics, `groups`
    and errors as for :func:`metric_interval`; the interval is that of :func:`mean_interval` on the differences.

    >>> interval = paired_interval("nll", [0, 1, 0], logits=([[1.0, 0.0]] * 3, [[0.5, 0.0]] * 3))
    >>> interval.lower < interval.value < interval.upper
    True
    """
    pair = logits if probs is None else probs
    if not isinstance(pair, Sequence) or len(pair) != 2:
        raise ValueError("pass a pair, such as logits=(of the first model, of the second)")
    doors = [(scores, None) if probs is None else (None, scores) for scores in pair]
    first, second = (_values(metric, labels, *door) for door in doors)
    if first.shape != second.shape:
        raise ValueError(f"the two must have the same seeds and rows; got {first.shape} and {second.shape}")
    return _student_interval(_checked(first - second, groups, level), level)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values: below 0.05 exactly where that many tests may be called significant together.

    p-values in [0, 1], else ValueError. Source: Holm 1979.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    values = np.asarray(p_values, dtype=np.float64)
    if values.ndim != 1 or not ((values >= 0) & (values <= 1)).all():
        raise ValueError(f"p_values must be a list of numbers in [0, 1]; got {p_values!r}")
    order = np.argsort(values, kind="stable")
    stepped = values[order] * np.arange(len(values), 0, -1)
    adjusted = np.empty(len(values))
    adjusted[order] = np.minimum(np.maximum.accumulate(stepped), 1.0)
    return [float(value) for value in adjusted]


def _special() -> Any:
    return require("app", "scipy.special")


def _values(metric: str, labels: Any, logits: Any, probs: Any) -> np.ndarray:
    one_of(metric, METRICS, "metric")
    if (logits is None) == (probs is None):
        raise TypeError("pass exactly one of logits= and probs= (never guessed from the values)")
    if probs is None:
        return np.stack([row_scores(measure(labels, logits=scores), metric) for scores in _of_seeds(logits)])
    return np.stack([row_scores(measure(labels, probs=scores), metric) for scores in _of_seeds(probs)])


def _of_seeds(given: Any) -> list[Any]:
    """The (n, K) scores of each seed, from one such array or a sequence of them."""
    if hasattr(given, "ndim"):
        return list(given) if given.ndim == 3 else [given]
    inner = [item.ndim if hasattr(item, "ndim") else np.ndim(item) for item in given[:1]]
    return list(given) if inner == [2] else [given]


def _checked(values: np.ndarray, groups: Any, level: float) -> np.ndarray:
    """Finite values (S, n), n at least 2, of rows or of groups."""
    if isinstance(level, bool) or not 0 < level < 1:
        raise ValueError(f"level must be a probability in (0, 1), such as 0.95; got {level!r}")
    values = values[None] if values.ndim == 1 else values
    if values.ndim != 2:
        raise ValueError(f"values must have shape (rows,) or (seeds, rows); got {values.shape}")
    if not np.isfinite(values).all():
        seed, row = (int(i) for i in np.argwhere(~np.isfinite(values))[0])
        raise DataError(f"row {row} of seed {seed} is {values[seed, row]}: a mean with such a row has no interval")
    if groups is not None:
        index = to_array(groups)
        if index.shape != (values.shape[1],):
            raise ValueError(f"groups must have shape ({values.shape[1]},), one for each row; got {index.shape}")
        values = group_means(values, index)
    if values.shape[1] < 2:
        raise DataError(f"an interval needs at least 2 rows or groups; got {values.shape[1]}")
    return values


def _student_interval(values: np.ndarray, level: float) -> Interval:
    found = two_way(values, level)
    error = float(found.seed_variance + found.row_variance) ** 0.5
    ends = float(found.difference), float(found.lower), float(found.upper)
    seeds, rows = values.shape
    return Interval(*ends, level, error, float(found.df), seeds, rows, "t")


def _skewed_interval(symmetric: Interval, of_rows: float) -> Interval:
    """The interval of one model's rows, bent by their skewness."""
    found = replace(symmetric, method="hall")
    if found.standard_error == 0:
        return found
    quantile = float(_special().stdtrit(found.df, (1 + found.level) / 2))
    lower, upper = (found.value - found.standard_error * hall(q, of_rows, found.rows) for q in (quantile, -quantile))
    return replace(found, lower=lower, upper=upper)


def _exact_interval(symmetric: Interval, right: int) -> Interval:
    test = require("app", "scipy.stats").binomtest(right, symmetric.rows)
    exact = test.proportion_ci(symmetric.level, method="exact")
    return replace(symmetric, lower=float(exact.low), upper=float(exact.high), method="exact")
