"""The verdict: the only place that decides between smoothing and hard labels.

The rule, in twelve lines:

1.  One split for all trials; a seed fixes initial weights and batch order and is shared by all methods.
2.  Every trial gives two checkpoints: last, and lowest validation NLL after temperature; T is fitted on validation.
3.  H* is the unsmoothed setting with the lowest validation NLL after T, averaged over seeds; S* the smoothed one.
4.  D[s, r] = NLL(H*) − NLL(S*) on the test split, after T; rows of one group are averaged first.
5.  Δ = mean D; v_s = var(seed means)/S; v_r = var(row means)/n; V = v_s + v_r; df by Welch and Satterthwaite; the
    interval is Δ ± t(0.975, df)·√V.
6.  δ = max(0.002 nats, 2 % of H*'s NLL), a convention, unless another is given.
7.  smooth if lower > 0 and Δ ≥ δ.
8.  keep_hard if upper < δ.
9.  open otherwise.
10. Fewer than 3 seeds, fewer than 100 rows, a degenerate T or missing pairs force open.
11. Only this one interval decides; deciding metrics are row averages (NLL, Brier score, accuracy).
12. Every sentence ends "with these training settings"; figures before temperature are shown and never decide.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from .._checks import UsageError
from ..calibration.two_way import LEVEL, TwoWay, group_means, holm_levels, p_value, two_way
from ._candidate import Candidate
from ._conditions import LEAST_GROUPS, LEAST_ROWS, LEAST_SEEDS, forcing
from ._costs import costs_of
from ._needed import Needed, needed
from ._outcome import Reason, Verdict
from ._wording import decimals, fixed, sentence, snippet

__all__ = [
    "METRICS",
    "Candidate",
    "TwoWay",
    "Verdict",
    "best_rivals",
    "choose",
    "code_of",
    "decide",
    "default_min_effect",
    "exploratory",
    "row_average",
]

METRICS = ("nll", "brier", "accuracy")
_VARYING = ("learning_rate", "weight_decay", "dropout")
_SHOWN = ("ece", "aurc", "signed_gap")


def decide(
    candidates: Sequence[Candidate],
    *,
    groups: np.ndarray | None = None,
    min_effect: float | None = None,
    metric: str = "nll",
    forced: Sequence[Reason] = (),
    notes: Sequence[str] = (),
) -> Verdict:
    """Apply the rule to all candidates of one comparison.

    `groups` (n,) says which test rows belong together; `min_effect` is δ in the units of `metric`; `forced` and `notes`
    are conditions and remarks known to the caller. Raises UsageError when hard or smoothed candidates are missing, for
    a metric that is no row average, and for a negative or infinite `min_effect`.

    >>> rows = np.linspace(0, 0.02, 200)
    >>> hard = Candidate("hard", "hard", (0, 1, 2), np.ones(3), np.stack([rows + 0.5] * 3))
    >>> smooth = Candidate("uniform 0.1", "smooth", (0, 1, 2), np.ones(3), np.stack([rows + 0.4] * 3))
    >>> decide([hard, smooth]).code
    'smooth'
    """
    metric = row_average(metric)
    hard, smooth = choose(candidates)
    seeds = sorted(set(hard.seeds) & set(smooth.seeds))
    _check_rows(hard, smooth, groups)
    conditions = (*forced, *forcing(hard, smooth, seeds, groups))
    draft = Verdict(
        code="open", hard=hard, smooth=smooth, metric=metric, hard_value=None, smooth_value=None, hard_nll=None,
        smooth_nll=None, difference=None, lower=None, upper=None, df=None, min_effect=checked_min_effect(min_effect),
        seeds=len(seeds), rows=hard.test_rows.shape[1], groups=None if groups is None else len(np.unique(groups)),
        forced=conditions, notes=tuple(notes),
    )  # fmt: skip
    losses = [group_means(side.rows_of(seeds), groups) for side in (hard, smooth)] if seeds else []
    measured = _measured(draft, seeds, *losses) if losses and np.isfinite(losses).all() else draft
    told = replace(measured, costs=costs_of(measured, seeds))
    varying = [name for name in _VARYING if len({getattr(c, name) for c in candidates}) > 1]
    return replace(told, sentence=sentence(told, varying), snippet=snippet(told))


def choose(candidates: Sequence[Candidate]) -> tuple[Candidate, Candidate]:
    """H* and S*: the lowest validation NLL after temperature, averaged over seeds, of each family (line 3).

    Nothing of the test split is looked at. Of equals the one with less smoothing, then the last epoch, is taken.
    """
    best: list[Candidate] = []
    for family, what in (("hard", "unsmoothed"), ("smooth", "smoothed")):
        found = [candidate for candidate in candidates if candidate.family == family]
        if not found:
            have = sorted({candidate.method for candidate in candidates})
            raise UsageError(f"a verdict needs at least one {what} method beside the others; got only {have}")
        best.append(min(found, key=_rank))
    return best[0], best[1]


def best_rivals(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The setting and checkpoint of each rival with the lowest validation NLL after temperature, as H* is chosen."""
    kinds = dict.fromkeys(candidate.rival for candidate in candidates if candidate.family == "rival")
    return [min((c for c in candidates if c.family == "rival" and c.rival == kind), key=_rank) for kind in kinds]


def _rank(candidate: Candidate) -> tuple[float, float, bool, str]:
    mean = math.fsum(candidate.val_nll_after) / len(candidate.seeds)
    last = candidate.checkpoint == "last"
    return (math.inf if math.isnan(mean) else mean, candidate.label_smoothing, not last, candidate.method)


def code_of(difference: Any, lower: Any, upper: Any, min_effect: Any) -> Any:
    """smooth, keep_hard or open from the interval alone (lines 7 to 9); numbers or arrays; NaN is open."""
    smooth = np.greater(lower, 0) & np.greater_equal(difference, min_effect)
    return np.select([smooth, np.less(upper, min_effect)], ["smooth", "keep_hard"], "open")


def default_min_effect(hard_value: Any) -> Any:
    """δ = max(0.002, 2 % of H*'s loss) (line 6): nats for NLL; the same numbers for Brier score and error rate."""
    return np.maximum(0.002, 0.02 * hard_value)


def exploratory(
    hard: Candidate, others: Sequence[Candidate], *, groups: np.ndarray | None = None, holm: bool = False
) -> list[TwoWay | None]:
    """The interval of H* against each other candidate, which decides nothing (line 11).

    None where no seed is shared or a loss is infinite. With `holm` all of them hold together with 95 %.
    """
    pairs = [_differences(hard, other, groups) for other in others]
    intervals = [None if rows is None else two_way(rows) for rows in pairs]
    if holm:
        levels = holm_levels([p_value(interval) for interval in intervals if interval is not None], LEVEL)
        wider = iter(levels)
        intervals = [None if rows is None else two_way(rows, next(wider)) for rows in pairs]
    return intervals


def _differences(hard: Candidate, other: Candidate, groups: np.ndarray | None) -> np.ndarray | None:
    seeds = sorted(set(hard.seeds) & set(other.seeds))
    losses = [group_means(side.rows_of(seeds), groups) for side in (hard, other)] if seeds else []
    return losses[0] - losses[1] if losses and np.isfinite(losses).all() else None


def _measured(draft: Verdict, seeds: list[int], hard: np.ndarray, smooth: np.ndarray) -> Verdict:
    """The interval of the paired differences and what follows from it (lines 4 to 10)."""
    interval = two_way(hard - smooth)
    means = float(hard.mean()), float(smooth.mean())
    effect = float(default_min_effect(means[0])) if draft.min_effect is None else draft.min_effect
    code = "open" if draft.forced else str(code_of(interval.difference, interval.lower, interval.upper, effect))
    settled = code != "open" or any(reason.way_out for reason in draft.forced)
    told = replace(
        draft,
        code=code,
        hard_value=1 - means[0] if draft.metric == "accuracy" else means[0],
        smooth_value=1 - means[1] if draft.metric == "accuracy" else means[1],
        hard_nll=means[0] if draft.metric == "nll" else draft.hard.mean_measure("nll", seeds),
        smooth_nll=means[1] if draft.metric == "nll" else draft.smooth.mean_measure("nll", seeds),
        difference=float(interval.difference),
        lower=_known(interval.lower),
        upper=_known(interval.upper),
        df=_known(interval.df),
        min_effect=effect,
        needed=None if settled else _needed(draft, hard - smooth, effect),
    )
    return replace(told, notes=(*told.notes, _because(told)))


def _known(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


def _needed(draft: Verdict, differences: np.ndarray, effect: float) -> Needed:
    """In prediction rows; with groups it is counted in groups and turned into rows of the same group size."""
    if draft.groups is None:
        return needed(differences, effect, LEAST_SEEDS, LEAST_ROWS)
    size = draft.rows / draft.groups
    found = needed(differences, effect, LEAST_SEEDS, max(LEAST_GROUPS, math.ceil(LEAST_ROWS / size)))
    together = found.together and (found.together[0], math.ceil(found.together[1] * size))
    return Needed(found.rows and math.ceil(found.rows * size), found.seeds, together or None)


def _because(verdict: Verdict) -> str:
    """Which line of the rule gave the code, with its numbers."""
    places = decimals(verdict)
    effect, gain = fixed(verdict.min_effect or 0.0, places), fixed(verdict.difference or 0.0, places)
    if verdict.lower is None or verdict.upper is None:
        return "no interval: rows of a single group say nothing of other rows"
    lower, upper = fixed(verdict.lower, places), fixed(verdict.upper, places)
    if verdict.code == "smooth":
        return f"smooth, because the lower end {lower} is above 0 and the gain {gain} is at least δ = {effect}"
    if verdict.code == "keep_hard":
        return f"keep hard labels, because the upper end {upper} is below δ = {effect}"
    ends = f"lower end {lower} and gain {gain} against 0 and δ = {effect}, upper end {upper} against δ"
    return f"open {'whatever the interval says' if verdict.forced else 'because neither rule holds'}: {ends}"


def row_average(metric: str) -> str:
    """Return `metric` if it may decide: an average over rows, for which the paired interval holds."""
    if metric in METRICS:
        return metric
    binned = "; it is no average over rows, so the paired interval does not hold for it" if metric in _SHOWN else ""
    raise UsageError(f"{metric!r} cannot decide{binned}. Expected one of {list(METRICS)}")


def checked_min_effect(min_effect: float | None) -> float | None:
    if min_effect is not None and not 0 <= min_effect < math.inf:
        raise UsageError(
            f"min_effect must be a finite number, 0 or more, in the units of the metric; got {min_effect!r}"
        )
    return min_effect


def _check_rows(hard: Candidate, smooth: Candidate, groups: np.ndarray | None) -> None:
    sizes = {hard.test_rows.shape[1], smooth.test_rows.shape[1]} | (set() if groups is None else {len(groups)})
    if len(sizes) > 1:
        raise UsageError(f"the two sides (and groups) must be about the same test rows; got {sorted(sizes)} rows")
