"""Intervals: formulas against scipy, coverage by simulation, and what has no interval."""

from __future__ import annotations

import numpy as np
import pytest
from calibration.cases import calibrated_logits
from scipy import stats

from labelsmooth import calibration
from labelsmooth._checks import DataError
from labelsmooth.calibration import Interval, holm, mean_interval, metric_interval, paired_interval
from labelsmooth.calibration._skewness import hall


def test_one_seed_is_students_interval():
    values = np.random.default_rng(0).normal(size=50)
    found = mean_interval(values)
    expected = stats.ttest_1samp(values, 0)
    low, high = expected.confidence_interval(0.95)
    assert (found.lower, found.upper) == pytest.approx((low, high), rel=1e-12)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-10)
    assert (found.seeds, found.rows, found.method, found.df) == (1, 50, "t", 49)


def test_two_ways_by_hand():
    values = np.random.default_rng(1).normal(size=(4, 30)) + np.arange(4)[:, None]
    seeds, rows = values.mean(axis=1).var(ddof=1) / 4, values.mean(axis=0).var(ddof=1) / 30
    df = (seeds + rows) ** 2 / (seeds**2 / 3 + rows**2 / 29)
    half = stats.t.ppf(0.975, df) * np.sqrt(seeds + rows)
    found = mean_interval(values)
    assert (found.lower, found.upper) == pytest.approx((values.mean() - half, values.mean() + half), rel=1e-12)
    assert found.df == pytest.approx(df) and found.standard_error == pytest.approx(np.sqrt(seeds + rows))


def test_C19_groups_are_averaged_first():
    values = np.array([[1.0, 2.0, 3.0, 10.0], [2.0, 3.0, 4.0, 12.0]])
    found = mean_interval(values, groups=["a", "a", "b", "c"])
    expected = mean_interval([[1.5, 3.0, 10.0], [2.5, 4.0, 12.0]])
    assert (found.value, found.lower, found.upper, found.rows) == (
        expected.value, expected.lower, expected.upper, 3,
    )  # fmt: skip


def test_no_spread_is_a_point():
    found = mean_interval(np.full((3, 10), 0.25))
    assert (found.value, found.lower, found.upper) == (0.25, 0.25, 0.25)
    assert found.p_value == 0.0 and mean_interval(np.zeros(5)).p_value == 1.0
    assert np.isnan(found.smallest_difference())


def test_halls_quantile_inverts_his_cubic():
    for skewness in (-4.0, -0.5, 0.0, 1e-12, 0.8, 6.0):
        for quantile in (-2.2, -0.3, 0.0, 1.1, 2.0):
            x, root = hall(quantile, skewness, 40), 40**0.5
            back = x + skewness * (x * x / 3 + 1 / 6) / root + skewness**2 * x**3 / (27 * 40)
            assert back == pytest.approx(quantile, abs=1e-9)


def test_accuracy_of_one_model_is_clopper_pearson():
    found = metric_interval("accuracy", [0, 0, 0, 1], probs=[[0.9, 0.1]] * 4)
    exact = stats.binomtest(3, 4).proportion_ci(method="exact")
    assert (found.lower, found.upper, found.method) == (exact.low, exact.high, "exact")
    certain = metric_interval("accuracy", [0] * 20, probs=[[0.9, 0.1]] * 20)
    assert certain.value == 1.0 and certain.lower < 0.85


@pytest.mark.parametrize("metric", ["accuracy", "nll", "brier", "signed_gap"])
def test_each_metrics_interval_is_about_that_metric(metric):
    logits, labels = calibrated_logits(np.random.default_rng(2), 200, 5, temperature=2.0)
    function = {"brier": calibration.brier_score}.get(metric) or getattr(calibration, metric)
    expected = function(labels, logits=logits)
    groups = np.arange(200) // 2
    for found in (
        metric_interval(metric, labels, logits=logits),
        metric_interval(metric, labels, logits=[logits, logits * 1.0]),
        metric_interval(metric, labels, logits=np.stack([logits] * 3)),
        metric_interval(metric, labels, logits=logits, groups=groups),
    ):
        assert found.value == pytest.approx(expected, rel=1e-12) and found.lower < expected < found.upper
    worse = paired_interval(metric, labels, logits=(logits, logits * 3))
    assert worse.value == pytest.approx(expected - function(labels, logits=logits * 3), abs=1e-12)


def test_pairs_over_seeds_are_paired_seed_by_seed():
    generator = np.random.default_rng(3)
    logits, labels = calibrated_logits(generator, 100, 4)
    first = [logits + generator.normal(size=logits.shape) * 0.1 for _ in range(3)]
    second = [scores * 0.5 for scores in first]
    rows = [calibration.row_nll(labels, a) - calibration.row_nll(labels, b) for a, b in zip(first, second, strict=True)]
    assert paired_interval("nll", labels, logits=(first, second)) == mean_interval(np.stack(rows))


def test_C10_there_is_no_interval_for_ece():
    with pytest.raises(ValueError, match="metric must be one of"):
        metric_interval("ece", [0, 1], probs=[[0.9, 0.1]] * 2)
    with pytest.raises(ValueError, match="metric must be one of"):
        paired_interval("aurc", [0, 1], probs=([[0.9, 0.1]] * 2,) * 2)


def coverage(metric, runs, n, scale, temperature):
    """How often the interval of one model on n rows holds the metric of 100 000 others, and of a paired difference."""
    generator = np.random.default_rng(abs(hash((metric, n))) % 1000)
    logits, labels = calibrated_logits(generator, 100_000, 5, scale=scale, temperature=1.0)
    scores, other = logits / temperature, logits / (temperature * 0.8)
    function = {"brier": calibration.brier_score}.get(metric) or getattr(calibration, metric)
    truth = function(labels, logits=scores)
    gain = truth - function(labels, logits=other)
    held, paired = 0, 0
    for _ in range(runs):
        rows = generator.integers(0, len(labels), n)
        found = metric_interval(metric, labels[rows], logits=scores[rows])
        held += found.lower <= truth <= found.upper
        found = paired_interval(metric, labels[rows], logits=(scores[rows], other[rows]))
        paired += found.lower <= gain <= found.upper
    return held / runs, paired / runs


@pytest.mark.parametrize("metric", ["accuracy", "nll", "brier", "signed_gap"])
@pytest.mark.parametrize("temperature", [1.0, 0.4])
def test_intervals_cover_the_truth(metric, temperature):
    held, paired = coverage(metric, 250, 200, 3.0, temperature)
    assert held >= 0.91 and paired >= 0.90


def test_p_values_are_uniform_when_two_models_are_equally_good():
    generator, p_values = np.random.default_rng(5), []
    for _ in range(300):
        truth = generator.normal(size=(80, 4))
        labels = generator.integers(0, 4, 80)
        pair = [truth + generator.normal(size=truth.shape) for _ in range(2)]
        p_values.append(paired_interval("nll", labels, logits=tuple(pair)).p_value)
    assert stats.kstest(p_values, "uniform").pvalue > 0.001


def test_the_smallest_difference_is_found_as_often_as_promised():
    generator = np.random.default_rng(6)
    promised = mean_interval(generator.normal(size=400)).smallest_difference(power=0.8)
    found = [mean_interval(generator.normal(size=400) + promised).lower > 0 for _ in range(400)]
    assert np.mean(found) == pytest.approx(0.8, abs=0.07)
    interval = mean_interval(generator.normal(size=100))
    assert interval.smallest_difference(0.9) > interval.smallest_difference(0.8) > interval.upper - interval.value
    for power in (0.2, 1.0, True):
        with pytest.raises(ValueError, match="power"):
            interval.smallest_difference(power)


def test_holm_by_hand_and_its_properties():
    assert holm([0.01, 0.02, 0.03, 0.04]) == pytest.approx([0.04, 0.06, 0.06, 0.06])
    assert holm([0.5]) == [0.5] and holm([]) == [] and holm([0.9, 0.8]) == [1.0, 1.0]
    generator = np.random.default_rng(7)
    for _ in range(50):
        values = generator.random(6) ** 3
        adjusted = np.array(holm(values.tolist()))
        assert (adjusted >= values).all() and (np.diff(adjusted[np.argsort(values)]) >= 0).all()
    for wrong in ([1.5], [-0.1], [np.nan]):
        with pytest.raises(ValueError, match="p_values"):
            holm(wrong)


def test_what_has_no_interval_is_refused():
    with pytest.raises(DataError, match="row 1 of seed 0 is inf"):
        metric_interval("nll", [0, 1], probs=[[1.0, 0.0]] * 2)
    with pytest.raises(DataError, match="at least 2 rows or groups; got 1"):
        mean_interval([1.0])
    with pytest.raises(DataError, match="at least 2 rows or groups; got 1"):
        mean_interval([1.0, 2.0], groups=[7, 7])
    for level in (0, 1, 95, True):
        with pytest.raises(ValueError, match="level"):
            mean_interval([1.0, 2.0], level=level)
    with pytest.raises(ValueError, match="groups must have shape"):
        mean_interval([1.0, 2.0], groups=[1])
    with pytest.raises(ValueError, match="pass a pair"):
        paired_interval("nll", [0, 1], logits=np.zeros((2, 2)))
    with pytest.raises(ValueError, match="same seeds and rows"):
        paired_interval("nll", [0, 1], logits=([np.zeros((2, 2))] * 2, np.zeros((2, 2))))
    with pytest.raises(TypeError, match="exactly one"):
        metric_interval("nll", [0, 1])


def test_an_interval_reads_as_text():
    assert str(Interval(0.5, 0.25, 0.75, 0.95, 0.1, 9, 1, 10, "t")) == "0.5000 [0.2500, 0.7500]"
