"""Vector and isotonic scaling, and scikit-learn's manner of all scalers."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from calibration.cases import calibrated_logits
from scipy.optimize import approx_fprime
from sklearn.base import clone
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline

from labelsmooth import calibration
from labelsmooth._checks import DataError, MissingExtra
from labelsmooth.calibration import IsotonicScaler, TemperatureScaler, VectorScaler

SCALERS = [TemperatureScaler, VectorScaler, IsotonicScaler]
each_scaler = pytest.mark.parametrize("kind", SCALERS)


def biased(seed, n, classes=4):
    """Logits off by a scale and a bias for each class."""
    logits, labels = calibrated_logits(np.random.default_rng(seed), n, classes)
    return (logits - np.linspace(-1, 1, classes)) * np.linspace(0.5, 2.5, classes), labels


def test_vector_scaling_undoes_scales_and_biases():
    logits, labels = biased(0, 6000)
    scaler = VectorScaler().fit(logits, labels)
    assert scaler.status == "interior"
    np.testing.assert_allclose(scaler.scale * np.linspace(0.5, 2.5, 4), 1.0, atol=0.12)
    offset = scaler.bias - scaler.scale * np.linspace(0.5, 2.5, 4) * np.linspace(-1, 1, 4)
    np.testing.assert_allclose(offset - offset.mean(), 0, atol=0.12)
    fresh, fresh_labels = biased(1, 6000)
    after = calibration.nll(fresh_labels, logits=scaler.transform(fresh))
    tempered = calibration.nll(fresh_labels, logits=TemperatureScaler().fit(logits, labels).transform(fresh))
    assert after < tempered - 0.05


def test_the_gradient_of_vector_scaling():
    from labelsmooth.calibration.vector import _mean_nll

    logits, labels = biased(2, 30)
    point = np.random.default_rng(3).normal(size=8)
    numeric = approx_fprime(point, lambda at: _mean_nll(at, logits, labels)[0])
    np.testing.assert_allclose(_mean_nll(point, logits, labels)[1], numeric, atol=1e-6)


@pytest.mark.parametrize("seed", range(15))
def test_vector_scaling_is_never_worse_than_temperature_on_the_fitted_rows(seed):
    generator = np.random.default_rng(seed)
    logits, labels = calibrated_logits(generator, int(generator.integers(20, 200)), 3, temperature=2.0)
    logits *= 10.0 ** generator.uniform(-2, 2)
    labels[:3] = [0, 1, 2]
    scaler = VectorScaler().fit(logits, labels)
    assert scaler.status in {"interior", "at_bound", "unfinished"}
    best = calibration.nll(labels, logits=TemperatureScaler().fit(logits, labels).transform(logits))
    assert calibration.nll(labels, logits=scaler.transform(logits)) <= best + 1e-9


def test_separable_rows_end_at_a_bound_and_constant_ones_are_degenerate():
    logits = np.array([[2.0, 0.0], [0.0, 2.0]] * 5)
    assert VectorScaler().fit(logits, [0, 1] * 5).status == "at_bound"
    flat = VectorScaler().fit(np.zeros((4, 2)), [0, 1, 0, 1])
    assert flat.status == "degenerate" and flat.scale.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("kind", [VectorScaler, IsotonicScaler])
def test_C16_a_class_without_rows_is_refused(kind):
    with pytest.raises(DataError, match=r"1 of 3 classes have no row.*'2'"):
        kind().fit(np.random.default_rng(0).normal(size=(10, 3)), [0, 1] * 5)


def test_vector_scaling_refuses_masked_classes():
    with pytest.raises(DataError, match="use TemperatureScaler"):
        VectorScaler().fit([[0.0, -np.inf], [0.0, 1.0]], [0, 1])


def test_the_affine_module_is_vector_scaling():
    logits, labels = biased(4, 300)
    scaler = VectorScaler().fit(logits, labels)
    tensor = torch.from_numpy(logits).float()
    expected = torch.from_numpy(scaler.transform(logits)).float()
    torch.testing.assert_close(scaler.to_module()(tensor), expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(scaler.transform(tensor), expected, rtol=1e-5, atol=1e-5)
    assert list(scaler.to_module().parameters()) == []


def test_isotonic_corrects_what_a_temperature_cannot():
    generator = np.random.default_rng(5)
    truth = generator.uniform(0.02, 0.98, 8000)
    labels = (generator.random(8000) < truth).astype(int)
    bent = np.where(truth < 0.5, truth * 0.4, 1 - (1 - truth) * 0.9)
    logits = np.log(np.stack((1 - bent, bent), axis=1))
    half = 4000
    isotonic = IsotonicScaler().fit(logits[:half], labels[:half])
    probs = isotonic.predict_proba(logits[half:])
    np.testing.assert_allclose(probs.sum(axis=1), 1)
    tempered = TemperatureScaler().fit(logits[:half], labels[:half]).predict_proba(logits[half:])
    errors = [calibration.expected_calibration_error(labels[half:], probs=p) for p in (probs, tempered)]
    assert errors[0] < 0.03 < errors[1]
    assert np.isfinite(calibration.nll(labels[half:], probs=probs))
    np.testing.assert_allclose(np.exp(isotonic.transform(logits[half:])), probs)


def test_isotonic_keeps_a_floor_under_every_class():
    logits = np.log([[0.9, 0.1], [0.2, 0.8]] * 10)
    labels = [0, 1] * 10
    assert IsotonicScaler().fit(logits, labels).predict_proba(logits).min() == pytest.approx(1 / 22, rel=0.1)
    none = IsotonicScaler(floor=0.0).fit(logits, labels)
    assert none.predict_proba(logits).min() == 0.0
    with pytest.raises(ValueError, match="floor must be in"):
        IsotonicScaler(floor=0.6).fit(logits, labels)


def test_isotonic_without_scikit_learn_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.isotonic", None)
    with pytest.raises(
        MissingExtra, match=r"scikit-learn is not installed; install it with: pip install 'labelsmooth\[sklearn\]'"
    ):
        IsotonicScaler().fit([[0.0, 1.0]], [0])


@each_scaler
def test_scikit_learn_can_clone_validate_and_pipe(kind):
    logits, labels = biased(6, 200)
    copy = clone(kind())
    assert copy.get_params() == kind().get_params() and repr(copy) == repr(kind())
    probs = cross_val_predict(kind(), logits, labels, cv=3, method="predict_proba")
    assert probs.shape == (200, 4)
    np.testing.assert_allclose(probs.sum(axis=1), 1)
    piped = make_pipeline(kind()).fit(logits, labels)
    np.testing.assert_array_equal(piped.predict(logits), piped.predict_proba(logits).argmax(axis=1))


@each_scaler
def test_scalers_take_tensors_and_give_the_same(kind):
    logits, labels = biased(7, 100)
    scaler = kind().fit(torch.from_numpy(logits), torch.from_numpy(labels))
    again = kind().fit(logits, labels)
    np.testing.assert_allclose(
        np.asarray(scaler.predict_proba(torch.from_numpy(logits))), again.predict_proba(logits), atol=1e-12
    )


@each_scaler
def test_C15_ids_of_fitted_rows_are_refused(kind):
    logits, labels = biased(8, 50)
    scaler = kind().fit(logits, labels, ids=np.arange(50))
    scaler.check_new(np.arange(50, 60))
    with pytest.raises(DataError, match="report on rows that were not fitted"):
        scaler.check_new([70, 49])
    assert len(scaler.fitted_on) == 64
    with pytest.raises(ValueError, match="ids must have shape"):
        kind().fit(logits, labels, ids=[1, 2])


@each_scaler
def test_parameters_are_set_by_name_and_use_before_fitting_is_refused(kind):
    scaler = kind()
    with pytest.raises(ValueError, match="has no parameter 'speed'"):
        scaler.set_params(speed=1)
    assert scaler.set_params(**scaler.get_params()) is scaler
    with pytest.raises(ValueError, match="not fitted"):
        scaler.predict_proba([[0.0, 1.0]])
