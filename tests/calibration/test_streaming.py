"""Batches, processes and merges give the same bits as one call."""

from __future__ import annotations

import json
import pickle
from fractions import Fraction

import numpy as np
import pytest
import torch
from calibration.cases import calibrated_logits

from labelsmooth import calibration
from labelsmooth._checks import DataError
from labelsmooth.calibration import CalibrationAccumulator


def accumulated(labels, logits, cuts=(), weights=None, **options):
    found = []
    for part in np.split(np.arange(len(labels)), cuts):
        one = CalibrationAccumulator(**options)
        one.update(labels[part], logits=logits[part], weights=None if weights is None else weights[part])
        found.append(one)
    return found


def merged(parts, **options):
    total = CalibrationAccumulator(ignore_index=parts[0].ignore_index, **options)
    for part in parts:
        total.merge(part)
    return total


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", range(10))
def test_any_split_and_any_order_of_merging_gives_the_same_bits(seed, weighted):
    generator = np.random.default_rng(seed)
    n = int(generator.integers(2, 400))
    logits, labels = calibrated_logits(generator, n, 6, temperature=2.0)
    weights = generator.random(n) * 10.0 ** generator.integers(-8, 8, n) if weighted else None
    whole = accumulated(labels, logits, weights=weights)[0]
    for _ in range(5):
        cuts = np.sort(generator.integers(0, n, int(generator.integers(0, 12))))
        parts = accumulated(labels, logits, cuts, weights)
        order = generator.permutation(len(parts))
        again = merged([parts[i] for i in order])
        assert again.compute() == whole.compute() and again.state() == whole.state()
    shuffled = generator.permutation(n)
    weights = None if weights is None else weights[shuffled]
    assert accumulated(labels[shuffled], logits[shuffled], weights=weights)[0].compute() == whole.compute()


def test_row_by_row_equals_the_single_metrics_bit_for_bit():
    logits, labels = calibrated_logits(np.random.default_rng(0), 200, 4)
    stream = CalibrationAccumulator()
    for label, row in zip(labels, logits, strict=True):
        stream.update([label], logits=row[None])
    found = stream.compute()
    assert found["accuracy"] == calibration.accuracy(labels, logits=logits)
    assert found["nll"] == calibration.nll(labels, logits=logits)
    assert found["brier"] == calibration.brier_score(labels, logits=logits)
    assert found["signed_gap"] == calibration.signed_gap(labels, logits=logits)
    for name, norm in (("ece", "l1"), ("ece_l2", "l2"), ("ece_max", "max")):
        assert found[name] == calibration.expected_calibration_error(labels, logits=logits, norm=norm)


EVERYTHING = {"top_k": (2, 3), "sharpness": True, "per_class": True}


def everything(stream):
    """All that an accumulator gives, as text: equal where every bit is."""
    bins = stream.reliability_bins()
    tables = stream.per_class_table().rows(), stream.brier_decomposition(), [bins.count, bins.accuracy, bins.confidence]
    return repr((stream.compute(), tables, stream.state()))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_classes_ranks_and_sharpness_too_have_the_same_bits_however_the_rows_are_cut(seed, weighted):
    generator = np.random.default_rng(seed)
    n = int(generator.integers(20, 300))
    logits, labels = calibrated_logits(generator, n, 6, temperature=2.0)
    weights = generator.random(n) * 10.0 ** generator.integers(-8, 8, n) if weighted else None
    whole = everything(accumulated(labels, logits, weights=weights, **EVERYTHING)[0])
    for _ in range(3):
        cuts = np.sort(generator.integers(0, n, int(generator.integers(0, 12))))
        parts = accumulated(labels, logits, cuts, weights, **EVERYTHING)
        again = merged([parts[i] for i in generator.permutation(len(parts))], **EVERYTHING)
        assert everything(again) == whole
        sent = [CalibrationAccumulator.from_state(json.loads(json.dumps(part.state()))) for part in parts]
        assert everything(merged(sent, **EVERYTHING)) == whole


@pytest.mark.parametrize("weighted", [False, True])
def test_each_figure_is_that_of_the_function_of_its_name(weighted):
    generator = np.random.default_rng(5)
    logits, labels = calibrated_logits(generator, 300, 5, temperature=2.0)
    weights = generator.integers(0, 4, 300) if weighted else None
    stream = accumulated(labels, logits, [1, 120], weights, **EVERYTHING)
    stream = merged(stream, **EVERYTHING)
    found, given = stream.compute(), {"logits": logits, "weights": weights}
    assert found["top_2_accuracy"] == calibration.top_k_accuracy(labels, k=2, **given)
    assert found["classwise_ece"] == calibration.classwise_calibration_error(labels, **given)
    sharp = calibration.sharpness(**given)
    assert (found["entropy"], found["purity"], found["confidence"]) == (sharp.entropy, sharp.purity, sharp.confidence)
    assert repr(stream.per_class_table().rows()) == repr(calibration.per_class_table(labels, **given).rows())
    assert stream.brier_decomposition() == calibration.brier_decomposition(labels, **given)
    assert stream.brier_decomposition().score == found["brier"] == calibration.brier_score(labels, **given)
    expected = calibration.reliability_bins(labels, **given)
    np.testing.assert_array_equal(stream.reliability_bins().accuracy, expected.accuracy)
    np.testing.assert_array_equal(stream.reliability_bins().count, expected.count)
    assert ("ece_debiased" in found) is not weighted
    if not weighted:
        assert found["ece_debiased"] == calibration.debiased_calibration_error(labels, logits=logits)


def test_a_weight_is_as_many_rows_for_classes_and_ranks():
    generator = np.random.default_rng(6)
    logits, labels = calibrated_logits(generator, 80, 4, temperature=2.0)
    times = generator.integers(0, 4, 80)
    many, one = np.repeat(np.arange(80), times), {"logits": logits, "weights": times}
    repeated = {"logits": logits[many]}
    for name in ("top_k_accuracy", "classwise_calibration_error"):
        options = {"k": 2} if name == "top_k_accuracy" else {}
        function = getattr(calibration, name)
        assert function(labels, **one, **options) == pytest.approx(function(labels[many], **repeated, **options))
    found = calibration.brier_decomposition(labels, **one)
    expected = calibration.brier_decomposition(labels[many], **repeated)
    for part in ("score", "reliability", "resolution", "uncertainty", "within"):
        assert getattr(found, part) == pytest.approx(getattr(expected, part), abs=1e-14)
    table = calibration.per_class_table(labels, **one)
    expected = calibration.per_class_table(labels[many], **repeated)
    for name in ("recall", "precision", "probability", "frequency", "signed_error", "calibration_error", "nll"):
        np.testing.assert_allclose(getattr(table, name), getattr(expected, name), rtol=1e-12, atol=1e-15)
    sharp = calibration.sharpness(**one)
    assert sharp.entropy == pytest.approx(calibration.sharpness(logits=logits[many]).entropy)


def test_threads_and_their_parts_do_not_change_a_bit(monkeypatch):
    from labelsmooth.calibration import _blocks, _tally

    logits, labels = calibrated_logits(np.random.default_rng(7), 500, 5, temperature=2.0)
    for scores in (logits, torch.from_numpy(logits)):
        whole = everything(accumulated(labels, scores, **EVERYTHING)[0])
        with monkeypatch.context() as small:
            small.setattr(_tally, "_ROWS_AT_ONCE", 37)
            small.setattr(_blocks, "_CELLS", 64)
            small.setattr(_blocks, "_CELLS_WORTH_THREADS", 1)
            small.setattr(_blocks, "_cores", lambda: 3)
            assert everything(accumulated(labels, scores, **EVERYTHING)[0]) == whole


def test_a_faulty_batch_adds_nothing():
    stream = CalibrationAccumulator(**EVERYTHING)
    stream.update([0, 1], logits=[[1.0, 0.0], [0.5, 0.0]])
    before = everything(stream)
    with pytest.raises(DataError, match="row 1"):
        stream.update([0, 0], logits=[[0.0, 1.0], [np.nan, 0.0]])
    with pytest.raises(ValueError, match="same classes; got 2 and 3"):
        stream.update([0], logits=[[0.0, 1.0, 2.0]])
    assert everything(stream) == before


def test_sums_that_floats_would_lose():
    weights = np.array([1e16, 1.0, 1.0, 1.0, 1.0])
    probs = np.array([[0.75, 0.25]] * 5)
    stream = CalibrationAccumulator()
    for i in (3, 0, 1, 4, 2):
        stream.update([int(i > 0)], probs=probs[i : i + 1], weights=weights[i : i + 1])
    assert stream.compute()["accuracy"] == float(Fraction(10**16, 10**16 + 4))


def test_the_state_survives_json_and_pickle():
    logits, labels = calibrated_logits(np.random.default_rng(1), 100, 3)
    first, second = accumulated(labels, logits, [40])
    sent = json.loads(json.dumps(first.state()))
    assert merged([CalibrationAccumulator.from_state(sent), pickle.loads(pickle.dumps(second))]).compute() == (
        accumulated(labels, logits)[0].compute()
    )


def test_ignored_rows_and_batches_without_rows_do_not_count():
    logits, labels = calibrated_logits(np.random.default_rng(2), 100, 3)
    holes = np.where(np.arange(100) % 3 == 0, -100, labels)
    stream = CalibrationAccumulator(ignore_index=-100)
    stream.update(holes[:50], logits=logits[:50])
    stream.update(np.full(4, -100), logits=np.full((4, 3), np.nan))
    stream.update(np.zeros(0, dtype=int), logits=np.zeros((0, 3)))
    stream.update(torch.from_numpy(holes[50:]), logits=torch.from_numpy(logits[50:]))
    kept = holes != -100
    assert stream.rows == kept.sum()
    assert stream.compute()["nll"] == pytest.approx(calibration.nll(labels[kept], logits=logits[kept]), rel=1e-14)


def test_an_infinite_loss_stays_infinite():
    stream = CalibrationAccumulator()
    stream.update([1], probs=[[1.0, 0.0]])
    stream.update([0], probs=[[1.0, 0.0]])
    assert stream.compute()["nll"] == np.inf and stream.compute()["brier"] == 1.0
    assert CalibrationAccumulator().merge(stream).compute() == stream.compute()
    assert CalibrationAccumulator.from_state(stream.state()).compute() == stream.compute()


def test_memory_does_not_grow_with_rows():
    stream = CalibrationAccumulator()
    sizes = []
    for seed in range(40):
        logits, labels = calibrated_logits(np.random.default_rng(seed), 500, 5)
        stream.update(labels, logits=logits)
        sizes.append(len(pickle.dumps(stream)))
    assert sizes[-1] < sizes[0] * 1.1


def test_what_cannot_be_computed_or_merged_is_refused():
    with pytest.raises(DataError, match="call update first"):
        CalibrationAccumulator().compute()
    with pytest.raises(ValueError, match="same bins; got 15 and 10"):
        CalibrationAccumulator().merge(CalibrationAccumulator(10))
    with pytest.raises(ValueError, match=r"same top_k; got \[\] and \[2\]"):
        CalibrationAccumulator().merge(CalibrationAccumulator(top_k=2))
    with pytest.raises(ValueError, match="per_class=True"):
        CalibrationAccumulator().per_class_table()
    for k in (0, True, 1.5):
        with pytest.raises(ValueError, match="k must be a whole number"):
            CalibrationAccumulator(top_k=k)
    with pytest.raises(DataError, match="call update first"):
        CalibrationAccumulator(per_class=True).brier_decomposition()
    with pytest.raises(DataError, match="row 1 has nan"):
        CalibrationAccumulator().update([0, 0], logits=[[0.0, 1.0], [np.nan, 0.0]])
