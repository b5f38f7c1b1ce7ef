"""SmoothedClassifier: scikit-learn's own checks, and that it smooths, scales, stops and goes on as it says."""

from __future__ import annotations

import pickle
import re
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import make_blobs
from sklearn.model_selection import cross_val_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from labelsmooth.integrations.sklearn import SmoothedClassifier
from labelsmooth.schemes import Online, Others

EXAMPLE = Path(__file__).parents[2] / "examples" / "sklearn_pipeline.py"
SMALL: dict[str, Any] = {"width": 16, "max_epochs": 12, "learning_rate": 0.02, "random_state": 0}


@parametrize_with_checks([SmoothedClassifier(**SMALL)])
def test_scikit_learns_own_checks(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.fixture(scope="module")
def data() -> tuple[np.ndarray, np.ndarray]:
    found: tuple[np.ndarray, np.ndarray] = make_blobs(300, centers=3, cluster_std=3.0, random_state=1)
    return found


def test_the_temperature_brings_smoothed_confidence_back(data: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = data
    model = SmoothedClassifier(0.3, **SMALL).fit(X, y)
    assert model.temperature_status_ == "interior"
    assert model.temperature_ < 0.9  # smoothing makes logits small, and the temperature undoes it
    shares = model.predict_proba(X)
    assert abs(shares.max(axis=1).mean() - model.score(X, y)) < 0.06
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-12)


def test_smoothing_and_schemes_change_the_fit(data: tuple[np.ndarray, np.ndarray]) -> None:
    fits = [SmoothedClassifier(each, **SMALL).fit(*data).predict_proba(data[0]) for each in (0.0, 0.2, Others(0.2))]
    assert not np.allclose(fits[0], fits[1], atol=1e-4)
    assert not np.allclose(fits[1], fits[2], atol=1e-4)


def test_a_scheme_with_a_memory_is_taught_and_the_given_one_left_alone(data: tuple[np.ndarray, np.ndarray]) -> None:
    given = Online(0.1, num_classes=3)
    before = pickle.dumps(given)
    taught = SmoothedClassifier(given, **SMALL).fit(*data).predict_proba(data[0])
    assert pickle.dumps(given) == before
    untaught = SmoothedClassifier(0.1, **SMALL).fit(*data).predict_proba(data[0])
    assert not np.allclose(taught, untaught, atol=1e-4)


def test_stops_early_and_keeps_the_best_epoch(data: tuple[np.ndarray, np.ndarray]) -> None:
    model = SmoothedClassifier(**{**SMALL, "max_epochs": 80}, patience=3).fit(*data)
    assert model.best_epoch_ + 3 == model.n_iter_ < 80


def test_without_rows_held_out_every_epoch_runs(data: tuple[np.ndarray, np.ndarray]) -> None:
    model = SmoothedClassifier(**SMALL, validation_fraction=0).fit(*data)
    assert (model.temperature_, model.temperature_status_) == (1.0, "no validation rows")
    assert model.n_iter_ == model.best_epoch_ == 12


def test_a_warm_start_goes_on(data: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = data
    short = {**SMALL, "max_epochs": 1, "learning_rate": 1e-3}
    cold = SmoothedClassifier(**short).fit(X, y)
    warm = SmoothedClassifier(**short, warm_start=True)
    for _ in range(8):
        warm.fit(X, y)
    assert warm.score(X, y) > cold.score(X, y) + 0.05
    assert cold.fit(X, y).score(X, y) == SmoothedClassifier(**short).fit(X, y).score(X, y)
    assert len(warm.fit(X, y % 2).classes_) == 2  # other classes: from new weights


def test_in_scikit_learns_tools_and_in_a_file(data: tuple[np.ndarray, np.ndarray]) -> None:
    assert cross_val_score(SmoothedClassifier(**SMALL), *data, cv=2).mean() > 0.6
    model = SmoothedClassifier(Others(0.1), **SMALL).fit(*data)
    again = pickle.loads(pickle.dumps(model))
    assert (again.predict_proba(data[0]) == model.predict_proba(data[0])).all()


@pytest.mark.parametrize(
    "bad", [{"width": 0}, {"depth": True}, {"dropout": 1}, {"validation_fraction": -0.1}, {"learning_rate": 0}], ids=str
)
def test_settings_out_of_range_are_named(bad: dict[str, Any], data: tuple[np.ndarray, np.ndarray]) -> None:
    (name,) = bad
    with pytest.raises(ValueError, match=f"{name} must be"):
        SmoothedClassifier(**{**SMALL, **bad}).fit(*data)


def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    assert re.fullmatch(r"ε = 0(\.1)?: log loss 0\.\d+ on 89 rows\n", capsys.readouterr().out)


def test_one_class_is_refused(data: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(ValueError, match="at least 2 classes; got 1 class in 300 rows"):
        SmoothedClassifier(**SMALL).fit(data[0], np.zeros(300))
