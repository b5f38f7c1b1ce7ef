"""Row averages and binned errors against rational arithmetic and longdouble, and what they refuse."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from calibration import rationals
from calibration.cases import random_case

from labelsmooth import calibration
from labelsmooth._checks import DataError

METRICS = {
    "accuracy": calibration.accuracy,
    "nll": calibration.nll,
    "brier_score": calibration.brier_score,
    "signed_gap": calibration.signed_gap,
    "expected_calibration_error": calibration.expected_calibration_error,
    "aurc": calibration.aurc,
    "excess_aurc": calibration.excess_aurc,
}
each_metric = pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS.keys())


def test_C9_3000_cases_equal_rational_arithmetic():
    for seed in range(3000):
        labels, probs, bins = random_case(seed)
        exact = rationals.calibration_errors(labels.tolist(), probs.tolist(), bins)
        ours = calibration.expected_calibration_error(labels, probs=probs, bins=bins)
        assert ours == float(exact["l1"]), seed
        assert calibration.signed_gap(labels, probs=probs) == pytest.approx(float(exact["signed"]), abs=1e-15), seed
        assert calibration.accuracy(labels, probs=probs) == float(rationals.accuracy(labels, probs.tolist())), seed
        if seed >= 1000:
            continue
        brier = float(rationals.brier(labels.tolist(), probs.tolist()))
        assert calibration.brier_score(labels, probs=probs) == pytest.approx(brier, abs=1e-14), seed
        area = float(rationals.aurc(labels.tolist(), probs.tolist()))
        assert calibration.aurc(labels, probs=probs) == pytest.approx(area, abs=1e-13), seed


@pytest.mark.parametrize("bins", [1, 2, 3, 7, 10, 15, 20, 30, 49, 100, 1000])
def test_C9_every_edge_and_its_neighbours_land_where_rationals_say(bins):
    grid = np.arange(bins + 1) / bins
    values = np.unique(np.clip(np.concatenate((grid, np.nextafter(grid, -1), np.nextafter(grid, 2))), 0, 1))
    for value in values[values >= 0.5]:
        counts = calibration.reliability_bins([0], probs=[[value, 1 - value]], bins=bins).count
        assert counts.argmax() == rationals.bin_of(rationals.Fraction(float(value)), bins), (value, bins)


def test_C1_confidence_one_lands_in_last_bin():
    error = calibration.expected_calibration_error([0, 1], probs=[[0.95, 0.05], [1.0, 0.0]], bins=10)
    assert error == pytest.approx(0.475, abs=1e-15)
    assert calibration.reliability_bins([0], probs=[[1.0, 0.0]]).count.tolist() == [0] * 14 + [1]


def test_C2_confidence_zero_lands_in_first_bin():
    from labelsmooth.calibration._binning import bin_index, equal_width_edges

    assert bin_index(np.array([0.0, 5e-324, 1 / 15]), equal_width_edges(15)).tolist() == [0, 0, 0]


def test_C3_two_doors_and_never_a_guess():
    values = np.array([[0.2, 0.8], [0.9, 0.1]])
    as_logits = calibration.expected_calibration_error([1, 0], logits=values)
    as_probs = calibration.expected_calibration_error([1, 0], probs=values)
    assert as_probs == pytest.approx(0.15) and as_logits != pytest.approx(as_probs, abs=0.05)


@each_metric
def test_C3_both_or_no_door_is_a_type_error(metric):
    with pytest.raises(TypeError, match="exactly one of logits= and probs="):
        metric([0])
    with pytest.raises(TypeError, match="exactly one of logits= and probs="):
        metric([0], logits=[[1.0, 0.0]], probs=[[1.0, 0.0]])


def test_C4_a_million_float32_rows_are_counted_and_summed_without_drift():
    probs = np.full((1_000_000, 2), [0.9, 0.1], dtype=np.float32)
    labels = (np.arange(1_000_000) % 10 == 0).astype(np.int8)
    bins = calibration.reliability_bins(labels, probs=probs)
    assert bins.count.sum() == 1_000_000 and bins.confidence[13] == float(np.float32(0.9))
    error = calibration.expected_calibration_error(labels, probs=probs)
    assert error == pytest.approx(abs(float(np.float32(0.9)) - 0.9), rel=1e-6)


@each_metric
def test_C6_empty_and_nan_raise(metric):
    with pytest.raises(DataError, match="empty"):
        metric(np.zeros(0, dtype=int), logits=np.zeros((0, 3)))
    with pytest.raises(DataError, match="row 1 has nan"):
        metric([0, 1], logits=[[1.0, 0.0], [np.nan, 0.0]])
    with pytest.raises(DataError, match="row 1"):
        metric([0, 1], probs=[[1.0, 0.0], [np.nan, 0.5]])
    with pytest.raises(DataError, match="row 0 has inf"):
        metric([0], logits=[[np.inf, 0.0]])
    with pytest.raises(DataError, match="row 0 has -inf"):
        metric([0], logits=[[-np.inf, -np.inf]])


@each_metric
@pytest.mark.parametrize("row", [[0.7, 0.2], [1.2, -0.2], [0.5, 0.5015], [-1e-9, 1.0]])
def test_rows_that_are_no_distribution_are_named(metric, row):
    with pytest.raises(DataError, match=r"probs: row 2 is not a distribution"):
        metric([0, 0, 1, 0], probs=[[1.0, 0.0], [0.5, 0.5], row, [0.3, 0.3]])


@each_metric
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_probability_rounded_above_1_is_1(metric, dtype):
    rest = [[0.2, 0.8], [0.6, 0.4]]
    above = np.array([[np.nextafter(dtype(1), dtype(2)), 0.0], *rest], dtype=dtype)
    exact = np.array([[1.0, 0.0], *rest], dtype=dtype)
    np.testing.assert_array_equal(metric([0, 1, 1], probs=above), metric([0, 1, 1], probs=exact))


def test_a_posterior_rounded_above_1_is_a_posterior():
    exact, above = [[1.0, 0.0], [0.3, 0.7]], [[np.nextafter(1.0, 2.0), 0.0], [0.3, 0.7]]
    scores = [[0.8, 0.2], [0.4, 0.6]]
    found = calibration.true_calibration_error(above, probs=scores)
    assert found == pytest.approx(calibration.true_calibration_error(exact, probs=scores), abs=1e-15)


@each_metric
@pytest.mark.parametrize(
    "labels, error, message",
    [
        ([0, 3], IndexError, r"\[0, 2\].*got 3 in row 1"),
        ([-100, 0], IndexError, r"got -100 in row 0"),
        ([0.0, 1.0], TypeError, "integers"),
        ([[0], [1]], ValueError, r"\(2, 1\); use labels.squeeze\(1\)"),
        ([0], ValueError, r"shape \(2,\)"),
        ([True, False], TypeError, "integers"),
    ],
)
def test_labels_that_cannot_be_are_refused(metric, labels, error, message):
    with pytest.raises(error, match=message):
        metric(labels, logits=np.zeros((2, 3)))


@pytest.mark.parametrize("values", [np.zeros(3), np.zeros((2, 3, 4)), np.zeros((2, 0))])
def test_shapes_that_cannot_be_are_refused(values):
    with pytest.raises(ValueError, match=r"\(rows, classes\)"):
        calibration.nll([0, 1], logits=values)


@pytest.mark.parametrize("values", [np.zeros((1, 2), complex), np.zeros((1, 2), bool), [["a", "b"]]])
def test_values_that_are_no_real_numbers_are_refused(values):
    with pytest.raises(TypeError, match="real numbers"):
        calibration.nll([0], logits=values)


@pytest.mark.parametrize("bins", [0, -1, 2.5, True, "15"])
def test_bins_that_cannot_be_are_refused(bins):
    with pytest.raises(ValueError, match="bins must be a whole number"):
        calibration.expected_calibration_error([0], probs=[[1.0, 0.0]], bins=bins)


def longdouble_rows(logits, labels):
    z = logits.astype(np.longdouble)
    row = np.arange(len(z))
    z = z - z.max(axis=1, keepdims=True)
    others = np.exp(z)
    others[row, z.argmax(axis=1)] = 0
    rest = others.sum(axis=1)
    p = np.exp(z) / (1 + rest)[:, None]
    away = p.copy()
    away[row, labels] = 0
    return np.log1p(rest) - z[row, labels], away.sum(axis=1) ** 2 + (away**2).sum(axis=1), 1 / (1 + rest)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 10.0, 100.0, 1e6])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_C17_rows_from_logits_equal_longdouble(scale, dtype):
    generator = np.random.default_rng(5)
    logits = np.clip(generator.normal(size=(200, 7)) * scale, -60000, 60000).astype(dtype)
    labels = np.where(generator.random(200) < 0.5, logits.argmax(axis=1), generator.integers(0, 7, 200))
    nll, brier, confidence = longdouble_rows(logits, labels)
    np.testing.assert_allclose(calibration.row_nll(labels, logits), nll.astype(float), rtol=1e-13, atol=0)
    rows = [calibration.brier_score(labels[i : i + 1], logits=logits[i : i + 1]) for i in range(200)]
    np.testing.assert_allclose(rows, brier.astype(float), rtol=1e-13, atol=1e-300)
    assert calibration.summary(labels, logits)["confidence"] == pytest.approx(float(confidence.mean()), abs=1e-14)


def test_C17_the_loss_of_a_certain_row_is_not_rounded_to_zero():
    assert calibration.row_nll([0], [[100.0, 0.0]])[0] == pytest.approx(np.exp(-100.0), rel=1e-13)
    assert calibration.brier_score([0], logits=[[100.0, 0.0]]) == pytest.approx(2 * np.exp(-200.0), rel=1e-13)


def test_C17_zero_probability_is_infinite_and_nothing_is_clipped():
    assert calibration.nll([0, 1], probs=[[1.0, 0.0], [1.0, 0.0]]) == np.inf
    assert calibration.row_nll([0, 1], probs=[[1.0, 0.0], [1.0, 0.0]]).tolist() == [0.0, np.inf]
    assert calibration.row_nll([0, 1], [[-np.inf, 3.0], [-np.inf, 3.0]]).tolist() == [np.inf, 0.0]
    assert calibration.nll([1], probs=[[1.0 - 1e-300, 1e-300]]) == pytest.approx(300 * np.log(10), rel=1e-12)


def test_masked_classes_change_nothing_for_the_others():
    logits = np.array([[2.0, 0.5, 0.3], [-1.0, 0.0, 4.0]])
    masked = np.insert(logits, 1, -np.inf, axis=1)
    for metric in METRICS.values():
        assert metric([0, 2], logits=logits) == metric([0, 3], logits=masked)


@each_metric
def test_tensors_arrays_and_lists_give_the_same(metric):
    generator = np.random.default_rng(0)
    logits, labels = generator.normal(size=(50, 4)).astype(np.float32), generator.integers(0, 4, 50)
    expected = metric(labels, logits=logits)
    tensor = torch.from_numpy(logits).requires_grad_()
    assert metric(torch.from_numpy(labels).to(torch.int32), logits=tensor) == pytest.approx(expected, rel=1e-13)
    assert metric(labels.tolist(), logits=logits.tolist()) == expected
    assert metric(labels.astype(np.uint8), logits=np.asfortranarray(logits)) == expected
    assert metric(labels, logits=np.repeat(logits, 2, axis=1)[:, ::2]) == expected
    half = torch.from_numpy(logits).bfloat16()
    assert metric(labels, logits=half) == metric(labels, logits=half.float())


@each_metric
def test_inputs_are_left_alone(metric):
    probs, labels = np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 0])
    metric(labels, probs=probs)
    metric(labels, logits=probs)
    assert probs.tolist() == [[0.9, 0.1], [0.2, 0.8]] and labels.tolist() == [0, 0]


@each_metric
def test_the_order_of_rows_does_not_matter_bit_for_bit(metric):
    generator = np.random.default_rng(1)
    logits = generator.normal(size=(300, 5)).round(1)
    labels, order = generator.integers(0, 5, 300), generator.permutation(300)
    assert metric(labels, logits=logits) == metric(labels[order], logits=logits[order])


def test_one_class_is_certain():
    found = calibration.summary([0, 0], np.zeros((2, 1)))
    assert (found["accuracy"], found["nll"], found["brier"], found["ece"]) == (1, 0, 0, 0)


def test_equal_scores_predict_the_first_class():
    assert calibration.accuracy([0, 1], logits=np.zeros((2, 3))) == 0.5


def test_C17_nll_is_never_below_brier():
    generator = np.random.default_rng(2)
    logits, labels = generator.normal(size=(2000, 4)) * 5, generator.integers(0, 4, 2000)
    rows = calibration.row_nll(labels, logits)
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert (rows >= ((probs - np.eye(4)[labels]) ** 2).sum(axis=1) - 1e-12).all()


@pytest.mark.parametrize("bins", [1, 2, 5, 15, 60])
def test_signed_gap_is_a_lower_bound_of_every_ece(bins):
    for seed in range(100):
        labels, probs, _ = random_case(seed)
        gap = abs(calibration.signed_gap(labels, probs=probs))
        assert gap <= calibration.expected_calibration_error(labels, probs=probs, bins=bins) + 1e-15


def test_refining_the_bins_never_lowers_ece():
    for seed in range(100):
        labels, probs, _ = random_case(seed)
        errors = [calibration.expected_calibration_error(labels, probs=probs, bins=5 * 2**i) for i in range(5)]
        assert errors == sorted(errors)


def test_weights_count_rows_and_ignored_rows_do_not_count():
    generator = np.random.default_rng(3)
    logits, labels = generator.normal(size=(60, 4)), generator.integers(0, 4, 60)
    times = generator.integers(0, 4, 60)
    repeated = np.repeat(labels, times), np.repeat(logits, times, axis=0)
    with_ignored = np.where(times > 0, labels, -100)
    for name in ("accuracy", "nll", "brier_score", "signed_gap", "expected_calibration_error"):
        metric = METRICS[name]
        expected = metric(repeated[0], logits=repeated[1])
        assert metric(labels, logits=logits, weights=times) == pytest.approx(expected, rel=1e-15)
        weighted = metric(with_ignored, logits=logits, weights=times, ignore_index=-100)
        assert weighted == pytest.approx(expected, rel=1e-15)


def test_ignored_rows_may_hold_anything():
    logits = np.array([[1.0, 0.0], [np.nan, np.inf]])
    assert calibration.nll([0, 255], logits=logits, ignore_index=255) == calibration.nll([0], logits=logits[:1])
    logits = np.vstack((logits, [[np.nan, 0.0]]))
    with pytest.raises(DataError, match="row 2 has nan"):
        calibration.nll([0, 255, 0], logits=logits, ignore_index=255)
    logits = logits[:2]
    with pytest.raises(DataError, match="every row has the ignored label 255"):
        calibration.nll([255, 255], logits=logits, ignore_index=255)


@pytest.mark.parametrize("weights", [[1.0], [1.0, -1.0], [1.0, np.nan], [0.0, 0.0], ["a", "b"]])
def test_weights_that_cannot_be_are_refused(weights):
    with pytest.raises(ValueError, match="weights"):
        calibration.nll([0, 1], logits=np.zeros((2, 2)), weights=weights)


def test_true_calibration_error_is_zero_for_the_law_itself_and_the_bias_for_a_biased_model():
    generator = np.random.default_rng(4)
    law = generator.dirichlet(np.ones(4), 500)
    assert calibration.true_calibration_error(law, probs=law) == 0.0
    smoothed = 0.9 * law + 0.025
    bias = 0.1 * (law.max(axis=1).mean() - 0.25)
    assert calibration.true_calibration_error(law, probs=smoothed) == pytest.approx(bias, rel=1e-12)
    with pytest.raises(DataError, match="row 0 is not a distribution"):
        calibration.true_calibration_error(law * 2, probs=law)
    with pytest.raises(DataError, match="4 columns"):
        calibration.true_calibration_error(law[:, :1] * 0 + 1, probs=law)


def test_importing_metrics_loads_no_torch_scipy_or_matplotlib():
    code = (
        "import sys, labelsmooth.calibration as c; c.summary([0, 1], [[1.0, 0.0], [0.0, 1.0]]); "
        "c.TemperatureScaler().fit([[1.0, 0.0]], [0]).predict_proba([[1.0, 0.0]]); "
        "print([m for m in ('torch', 'scipy', 'matplotlib', 'sklearn') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
