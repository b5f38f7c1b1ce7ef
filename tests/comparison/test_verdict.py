"""The rule of the verdict, line by line, against a reference of plain Python and scipy."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import fmean, variance
from typing import Any

import numpy as np
import pytest
from comparison.made import candidate, pair
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from labelsmooth._checks import UsageError
from labelsmooth.calibration.two_way import holm_levels, two_way
from labelsmooth.comparison.verdict import Candidate, Verdict, choose, code_of, decide, exploratory

END = ", with these training settings."


def reference(differences: np.ndarray) -> tuple[float, float, float, float]:
    """Δ, lower, upper and df of D (S, n) by line 5, written out."""
    rows = [list(map(float, row)) for row in differences]
    seeds, n = len(rows), len(rows[0])
    center = fmean(value for row in rows for value in row)
    of_seeds = variance([fmean(row) for row in rows]) / seeds
    of_rows = variance([fmean(row[r] for row in rows) for r in range(n)]) / n
    total = of_seeds + of_rows
    df = total**2 / (of_seeds**2 / (seeds - 1) + of_rows**2 / (n - 1))
    half = stats.t.ppf(0.975, df) * math.sqrt(total)
    return center, center - half, center + half, df


def spread_differences(center: float, seeds: int = 5, rows: int = 100, size: float = 0.01) -> np.ndarray:
    """D with mean `center` and standard errors of about `size`, no randomness."""
    of_seeds, of_rows = np.linspace(-1, 1, seeds), np.tile([-1.0, 1.0], rows // 2)
    return center + size * math.sqrt(seeds) * of_seeds[:, None] + size * math.sqrt(rows) * of_rows


def code(differences: Any, **options: Any) -> str:
    return decide(pair(differences), **options).code


# Line 5: the interval


def test_interval_worked_by_hand() -> None:
    """Seed means 2, 4, 3: v_s = 1/3. Row means 2, 4: v_r = 1. V = 4/3; df = (16/9)/((1/9)/2 + 1) = 32/19."""
    interval = two_way(np.array([[1.0, 3.0], [2.0, 6.0], [3.0, 3.0]]))
    assert interval.difference == 3
    assert interval.df == pytest.approx(32 / 19)
    assert interval.upper - 3 == pytest.approx(stats.t.ppf(0.975, 32 / 19) * math.sqrt(4 / 3))
    assert interval.lower + interval.upper == pytest.approx(6)


@pytest.mark.parametrize("shape", [(2, 2), (3, 100), (5, 360), (10, 630), (40, 7)])
def test_interval_is_the_two_way_t_of_the_rule(shape: tuple[int, int]) -> None:
    generator = np.random.default_rng(shape[0])
    differences = (
        generator.normal(size=shape) + generator.normal(size=shape[1]) ** 3 + generator.normal(size=(shape[0], 1))
    )
    interval = two_way(differences)
    found = (interval.difference, interval.lower, interval.upper, interval.df)
    assert found == pytest.approx(reference(differences), rel=1e-9)


def test_a_batch_of_intervals_is_each_of_them() -> None:
    batch = np.random.default_rng(0).normal(size=(4, 6, 5, 30))
    together = two_way(batch)
    for place in np.ndindex(4, 6):
        alone = two_way(batch[place])
        assert (together.lower[place], together.upper[place]) == pytest.approx((alone.lower, alone.upper))


def test_no_variance_gives_a_point() -> None:
    verdict = decide(pair(np.full((3, 100), 0.25)))
    assert (verdict.difference, verdict.lower, verdict.upper) == (0.25, 0.25, 0.25)
    assert verdict.df is None
    assert verdict.code == "smooth"
    assert decide(pair(np.zeros((3, 100)))).code == "keep_hard"
    assert decide(pair(np.zeros((3, 100))), min_effect=0.0).code == "open"


def test_one_seed_gives_an_interval_over_rows() -> None:
    rows = np.random.default_rng(1).normal(size=(1, 150))
    verdict = decide(pair(rows))
    expected = stats.ttest_1samp(rows[0], 0).confidence_interval(0.95)
    assert (verdict.lower, verdict.upper) == pytest.approx((expected.low, expected.high))
    assert verdict.df == 149
    assert verdict.code == "open"
    assert "for these two models" in verdict.sentence
    assert "for these two models" not in decide(pair(np.vstack([rows, rows + 1]))).sentence
    assert verdict.needed is not None
    assert (verdict.needed.rows, verdict.needed.seeds) == (None, 3)
    assert "at least 3 seeds are needed" in verdict.sentence


def test_one_seed_of_few_rows_names_the_least_of_both() -> None:
    verdict = decide(pair(np.random.default_rng(1).normal(size=(1, 50))))
    assert verdict.needed is not None
    assert (verdict.needed.seeds, verdict.needed.together) == (None, (3, 100))
    assert "at least 3 seeds and 100 rows are needed to settle it" in verdict.sentence


# Lines 7 to 9: the three outcomes


@pytest.mark.parametrize(
    "differences, expected",
    [
        (spread_differences(0.10), "smooth"),
        (spread_differences(0.025), "open"),
        (spread_differences(0.0), "open"),
        (spread_differences(-0.05), "keep_hard"),
        (spread_differences(0.0, size=1e-4), "keep_hard"),
        (spread_differences(0.001, size=1e-5), "keep_hard"),
        (spread_differences(0.003, size=1e-5), "smooth"),
    ],
)
def test_outcomes_follow_the_reference_interval(differences: np.ndarray, expected: str) -> None:
    center, lower, upper, _ = reference(differences)
    effect = max(0.002, 0.02 * 0.125)
    by_hand = "smooth" if lower > 0 and center >= effect else "keep_hard" if upper < effect else "open"
    assert by_hand == expected
    assert code(differences) == expected


@pytest.mark.parametrize(
    "numbers, expected",
    [
        ((0.5, 0.25, 0.75, 0.5), "smooth"),
        ((0.5, 0.0, 1.0, 0.5), "open"),
        ((0.5, 0.0, 1.0, 2.0), "keep_hard"),
        ((0.5, 0.25, 0.75, 0.75), "open"),
        ((0.5, 0.25, 0.75, 0.76), "keep_hard"),
        ((-0.5, -0.75, -0.25, 0.0), "keep_hard"),
        ((-0.25, -0.5, 0.0, 0.0), "open"),
        ((math.nan, math.nan, math.nan, 0.5), "open"),
    ],
)
def test_equality_at_the_boundaries(numbers: tuple[float, ...], expected: str) -> None:
    """lower must be above 0, Δ may equal δ, upper must be below δ."""
    assert str(code_of(*numbers)) == expected
    assert np.array_equal(code_of(*np.array([numbers, numbers]).T), [expected, expected])


def test_gain_of_exactly_delta_is_smooth() -> None:
    assert code(np.full((3, 128), 0.25), min_effect=0.25) == "smooth"
    assert code(np.full((3, 128), 0.25), min_effect=np.nextafter(0.25, 1)) == "keep_hard"


# Line 6: δ


@pytest.mark.parametrize("hard_nll, effect", [(0.05, 0.002), (0.1, 0.002), (0.137, 0.00274), (2.0, 0.04)])
def test_delta_is_two_per_cent_but_at_least_two_thousandths(hard_nll: float, effect: float) -> None:
    assert decide(pair(spread_differences(0.0), hard_nll=hard_nll)).min_effect == pytest.approx(effect, rel=1e-12)


def test_min_effect_moves_the_verdict() -> None:
    differences = spread_differences(0.10)
    assert [code(differences, min_effect=effect) for effect in (0.0, 0.1, 0.12, 0.2)] == [
        "smooth",
        "smooth",
        "open",
        "keep_hard",
    ]


@pytest.mark.parametrize("effect", [-0.001, math.nan, math.inf])
def test_min_effect_must_be_a_number(effect: float) -> None:
    with pytest.raises(UsageError, match="min_effect must be a finite number"):
        decide(pair(spread_differences(0.1)), min_effect=effect)


# Line 3: the choice


def choices() -> list[Candidate]:
    flat = np.full((3, 120), 0.5)
    return [
        candidate("hard", flat, val=[0.4, 0.4, 0.4]),
        candidate("hard", flat, val=[0.1, 0.4, 0.3], checkpoint="best"),
        candidate("uniform 0.1", flat, val=[0.2, 0.2, 0.2]),
        candidate("uniform 0.2", flat, val=[0.0, 0.0, 0.9]),
        candidate("others 0.1", flat, val=[0.2, 0.2, 0.19], checkpoint="best"),
        candidate("focal", flat, val=[0.0, 0.0, 0.0], family="rival"),
    ]


def test_choice_is_the_lowest_mean_validation_nll_of_each_family() -> None:
    hard, smooth = choose(choices())
    assert hard.identity() == {"method": "hard", "checkpoint": "best"}
    assert smooth.identity() == {"method": "others 0.1", "checkpoint": "best"}


def test_choice_looks_at_validation_only() -> None:
    generator = np.random.default_rng(0)
    for _ in range(20):
        shaken = [replace(each, test_rows=generator.normal(size=(3, 120))) for each in choices()]
        verdict = decide(shaken)
        assert verdict.hard.identity() == {"method": "hard", "checkpoint": "best"}
        assert verdict.smooth.identity() == {"method": "others 0.1", "checkpoint": "best"}


def test_equal_choices_go_to_less_smoothing_then_the_last_epoch() -> None:
    flat = np.full((3, 120), 0.5)
    tied = [
        candidate(name, flat, checkpoint=checkpoint)
        for name in ("uniform 0.2", "uniform 0.05", "hard")
        for checkpoint in ("best", "last")
    ]
    assert [side.identity()["checkpoint"] for side in choose(tied)] == ["last", "last"]
    assert choose(tied)[1].method == "uniform 0.05"


def test_a_diverged_validation_is_never_chosen() -> None:
    flat = np.full((3, 120), 0.5)
    broken = candidate("uniform 0.2", flat, val=[0.0, math.nan, 0.0])
    assert choose([broken, *pair(np.zeros((3, 120)))])[1].method == "uniform 0.1"


@pytest.mark.parametrize("family, words", [("hard", "at least one smoothed"), ("smooth", "at least one unsmoothed")])
def test_one_family_alone_is_a_usage_error(family: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        decide([each for each in choices() if each.family == family])


# Line 4: pairs and groups


def test_seeds_are_paired_by_name_not_by_place() -> None:
    generator = np.random.default_rng(2)
    hard, gain = generator.normal(1, 5, size=(4, 100)), spread_differences(0.3, seeds=4)
    forward = [candidate("hard", hard, seeds=(0, 1, 2, 3)), candidate("uniform 0.1", hard - gain, seeds=(0, 1, 2, 3))]
    back = candidate("uniform 0.1", (hard - gain)[::-1], seeds=(3, 2, 1, 0))
    first, second = decide(forward, min_effect=0.1), decide([forward[0], back], min_effect=0.1)
    assert first.code == "smooth"
    assert (first.lower, first.upper) == pytest.approx((second.lower, second.upper), rel=1e-12)


def test_C19_rows_of_one_group_are_averaged_first() -> None:
    generator = np.random.default_rng(3)
    groups = np.repeat(np.arange(20), np.arange(5, 25))
    differences = generator.normal(0.05, 0.1, size=(4, len(groups))) + generator.normal(0, 0.2, size=20)[groups]
    averaged = np.array([[fmean(row[groups == g]) for g in range(20)] for row in differences])
    verdict = decide(pair(differences), groups=groups)
    found = (verdict.difference, verdict.lower, verdict.upper, verdict.df)
    assert found == pytest.approx(reference(averaged), rel=1e-9)
    assert (verdict.rows, verdict.groups) == (290, 20)
    plain = decide(pair(differences))
    assert verdict.upper - verdict.lower > 1.5 * (plain.upper - plain.lower)  # type: ignore[operator]


def test_sides_must_have_the_same_rows() -> None:
    with pytest.raises(UsageError, match=r"the same test rows; got \[100, 120\] rows"):
        decide([candidate("hard", np.zeros((3, 100))), candidate("uniform 0.1", np.zeros((3, 120)))])
    with pytest.raises(UsageError, match=r"got \[99, 120\] rows"):
        decide(pair(np.zeros((3, 120))), groups=np.zeros(99))


# Line 10: what forces open

CLEAR = np.full((3, 100), 0.5) + np.linspace(-0.01, 0.01, 100)


def test_three_seeds_and_a_hundred_rows_are_enough() -> None:
    assert code(CLEAR) == "smooth"


def forced(verdict: Verdict) -> list[str]:
    assert verdict.code == "open"
    assert verdict.sentence.startswith("Not settled: ")
    assert verdict.sentence.endswith(END)
    return [reason.partition(":")[0] for reason in verdict.reasons if not reason.startswith("open ")]


def test_two_seeds_force_open() -> None:
    verdict = decide(pair(CLEAR[:2]))
    assert forced(verdict) == ["few seeds"]
    assert verdict.reasons[0] == "few seeds: 2, fewer than 3"
    assert verdict.lower is not None and verdict.lower > 0
    assert verdict.needed is not None
    assert (verdict.needed.rows, verdict.needed.seeds) == (None, 3)
    assert "about 3 seeds would settle it, more rows alone would not" in verdict.sentence


def test_ninety_nine_rows_force_open() -> None:
    verdict = decide(pair(CLEAR[:, :99]))
    assert forced(verdict) == ["few rows"]
    assert verdict.needed is not None
    assert (verdict.needed.rows, verdict.needed.seeds) == (100, None)
    assert "about 100 rows would settle it, more seeds alone would not" in verdict.sentence


def test_nine_groups_force_open_whatever_their_rows() -> None:
    verdict = decide(pair(np.tile(CLEAR, 9)), groups=np.repeat(np.arange(9), 100))
    assert forced(verdict) == ["few groups"]
    assert "1000 rows (in 10 groups)" in verdict.sentence
    assert decide(pair(np.tile(CLEAR, 10)), groups=np.repeat(np.arange(10), 100)).code == "smooth"


def test_hundred_rows_are_counted_as_predictions_not_as_groups() -> None:
    assert decide(pair(CLEAR), groups=np.repeat(np.arange(10), 10)).code == "smooth"
    assert forced(decide(pair(CLEAR[:, :90]), groups=np.repeat(np.arange(10), 9))) == ["few rows"]


@pytest.mark.parametrize("status", ["degenerate", "at_lower", "at_upper"])
@pytest.mark.parametrize("side", [0, 1])
def test_a_degenerate_temperature_forces_open(status: str, side: int) -> None:
    both = pair(CLEAR)
    both[side] = replace(both[side], statuses=("interior", status, "interior"))
    verdict = decide(both)
    assert forced(verdict) == ["degenerate temperature"]
    assert f"{both[side].method} (last) seed 1 {status.replace('_', ' ')}" in verdict.reasons[0]
    assert verdict.needed is None
    assert "give the temperature more validation rows" in verdict.sentence


@pytest.mark.parametrize("side, lacking", [(0, "hard"), (1, "uniform 0.1")])
def test_a_missing_pair_forces_open(side: int, lacking: str) -> None:
    rows = np.vstack([CLEAR, CLEAR])
    both = pair(rows)
    kept = [0, 1, 2, 3, 5]
    both[side] = candidate(both[side].method, both[side].test_rows[kept], seeds=tuple(kept))
    verdict = decide(both)
    assert forced(verdict) == ["missing pairs"]
    assert verdict.reasons[0] == f"missing pairs: {lacking} has no seed 4"
    assert verdict.seeds == 5
    assert verdict.difference == pytest.approx(0.5)
    assert "run the missing trials" in verdict.sentence


def test_no_pair_at_all_is_open_without_an_interval() -> None:
    both = [candidate("hard", CLEAR, seeds=(0, 1, 2)), candidate("uniform 0.1", CLEAR, seeds=(3, 4, 5))]
    verdict = decide(both)
    assert forced(verdict) == ["missing pairs", "few seeds"]
    assert (verdict.difference, verdict.lower, verdict.hard_nll) == (None, None, None)
    assert "no interval for the gain" in verdict.sentence


def test_a_true_class_of_probability_zero_forces_open() -> None:
    both = pair(CLEAR)
    rows = both[0].test_rows.copy()
    rows[1, 7] = math.inf
    verdict = decide([replace(both[0], test_rows=rows), both[1]])
    assert forced(verdict) == ["infinite loss"]
    assert verdict.difference is None
    assert exploratory(verdict.hard, [both[1]]) == [None]


def test_conditions_of_the_caller_force_open_too() -> None:
    from labelsmooth.comparison._outcome import Reason

    verdict = decide(pair(CLEAR), forced=[Reason("chosen on test", "no validation split", "add one")], notes=["a note"])
    assert forced(verdict) == ["chosen on test", "a note"]
    assert "; add one, with these" in verdict.sentence


def test_every_condition_is_named_at_once() -> None:
    both = pair(CLEAR[:2, :50])
    both[1] = replace(both[1], statuses=("degenerate", "interior"))
    assert forced(decide(both, groups=np.repeat(np.arange(5), 10))) == [
        "degenerate temperature", "few seeds", "few rows", "few groups",
    ]  # fmt: skip


# Line 9: how much would settle it


def simulated(seeds: int, rows: int, center: float, sizes: tuple[float, float, float], seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    of_seeds, of_rows, noise = sizes
    differences = (
        of_seeds * generator.normal(size=(seeds, 1))
        + of_rows * generator.normal(size=rows)
        + noise * generator.normal(size=(seeds, rows))
    )
    return differences - differences.mean() + center


def components(differences: np.ndarray) -> tuple[float, float, float]:
    """Seeds, rows and noise by the expected mean squares of a two-way layout without replication."""
    seeds, rows = differences.shape
    grand = fmean(differences.ravel())
    a = [fmean(row) - grand for row in differences]
    b = [fmean(column) - grand for column in differences.T]
    rest = sum((differences[s, r] - grand - a[s] - b[r]) ** 2 for s in range(seeds) for r in range(rows))
    noise = rest / ((seeds - 1) * (rows - 1))
    return max(0, variance(a) - noise / rows), max(0, variance(b) - noise / seeds), noise


def half_width(parts: tuple[float, float, float], seeds: int, rows: int) -> float:
    of_seeds, of_rows = (parts[0] + parts[2] / rows) / seeds, (parts[1] + parts[2] / seeds) / rows
    df = (of_seeds + of_rows) ** 2 / (of_seeds**2 / (seeds - 1) + of_rows**2 / (rows - 1))
    return float(stats.t.ppf(0.975, df) * math.sqrt(of_seeds + of_rows))


@pytest.mark.parametrize(
    "center, sizes",
    [(0.02, (0.005, 0.2, 0.1)), (0.02, (0.02, 0.15, 0.2)), (0.02, (0.06, 0.01, 0.05)), (-0.005, (0.005, 0.1, 0.1))],
)
def test_needed_rows_and_seeds_just_settle_it(center: float, sizes: tuple[float, float, float]) -> None:
    differences = simulated(5, 200, center, sizes)
    verdict = decide(pair(differences))
    assert verdict.code == "open" and verdict.needed is not None
    parts = components(differences)
    target = center if center >= 0.0025 else 0.0025 - center
    rows, seeds = verdict.needed.rows, verdict.needed.seeds
    assert rows is not None or seeds is not None
    if rows is not None:
        assert half_width(parts, 5, rows) < target
        assert half_width(parts, 5, int(0.88 * rows)) >= target
        assert f"about {rows} rows" in verdict.sentence
    if seeds is not None:
        assert half_width(parts, seeds, 200) < target <= half_width(parts, seeds - 1, 200)
        assert f"{seeds} seeds" in verdict.sentence
    for alone, what in ((rows, "more rows alone would not"), (seeds, "more seeds alone would not")):
        assert (what in verdict.sentence) == (alone is None)


def test_when_neither_alone_is_enough_both_together_are_named() -> None:
    differences = simulated(5, 200, 0.02, (0.05, 0.5, 0.1))
    verdict = decide(pair(differences))
    assert verdict.needed is not None and verdict.needed.together is not None
    seeds, rows = verdict.needed.together
    parts = components(differences)
    assert half_width(parts, seeds, rows) < 0.02
    assert half_width(parts, 5, 1000 * rows) >= 0.02
    assert half_width(parts, 1000, 200) >= 0.02
    assert f"about {rows} rows and {seeds} seeds together would settle it, neither alone would" in verdict.sentence
    assert verdict.to_dict()["needed"] == {"rows": None, "seeds": None, "together": {"seeds": seeds, "rows": rows}}


def test_a_gain_beside_delta_cannot_be_settled() -> None:
    verdict = decide(pair(simulated(5, 200, 0.25 - 1e-9, (0.05, 0.5, 0.1))), min_effect=0.25)
    assert verdict.code == "open"
    assert "too near the smallest that matters" in verdict.sentence


# Line 11: what may decide


@pytest.mark.parametrize("metric", ["ece", "aurc", "f1"])
def test_only_row_averages_decide(metric: str) -> None:
    with pytest.raises(UsageError, match=rf"'{metric}' cannot decide.*\['nll', 'brier', 'accuracy'\]"):
        decide(pair(CLEAR), metric=metric)


def test_accuracy_is_told_as_accuracy() -> None:
    wrong = np.zeros((3, 200))
    wrong[:, :40] = 1.0
    better = wrong.copy()
    better[:, :10] = 0.0
    verdict = decide([candidate("hard", wrong), candidate("uniform 0.1", better)], metric="accuracy")
    assert (verdict.hard_value, verdict.smooth_value) == (0.8, 0.85)
    assert verdict.difference == pytest.approx(0.05)
    assert verdict.min_effect == pytest.approx(0.02 * 0.2)
    assert "Accuracy 0.850 against 0.800 for the best unsmoothed model" in verdict.sentence
    assert verdict.hard_nll is None


def test_a_decision_by_brier_score_still_tells_the_nll() -> None:
    both = [
        replace(each, measures={"nll": np.full(3, value)}) for each, value in zip(pair(CLEAR), (0.3, 0.4), strict=True)
    ]
    verdict = decide(both, metric="brier")
    assert (verdict.hard_nll, verdict.smooth_nll) == pytest.approx((0.3, 0.4))
    assert verdict.costs == {"nll": pytest.approx(0.1)}


def test_other_intervals_decide_nothing() -> None:
    """A third candidate that is far better on test, but not on validation, changes nothing but the table."""
    both = pair(spread_differences(0.0), val=0.5)
    lucky = candidate("uniform 0.2", np.zeros((5, 100)), val=0.6)
    assert decide([*both, lucky]).to_dict() == decide(both).to_dict()


def test_exploratory_intervals_are_those_of_the_pairs() -> None:
    hard, smooth = pair(spread_differences(0.05))
    rival = candidate("focal", hard.test_rows - spread_differences(-0.1), family="rival")
    intervals = exploratory(hard, [smooth, rival])
    for interval, center in zip(intervals, (0.05, -0.1), strict=True):
        assert interval is not None
        expected = reference(spread_differences(center))
        assert (interval.difference, interval.lower, interval.upper) == pytest.approx(expected[:3])


def test_holm_on_request_widens_step_by_step() -> None:
    hard = candidate("hard", np.zeros((5, 100)))
    others = [candidate(f"uniform 0.{i}", -spread_differences(center)) for i, center in enumerate((0.1, 0.02, 0.03), 1)]
    plain, holm = exploratory(hard, others), exploratory(hard, others, holm=True)
    shares = [0.05 / 3, 0.05 / 2, 0.05 / 2]  # 0.1 rejected at α/3; 0.03 not at α/2; 0.02 stays there
    for one, other, share in zip(plain, holm, shares, strict=True):
        assert one is not None and other is not None
        ratio = stats.t.ppf(1 - share / 2, one.df) / stats.t.ppf(0.975, one.df)
        assert (other.upper - other.lower) / (one.upper - one.lower) == pytest.approx(ratio)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_levels_reject_as_holms_test_does(p_values: list[float]) -> None:
    from itertools import takewhile

    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    rejected = set(takewhile(lambda i: p_values[i] < 0.05 / (len(p_values) - order.index(i)), order))
    levels = holm_levels(p_values)
    assert {i for i, level in enumerate(levels) if p_values[i] < 1 - level - 1e-15} <= rejected
    assert all(p_values[i] <= 1 - levels[i] + 1e-12 for i in rejected)


# Line 12: the sentences


def test_sentence_of_smooth() -> None:
    measures = {
        "accuracy": (0.979, 0.972),
        "ece_before": (0.022, 0.140),
        "aurc": (0.002, 0.0021),
        "brier": (0.04, 0.03),
    }
    hard, smooth = (
        replace(each, measures={name: np.full(5, values[side]) for name, values in measures.items()})
        for side, each in enumerate(pair(spread_differences(0.05), hard_nll=0.137))
    )
    _, lower, upper, _ = reference(spread_differences(0.05))
    verdict = decide([hard, smooth])
    assert verdict.sentence == (
        "Smooth: uniform, ε=0.1. NLL 0.087 against 0.137 for the best unsmoothed model with temperature; "
        f"gain 0.050 [{lower:.3f}, {upper:.3f}]. "
        "Cost: accuracy 0.979 → 0.972, ECE before temperature 0.022 → 0.140, with these training settings."
    )
    assert verdict.costs == {"accuracy": pytest.approx(-0.007), "ece_before": pytest.approx(0.118)}


def test_sentence_of_smooth_without_costs() -> None:
    hard, smooth = pair(CLEAR)
    assert "Cost: not measured, with" in decide([hard, smooth]).sentence
    same = {"accuracy": np.full(3, 0.9), "aurc": np.full(3, 0.1)}
    told = decide([replace(hard, measures=same), replace(smooth, measures=same)]).sentence
    assert "Cost: nothing got materially worse among accuracy, AURC, with" in told


def test_the_deciding_metric_is_no_cost_of_its_own() -> None:
    hard, smooth = pair(-CLEAR)
    worse = [replace(hard, measures={"nll": np.full(3, 0.1)}), replace(smooth, measures={"nll": np.full(3, 0.6)})]
    assert decide(worse).costs == {}


def written(value: float) -> str:
    """To three places, with the sign that the table has."""
    return f"{value:.3f}".replace("-", "−")


def test_sentences_of_keep_hard() -> None:
    small = decide(pair(spread_differences(0.001, size=1e-4)))
    _, lower, upper, _ = reference(spread_differences(0.001, size=1e-4))
    assert small.sentence == (
        "Keep hard labels with temperature; any gain is below 0.00250 "
        f"(uniform, ε=0.1: gain 0.00100 [{lower:.5f}, {upper:.5f}]), with these training settings."
    )
    harmful = decide(pair(spread_differences(-0.05)))
    _, lower, upper, _ = reference(spread_differences(-0.05))
    assert harmful.sentence == (
        "Keep hard labels with temperature; smoothing hurts here "
        f"(uniform, ε=0.1: gain −0.050 [{written(lower)}, {written(upper)}]), with these training settings."
    )


def test_sentence_of_open() -> None:
    verdict = decide(pair(spread_differences(0.0)))
    _, lower, upper, _ = reference(spread_differences(0.0))
    assert verdict.sentence.startswith(
        f"Not settled: gain between {written(lower)} and {written(upper)}. Keep hard labels for now; "
    )
    assert verdict.sentence.endswith(END)


@given(
    center=st.floats(-0.1, 0.1),
    size=st.floats(0, 0.1),
    seeds=st.integers(1, 6),
    rows=st.sampled_from([2, 40, 100, 200]),
    checkpoint=st.sampled_from(["last", "best"]),
)
@settings(max_examples=80, deadline=None)
def test_every_sentence_ends_with_the_settings(
    center: float, size: float, seeds: int, rows: int, checkpoint: str
) -> None:
    verdict = decide(pair(spread_differences(center, seeds, rows, size), checkpoint=checkpoint))
    starts = {"smooth": "Smooth: ", "keep_hard": "Keep hard labels with temperature; ", "open": "Not settled: "}
    assert verdict.sentence.startswith(starts[verdict.code])
    assert verdict.sentence.endswith(END)
    assert "\n" not in verdict.sentence
    assert "nan" not in verdict.sentence.replace("inan", "")
    assert (verdict.code == "open") == ("Keep hard labels for now" in verdict.sentence)


def test_what_varies_is_told() -> None:
    grid = [
        candidate(f"{name}, wd {wd:g}", np.full((3, 100), level), val=val, weight_decay=wd, dropout=0.1, **more)
        for name, level, more in (("hard", 0.5, {}), ("uniform 0.1", 0.2, {"label_smoothing": 0.1}))
        for wd, val in ((0.0, 0.3), (0.01, 0.2))
    ]
    verdict = decide([replace(each, checkpoint="best") for each in grid])
    assert verdict.sentence.startswith("Smooth: uniform, ε=0.1, best epoch, weight decay 0.01. NLL 0.200 against 0.500")


def test_snippets_are_python_that_says_what_was_chosen() -> None:
    smooth = decide(pair(CLEAR)).snippet
    assert smooth.splitlines()[:2] == [
        "from labelsmooth import CrossEntropyLoss",
        "criterion = CrossEntropyLoss(label_smoothing=0.1)",
    ]
    hard, uniform = pair(CLEAR, checkpoint="best")
    others = decide([hard, replace(uniform, scheme="class_matrix", label_smoothing=0.05)]).snippet
    assert "from labelsmooth.schemes import ClassMatrix" in others
    assert "criterion = CrossEntropyLoss(label_smoothing=ClassMatrix(0.05))" in others
    assert "# keep the epoch with the lowest validation NLL" in others
    keep = decide(pair(-CLEAR)).snippet
    assert "criterion = CrossEntropyLoss()" in keep
    for text in (smooth, others, keep):
        assert "TemperatureScaler().fit(val_logits, val_labels)" in text
        compile(text, "snippet", "exec")


# Nothing depends on order


@given(st.integers(0, 10_000), st.integers(3, 6), st.sampled_from([100, 130]), st.booleans())
@settings(max_examples=40, deadline=None)
def test_permuting_seeds_rows_and_candidates_changes_nothing(seed: int, seeds: int, rows: int, grouped: bool) -> None:
    generator = np.random.default_rng(seed)
    groups = generator.integers(0, 12, size=rows) if grouped else None
    names = ("hard", "uniform 0.1", "others 0.1")
    given_rows = [
        candidate(name, generator.gamma(0.3, 1, size=(seeds, rows)), val=generator.random(seeds)) for name in names
    ]
    first = decide(given_rows, groups=groups)
    order, shuffled = generator.permutation(seeds), generator.permutation(rows)
    moved = [
        replace(
            each,
            seeds=tuple(int(s) for s in order),
            val_nll_after=each.val_nll_after[order],
            test_rows=each.test_rows[order][:, shuffled],
        )
        for each in generator.permutation(np.array(given_rows, dtype=object))
    ]
    second = decide(moved, groups=None if groups is None else groups[shuffled])
    assert (first.code, first.sentence, first.reasons) == (second.code, second.sentence, second.reasons)
    assert (first.difference, first.lower, first.upper) == pytest.approx(
        (second.difference, second.lower, second.upper)
    )


@given(st.floats(0.01, 100), st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_the_interval_scales_and_mirrors(factor: float, seed: int) -> None:
    differences = np.random.default_rng(seed).normal(size=(4, 50))
    one, scaled, mirrored = two_way(differences), two_way(factor * differences), two_way(-differences)
    assert float(scaled.df) == pytest.approx(float(one.df))
    assert (scaled.lower, scaled.upper) == pytest.approx((factor * one.lower, factor * one.upper))
    assert (mirrored.lower, mirrored.upper) == pytest.approx((-one.upper, -one.lower))


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"seeds": (0, 1)}, "expected a row of test losses"),
        ({"seeds": (0, 1, 1)}, "a seed occurs twice"),
        ({"val_nll_after": np.zeros(2)}, "a validation NLL for each of 3 seeds"),
        ({"test_rows": np.zeros(3)}, "expected a row of test losses"),
        ({"family": "easy"}, "family must be one of"),
    ],
)
def test_candidates_are_checked(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        replace(pair(CLEAR)[0], **changes)
