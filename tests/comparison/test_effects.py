"""Side effects of the pair: classes, confused pairs, ranking, conformal sets, class map, by hand and in numpy alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from comparison.made import predictions
from scipy.special import softmax
from scipy.stats import t

from labelsmooth.calibration import per_class_table
from labelsmooth.calibration.profile import class_map
from labelsmooth.comparison._effects import effects_of, shown_classes
from labelsmooth.comparison._seen import COVERAGES, Seen, look, part_of
from labelsmooth.comparison.results import assemble
from labelsmooth.predictions import Predictions, Split

SIDES = ("hard", "smooth")
SHARP = {"hard": 1.5, "uniform 0.1": 2.5}


@pytest.fixture(scope="module")
def given() -> list[Predictions]:
    return [predictions(name, seed, sharp) for name, sharp in SHARP.items() for seed in range(3)]


@pytest.fixture(scope="module")
def results(given: list[Predictions]) -> dict[str, Any]:
    return assemble(given)


def of(given: list[Predictions], side: str) -> list[Split]:
    family = {"hard": "hard", "smooth": "uniform 0.1"}[side]
    return [each.splits["test"] for each in given if each.meta["method"] == family]


def tempered(results: dict[str, Any], given: list[Predictions], side: str) -> list[np.ndarray]:
    """Probabilities after the temperature that results.json names for each trial."""
    name = results["verdict"][side]["method"]
    found = {t["seed"]: t["temperature"] for t in results["trials"] if t["method"] == name}
    return [softmax(s.logits.astype(np.longdouble) / found[i], axis=1) for i, s in enumerate(of(given, side))]


def test_each_class_has_its_own_accuracy_and_nll(results: dict[str, Any], given: list[Predictions]) -> None:
    lines = results["effects"]["classes"]["lines"]
    assert sorted(line["class"] for line in lines) == list("abcd")
    labels = given[0].test.labels
    for line in lines:
        rows = labels == "abcd".index(line["class"])
        assert line["rows"] == rows.sum()
        for side in ("hard", "smooth"):
            p = np.stack(tempered(results, given, side))[:, rows]
            k = "abcd".index(line["class"])
            assert line[side]["accuracy"] == pytest.approx(float((p.argmax(axis=2) == k).mean()), rel=1e-12)
            assert line[side]["nll"] == pytest.approx(float(-np.log(p[:, :, k]).mean()), rel=1e-9)


def test_the_class_that_lost_most_comes_first(results: dict[str, Any]) -> None:
    lines = results["effects"]["classes"]["lines"]
    changes = [line["smooth"]["accuracy"] - line["hard"]["accuracy"] for line in lines]
    assert changes == sorted(changes)
    assert [line["change"]["value"] for line in lines] == pytest.approx(changes, abs=1e-12)
    assert all(-1 <= line["change"]["lower"] <= line["change"]["value"] <= line["change"]["upper"] for line in lines)


def test_the_intervals_of_all_classes_hold_together(results: dict[str, Any], given: list[Predictions]) -> None:
    labels = given[0].test.labels
    right = {side: np.stack([s.logits.argmax(axis=1) == labels for s in of(given, side)]) for side in SIDES}
    line = results["effects"]["classes"]["lines"][0]
    rows = labels == "abcd".index(line["class"])
    gains = right["smooth"][:, rows].astype(float) - right["hard"][:, rows]
    seeds, n = gains.shape
    v_s, v_r = gains.mean(axis=1).var(ddof=1) / seeds, gains.mean(axis=0).var(ddof=1) / n
    df = (v_s + v_r) ** 2 / (v_s**2 / (seeds - 1) + v_r**2 / (n - 1))
    half = t.ppf(1 - 0.05 / 4 / 2, df) * (v_s + v_r) ** 0.5
    assert line["change"]["lower"] == pytest.approx(max(-1, gains.mean() - half), rel=1e-9)
    assert line["change"]["upper"] == pytest.approx(min(1, gains.mean() + half), rel=1e-9)


def test_S8_pairs_are_counted_either_way_round(results: dict[str, Any], given: list[Predictions]) -> None:
    labels, lines = given[0].test.labels, results["effects"]["pairs"]["lines"]
    errors = []
    for line in lines:
        a, b = ("abcd".index(name) for name in line["classes"])
        assert a < b
        for side in ("hard", "smooth"):
            guesses = [split.logits.argmax(axis=1) for split in of(given, side)]
            wrong = sum(int(((labels == x) & (guess == y)).sum()) for guess in guesses for x, y in ((a, b), (b, a)))
            assert line[side] == pytest.approx(wrong / (3 * line["rows"]), rel=1e-12)
        assert line["rows"] == np.isin(labels, (a, b)).sum()
        errors.append((line["hard"] + line["smooth"]) * line["rows"])
    assert errors == sorted(errors, reverse=True)
    assert results["effects"]["pairs"]["total"] == len(lines)


def test_the_risk_at_full_coverage_is_the_error_rate(results: dict[str, Any], given: list[Predictions]) -> None:
    selective, labels = results["effects"]["selective"], given[0].test.labels
    for side in ("hard", "smooth"):
        found = []
        for p in tempered(results, given, side):
            order = np.argsort(-p.max(axis=1), kind="stable")
            wrong = (p.argmax(axis=1) != labels)[order]
            kept = np.ceil(COVERAGES * len(wrong)).astype(int)
            found.append([wrong[:k].mean() for k in kept])
        assert selective[side] == pytest.approx(np.mean(found, axis=0).tolist(), abs=1e-12)


def test_lac_sets_are_cut_at_the_validation_quantile(results: dict[str, Any], given: list[Predictions]) -> None:
    found = {line["method"]: line for line in results["effects"]["conformal"]}
    assert set(found) == {"lac", "aps"}
    temperature = {t["seed"]: t["temperature"] for t in results["trials"] if t["method"] == "hard"}
    sizes, held = [], []
    for seed, each in enumerate(given[:3]):
        p, q = (softmax(s.logits.astype(float) / temperature[seed], axis=1) for s in (each.val, each.test))
        scores = np.sort(1 - p[np.arange(len(p)), each.val.labels])
        limit = scores[int(np.ceil((len(p) + 1) * 0.9)) - 1]
        sets = 1 - q <= limit + 1e-12
        sizes.append(sets.sum(axis=1).mean())
        held.append(sets[np.arange(len(q)), each.test.labels].mean())
    assert found["lac"]["hard"]["size"] == pytest.approx(np.mean(sizes), rel=1e-9)
    assert found["lac"]["hard"]["coverage"] == pytest.approx(np.mean(held), rel=1e-9)


def test_the_map_adds_up_to_the_class_wise_error() -> None:
    rng = np.random.default_rng(3)
    logits, labels = rng.normal(size=(300, 5)), rng.integers(0, 5, 300)
    found = class_map(labels, logits=logits, classes=[4, 1])
    table = per_class_table(labels, logits=logits)
    error = np.abs(found.probability - found.hits).sum(axis=1) / 300
    np.testing.assert_allclose(error, table.calibration_error[[4, 1]], rtol=1e-9)
    assert found.count.sum(axis=1).tolist() == [300, 300]
    assert found.hits.sum(axis=1).tolist() == [(labels == 4).sum(), (labels == 1).sum()]


def test_without_validation_there_are_no_sets_and_no_verdict_no_effects() -> None:
    bare = [predictions(name, seed, sharp, keep=("test",)) for name, sharp in SHARP.items() for seed in range(3)]
    assert assemble(bare)["effects"]["conformal"] == []
    assert assemble(bare[:3])["effects"] is None


def test_of_many_classes_twenty_are_shown() -> None:
    labels = np.repeat(np.arange(100), 3)
    labels[:3] = 99
    mapped = shown_classes(labels, 120)
    assert len(mapped) == 20
    assert mapped[0] == 99
    rng = np.random.default_rng(0)

    def seen() -> Seen:
        split = Split(rng.normal(size=(300, 120)).astype(np.float32), labels, None)
        from labelsmooth.comparison._tempered import Tempered

        return look({"test": split}, Tempered(np.ones(300), 1.0, "interior", None), mapped)

    found = effects_of({"hard": [seen()], "smooth": [seen()]}, labels, [str(k) for k in range(120)], None, mapped)
    assert found["classes"]["total"] == 99  # class 0 and classes from 100 on have no row
    assert len(found["classes"]["lines"]) == len(found["map"]["classes"]) == len(found["pairs"]["lines"]) == 20
    assert found["pairs"]["total"] > 20


def test_of_very_many_rows_the_same_part_is_taken_in_every_trial() -> None:
    assert part_of(1000, 10**6).tolist() == list(range(1000))
    rows = part_of(200_000, 100)
    assert len(rows) == (1 << 22) // 100
    assert (np.diff(rows) > 0).all()
    assert (rows == part_of(200_000, 100)).all()
