"""results.json: what assemble measures, pairs and writes, and the schema that documents it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import jsonschema
import numpy as np
import pytest
from comparison.made import predictions
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from labelsmooth._checks import DataError, UsageError
from labelsmooth.comparison.on_demand import OnDemand
from labelsmooth.comparison.results import assemble
from labelsmooth.predictions import Predictions, Split

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "results.schema.json").read_text("utf-8"))
ALL = ("test", "val", "shifted")
METHODS = {"hard": 1.5, "uniform 0.1": 2.5, "others 0.1": 2.0}


def trials(seeds: int = 3, **changes: Any) -> list[Predictions]:
    return [predictions(name, seed, sharp, **changes) for name, sharp in METHODS.items() for seed in range(seeds)]


def checked(results: dict[str, Any]) -> dict[str, Any]:
    """The results as they come back from a file, if the schema holds."""
    text = json.dumps(results, allow_nan=False)
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(text))
    return json.loads(text)


def nll(split: Split, temperature: float = 1.0) -> np.ndarray:
    scaled = log_softmax(split.logits.astype(np.longdouble) / temperature, axis=1)
    return -scaled[np.arange(len(split.labels)), split.labels]


def best_temperature(split: Split) -> float:
    found = minimize_scalar(lambda t: float(nll(split, math.exp(t)).mean()), bounds=(-4, 4), method="bounded")
    return math.exp(found.x)


def line(results: dict[str, Any], method: str, checkpoint: str = "last") -> dict[str, Any]:
    return next(m for m in results["methods"] if (m["method"], m["checkpoint"]) == (method, checkpoint))


@pytest.fixture(scope="module")
def given() -> list[Predictions]:
    return trials(keep=ALL)


@pytest.fixture(scope="module")
def results(given: list[Predictions]) -> dict[str, Any]:
    return checked(assemble(given))


def test_schema_is_itself_valid() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_schema_leaves_no_key_undocumented(results: dict[str, Any]) -> None:
    broken = json.loads(json.dumps(results))
    broken["verdict"]["surprise"] = 1
    with pytest.raises(jsonschema.ValidationError, match="surprise"):
        jsonschema.Draft202012Validator(SCHEMA).validate(broken)
    del broken["verdict"]["surprise"], broken["methods"][0]["after"]["nll"]
    with pytest.raises(jsonschema.ValidationError, match="nll"):
        jsonschema.Draft202012Validator(SCHEMA).validate(broken)


@pytest.mark.parametrize("method", METHODS)
def test_figures_are_means_over_seeds_of_numpy_figures(
    given: list[Predictions], results: dict[str, Any], method: str
) -> None:
    mine = [each for each in given if each.meta["method"] == method]
    temperatures = [best_temperature(each.splits["val"]) for each in mine]
    found = line(results, method)
    assert found["seeds"] == 3
    assert found["temperature"]["mean"] == pytest.approx(fmean(temperatures), rel=1e-4)
    assert found["temperature"]["min"] == pytest.approx(min(temperatures), rel=1e-4)
    assert found["temperature"]["max"] == pytest.approx(max(temperatures), rel=1e-4)
    assert found["temperature"]["status"] == {"interior": 3}
    val = [float(nll(each.splits["val"], t).mean()) for each, t in zip(mine, temperatures, strict=True)]
    assert found["val_nll_after"] == {"mean": pytest.approx(fmean(val)), "sd": pytest.approx(stdev(val))}
    for part, split_name in ((found, "test"), (found["shifted"], "shifted")):
        before = [float(nll(each.splits[split_name]).mean()) for each in mine]
        after = [float(nll(each.splits[split_name], t).mean()) for each, t in zip(mine, temperatures, strict=True)]
        assert part["before"]["nll"] == {"mean": pytest.approx(fmean(before)), "sd": pytest.approx(stdev(before))}
        assert part["after"]["nll"]["mean"] == pytest.approx(fmean(after), rel=1e-5)
        right = [(each.splits[split_name].logits.argmax(1) == each.splits[split_name].labels).mean() for each in mine]
        assert part["before"]["accuracy"]["mean"] == part["after"]["accuracy"]["mean"] == pytest.approx(fmean(right))
    assert found["epoch"] == {"mean": 30.0}


def test_verdict_rests_on_the_paired_test_rows(given: list[Predictions], results: dict[str, Any]) -> None:
    verdict = results["verdict"]
    assert (verdict["hard"]["method"], verdict["smooth"]["method"]) == ("hard", "uniform 0.1")
    rows = {
        name: np.array([nll(p.test, best_temperature(p.splits["val"])) for p in given if p.meta["method"] == name])
        for name in METHODS
    }
    assert verdict["difference"] == pytest.approx(float((rows["hard"] - rows["uniform 0.1"]).mean()), rel=1e-4)
    for name, chosen in (("hard", "hard"), ("uniform 0.1", "smooth"), ("others 0.1", None)):
        found = line(results, name)
        assert found["chosen"] == chosen
        if name == "hard":
            assert found["difference"] is None
        else:
            assert found["difference"]["value"] == pytest.approx(float((rows["hard"] - rows[name]).mean()), rel=1e-4)
            assert found["difference"]["lower"] < found["difference"]["value"] < found["difference"]["upper"]
    smooth = line(results, "uniform 0.1")["difference"]
    assert (smooth["lower"], smooth["upper"]) == pytest.approx((verdict["lower"], verdict["upper"]))
    assert (verdict["seeds"], verdict["rows"], verdict["groups"]) == (3, 120, None)


def test_choice_and_temperature_never_see_the_test_split(given: list[Predictions], results: dict[str, Any]) -> None:
    generator = np.random.default_rng(5)
    labels = generator.integers(0, 4, size=120)
    shaken = []
    for each in given:
        test = Split(generator.normal(size=(120, 4)), labels, each.test.ids)
        shaken.append(Predictions(splits={**each.splits, "test": test, "shifted": test}, meta=each.meta))
    other = assemble(shaken)
    assert (other["verdict"]["hard"], other["verdict"]["smooth"]) == (
        results["verdict"]["hard"],
        results["verdict"]["smooth"],
    )
    for name in METHODS:
        assert line(other, name)["temperature"] == line(results, name)["temperature"]
        assert line(other, name)["val_nll_after"] == line(results, name)["val_nll_after"]
    assert other["verdict"]["difference"] != results["verdict"]["difference"]


@pytest.mark.parametrize("metric", ["brier", "accuracy"])
def test_other_row_averages_decide_on_request(given: list[Predictions], metric: str) -> None:
    verdict = checked(assemble(given, metric=metric))["verdict"]
    expected = {}
    for name in ("hard", "uniform 0.1"):
        values = []
        for each in (p for p in given if p.meta["method"] == name):
            probs = softmax(each.test.logits.astype(float) / best_temperature(each.splits["val"]), axis=1)
            brier = ((probs - np.eye(4)[each.test.labels]) ** 2).sum(axis=1).mean()
            values.append(brier if metric == "brier" else (probs.argmax(1) == each.test.labels).mean())
        expected[name] = fmean(values)
    assert verdict["metric"] == metric
    assert verdict["hard_value"] == pytest.approx(expected["hard"], rel=1e-5)
    assert verdict["smooth_value"] == pytest.approx(expected["uniform 0.1"], rel=1e-5)
    assert verdict["difference"] == pytest.approx(abs(expected["hard"] - expected["uniform 0.1"]), rel=1e-4)
    assert verdict["hard_nll"] == pytest.approx(line(assemble(given), "hard")["after"]["nll"]["mean"])


@pytest.mark.parametrize("metric", ["ece", "aurc"])
def test_binned_errors_are_refused_before_anything_is_read(metric: str) -> None:
    def untouched() -> Iterator[Predictions]:
        raise AssertionError("nothing may be read")
        yield

    with pytest.raises(UsageError, match=f"'{metric}' cannot decide; it is no average over rows"):
        assemble(untouched(), metric=metric)


def test_min_effect_and_holm_reach_the_rule(given: list[Predictions], results: dict[str, Any]) -> None:
    verdict = assemble(given, min_effect=50.0)["verdict"]
    assert (verdict["code"], verdict["min_effect"]) == ("keep_hard", 50.0)
    wider = checked(assemble(given, holm=True))
    assert wider["verdict"]["lower"] == results["verdict"]["lower"]
    assert any("Holm" in reason for reason in wider["verdict"]["reasons"])
    spans = [
        [line(each, name)["difference"]["upper"] - line(each, name)["difference"]["lower"] for each in (results, wider)]
        for name in ("uniform 0.1", "others 0.1")
    ]
    assert any(widened > plain * 1.05 for plain, widened in spans)


def test_one_set_of_predictions_at_a_time_is_enough(given: list[Predictions], results: dict[str, Any]) -> None:
    assert checked(assemble(iter(given))) == {**results, "effects": None}
    assert checked(assemble(OnDemand([lambda each=each: each for each in given]))) == results


def test_order_of_files_changes_no_number(given: list[Predictions], results: dict[str, Any]) -> None:
    again = assemble(given[::-1])
    assert again["verdict"]["sentence"] == results["verdict"]["sentence"]
    for name in METHODS:
        assert line(again, name)["after"]["nll"]["mean"] == pytest.approx(line(results, name)["after"]["nll"]["mean"])


# Reliability, curves, posterior


def test_reliability_is_pooled_over_seeds(given: list[Predictions], results: dict[str, Any]) -> None:
    hard, smooth = results["reliability"]
    assert [(r["role"], r["method"], r["seeds"]) for r in (hard, smooth)] == [
        ("hard", "hard", 3),
        ("smooth", "uniform 0.1", 3),
    ]
    mine = [each for each in given if each.meta["method"] == "hard"]
    probs = np.concatenate([softmax(each.test.logits.astype(float), axis=1) for each in mine])
    labels = np.concatenate([each.test.labels for each in mine])
    confidence, right = probs.max(axis=1), probs.argmax(axis=1) == labels
    place = np.clip(np.ceil(confidence * 15).astype(int) - 1, 0, 14)
    before = hard["before"]
    assert before["count"] == np.bincount(place, minlength=15).tolist()
    assert (sum(before["count"]), before["n"]) == (360, 120)
    for b in range(15):
        inside = place == b
        if inside.any():
            assert before["confidence"][b] == pytest.approx(confidence[inside].mean())
            assert before["accuracy"][b] == pytest.approx(right[inside].mean())
        else:
            assert before["confidence"][b] is None
    assert before["ece"] == pytest.approx(line(results, "hard")["before"]["ece"]["mean"])
    assert smooth["after"]["ece_null"] == pytest.approx(line(results, "uniform 0.1")["after"]["ece_null"]["mean"])


def test_pooling_weighs_by_rows_and_keeps_empty_bins_empty() -> None:
    from labelsmooth.calibration import ReliabilityBins
    from labelsmooth.comparison._measured import pooled

    edges = np.array([0.0, 0.5, 0.75, 1.0])
    one = ReliabilityBins(edges, np.array([0, 1, 3]), np.array([np.nan, 0.6, 0.8]), np.array([np.nan, 1.0, 0.0]))
    two = ReliabilityBins(edges, np.array([0, 0, 1]), np.array([np.nan, np.nan, 0.9]), np.array([np.nan, np.nan, 1.0]))
    found = pooled([one, two])
    assert found["count"] == [0, 1, 4]
    assert found["confidence"][1:] == pytest.approx([0.6, 0.825])
    assert found["accuracy"][1:] == [1.0, 0.25]
    assert math.isnan(found["confidence"][0])


def test_curves_are_averaged_over_the_trials_that_got_there(given: list[Predictions]) -> None:
    long = [{"epoch": 1, "val_nll": 1.0, "val_ece": 0.5}, {"epoch": 2, "val_nll": 0.5, "val_ece": math.nan}]
    curves = checked(assemble(given, histories={"hard": [long, [{"epoch": 1, "val_nll": 2.0}]]}))["curves"]
    assert curves["hard"]["epoch"] == [1, 2]
    assert curves["hard"]["val_nll"] == [1.5, 0.5]
    assert curves["hard"]["val_ece"] == [0.5, None]
    assert curves["hard"]["val_accuracy"] == [None, None]


def test_true_calibration_error_where_the_posterior_is_known(given: list[Predictions]) -> None:
    posterior = np.full((120, 4), 0.25)
    tests = [Split(p.test.logits, p.test.labels, p.test.ids, None, posterior) for p in given]
    known = [Predictions(splits={**p.splits, "test": t}, meta=p.meta) for p, t in zip(given, tests, strict=True)]
    found = line(checked(assemble(known)), "hard")["before"]["true_calibration_error"]["mean"]
    confidence = [softmax(p.test.logits.astype(float), axis=1).max(axis=1).mean() for p in given[:3]]
    assert found == pytest.approx(fmean(confidence) - 0.25)
    assert "true_calibration_error" not in line(assemble(given), "hard")["before"]


def test_given_facts_are_kept_and_completed(given: list[Predictions]) -> None:
    run = {
        "kind": "compare",
        "command": "labelsmooth compare",
        "settings": {"seeds": [0, 1, 2], "epochs": 3},
        "env": {"a": 1},
    }
    data = {"name": "digits", "kind": "vector", "rows": {"train": 7}, "card": {"source": "x"}, "label_noise": 0.4}
    found = checked(assemble(given, run=run, data=data, failed=[{"trial": "abc", "reason": "NaN"}]))
    assert found["run"] == {**run, "created": None, "seconds": None}
    assert found["data"]["rows"] == {"train": 7, "val": 60, "test": 120, "shifted": 120}
    assert (found["data"]["name"], found["data"]["label_noise"], found["data"]["fingerprint"]) == ("digits", 0.4, "f")
    assert found["failed"] == [{"trial": "abc", "reason": "NaN"}]


def test_C15_the_rows_fitted_and_the_rows_reported_are_told_apart(results: dict[str, Any]) -> None:
    hashes = results["data"]["hashes"]
    assert sorted(hashes) == ["shifted", "test", "val"]
    assert hashes["val"] != hashes["test"]


# Without a validation split


def bare(names: dict[str, float], groups: np.ndarray | None = None, seeds: int = 3) -> list[Predictions]:
    made = []
    for name, sharp in names.items():
        for seed in range(seeds):
            each = predictions(name, seed, sharp, keep=("test",))
            made.append(Predictions(each.test.logits, each.test.labels, groups=groups, meta=each.meta))
    return made


def test_without_validation_the_temperature_is_crosswise_and_said() -> None:
    files = bare({"hard": 1.5, "uniform 0.1": 3.0})
    found = checked(assemble(files))
    assert found["verdict"]["code"] == "smooth"
    assert any(reason.startswith("temperature crosswise: ") for reason in found["verdict"]["reasons"])
    assert "val" not in found["data"]["rows"]
    own = [best_temperature(each.test) for each in files[:3]]
    best = [float(nll(each.test, t).mean()) for each, t in zip(files, own, strict=False)]
    after = line(found, "hard")["after"]["nll"]["mean"]
    assert fmean(best) < after < fmean(best) + 0.02
    assert line(found, "hard")["temperature"]["mean"] == pytest.approx(fmean(own), rel=0.05)


def test_crosswise_temperatures_never_see_their_own_rows() -> None:
    """A row's label decides no temperature it is divided by: its loss is that of the others' fit."""
    from labelsmooth.comparison._tempered import crosswise

    test = bare({"hard": 1.5}, seeds=1)[0].test
    first = crosswise(test).of_rows
    labels = test.labels.copy()
    labels[7] = (labels[7] + 1) % 4
    second = crosswise(Split(test.logits, labels)).of_rows
    mates = first == first[7]
    assert np.array_equal(first[mates], second[mates])
    assert not (first[~mates] == second[~mates]).any()
    assert len(set(first)) == 5


def test_C19_crosswise_folds_keep_groups_whole() -> None:
    from labelsmooth.comparison._tempered import crosswise

    groups = np.arange(120) % 12
    test = bare({"hard": 1.5}, groups, seeds=1)[0].test
    of_rows = crosswise(test).of_rows
    assert all(len(set(of_rows[groups == g])) == 1 for g in range(12))
    assert len(set(of_rows)) == 5
    assert crosswise(Split(test.logits, test.labels, groups=np.zeros(120, int))).status == "degenerate"


def test_choosing_among_several_on_test_rows_stays_open() -> None:
    found = checked(assemble(bare({"hard": 1.5, "uniform 0.1": 3.0, "uniform 0.2": 3.0})))
    assert found["verdict"]["code"] == "open"
    assert found["verdict"]["reasons"][0].startswith("chosen on test: no validation split, and several smooth settings")
    assert "add validation rows to the predictions" in found["verdict"]["sentence"]


def test_some_with_and_some_without_validation_is_refused() -> None:
    mixed = [predictions("hard", 0), predictions("uniform 0.1", 0, keep=("test",))]
    with pytest.raises(DataError, match=r"no validation split, but .* has one"):
        assemble(mixed)


def test_C19_groups_are_counted_once_and_said() -> None:
    groups = np.arange(120) // 10
    found = checked(assemble(bare({"hard": 1.5, "uniform 0.1": 3.0}, groups)))
    assert found["verdict"]["groups"] == 12
    assert found["data"]["groups"] == {"test": 12}
    assert any("rows of one group are averaged first" in reason for reason in found["verdict"]["reasons"])


# Pairing


def changed(each: Predictions, **parts: Any) -> Predictions:
    fields = {"logits": each.test.logits, "labels": each.test.labels, "ids": each.test.ids, "groups": None, **parts}
    return Predictions(splits={**each.splits, "test": Split(**fields)}, meta=each.meta)


def test_rows_in_another_order_are_matched_by_their_ids() -> None:
    files = trials()
    plain = assemble(files)
    order = np.random.default_rng(0).permutation(120)
    files[4] = Predictions(splits={**files[4].splits, "test": files[4].test.take(order)}, meta=files[4].meta)
    assert assemble(files) == {**plain, "verdict": assemble(files)["verdict"]}
    assert assemble(files)["verdict"] == plain["verdict"]


@pytest.mark.parametrize(
    "parts, words",
    [
        ({"labels": np.zeros(120, int)}, r"uniform 0.1 \(last\), seed 1: the test split has other labels"),
        ({"ids": np.array([f"x{i}" for i in range(120)])}, "the test split lacks row 't0' of the first file"),
        ({"labels": np.zeros(120, int), "ids": None}, "has other labels than the first file"),
    ],
)
def test_files_about_other_rows_are_refused(parts: dict[str, Any], words: str) -> None:
    files = trials()
    files[4] = changed(files[4], **parts)
    with pytest.raises(DataError, match=words):
        assemble(files)


def test_files_with_more_rows_or_other_groups_are_refused() -> None:
    files = trials()
    shorter = Predictions(splits={**files[0].splits, "test": files[0].test.take(np.arange(110))}, meta=files[0].meta)
    with pytest.raises(DataError, match="the test split has 10 rows more than those of the first file"):
        assemble([shorter, *files[1:]])
    with pytest.raises(DataError, match="the test split lacks row 't110' of the first file"):
        assemble([*files[1:], shorter])
    grouped = bare({"hard": 1.5}, np.arange(120) // 10) + bare({"uniform 0.1": 2.0}, np.arange(120) // 12)
    with pytest.raises(DataError, match="has other groups than the first file"):
        assemble(grouped)


@pytest.mark.parametrize(
    "meta, words",
    [
        ({"method": "uniform 0.1", "scheme": "others"}, "'uniform 0.1' means two things"),
        ({"method": "uniform 0.1", "seed": 0}, r"two files are 'uniform 0.1' \(last\), seed 0"),
        ({"data_fingerprint": "other"}, "was trained on other data than the first file"),
        ({"family": "soft"}, "expected meta\\['family'\\] to be hard"),
        ({"label_smoothing": "0.1"}, "meta\\['label_smoothing'\\]: expected a number; got '0.1'"),
    ],
)
def test_what_files_say_of_themselves_must_agree(meta: dict[str, Any], words: str) -> None:
    files = trials()
    files[4] = Predictions(splits=files[4].splits, meta={**files[4].meta, **meta})
    with pytest.raises(DataError, match=words):
        assemble(files)


def test_other_classes_are_refused() -> None:
    files = trials()
    wider = {name: Split(split.logits.repeat(2, 1), split.labels, split.ids) for name, split in files[4].splits.items()}
    files[4] = Predictions(splits=wider, meta=files[4].meta)
    with pytest.raises(DataError, match="8 classes, the first file has 4"):
        assemble(files)


def test_little_said_is_understood() -> None:
    """Only amounts, no names, families or seeds: methods are named, seeds paired in order, and that is said."""
    files = trials()
    said = [Predictions(splits=p.splits, meta={"label_smoothing": p.meta["label_smoothing"]}) for p in files[:6]]
    found = checked(assemble(said))
    assert [m["method"] for m in found["methods"]] == ["hard", "uniform 0.1"]
    assert [m["family"] for m in found["methods"]] == ["hard", "smooth"]
    assert found["verdict"]["seeds"] == 3
    assert any(reason.startswith("seeds: some predictions name none") for reason in found["verdict"]["reasons"])
    with pytest.raises(DataError, match="predictions 1 do not say what they are"):
        assemble([Predictions(splits=p.splits) for p in files])


def test_a_missing_seed_leaves_the_verdict_open() -> None:
    files = trials(seeds=4)
    found = checked(assemble([*files[:6], *files[7:]]))
    assert found["verdict"]["code"] == "open"
    assert found["verdict"]["reasons"][0] == "missing pairs: uniform 0.1 has no seed 2"
    assert line(found, "uniform 0.1")["seeds"] == 3


def test_one_seed_speaks_of_two_models() -> None:
    found = checked(assemble([predictions("hard", 0, 1.5), predictions("uniform 0.1", 0, 3.0)]))
    assert "for these two models" in found["verdict"]["sentence"]
    assert line(found, "hard")["after"]["nll"]["sd"] is None


def test_nothing_to_compare_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="there are no predictions to compare"):
        assemble([])


@pytest.mark.parametrize(
    "methods, words",
    [
        (["hard"], "no verdict: 'hard' is the only model, and a verdict needs a second one"),
        (["hard", "hard, wd 0.1"], "there is no smoothed one"),
        (["uniform 0.1", "others 0.1"], "there is no unsmoothed one"),
    ],
)
def test_without_one_of_the_two_sides_there_are_figures_and_no_verdict(methods: list[str], words: str) -> None:
    found = checked(assemble([predictions(name, seed) for name in methods for seed in range(3)]))
    assert found["verdict"] is None
    assert words in found["notes"][0]
    assert [row["method"] for row in found["methods"]] == methods
    assert all(row["difference"] is None and row["chosen"] is None for row in found["methods"])
    assert [each["role"] for each in found["reliability"]] == ["other"] * len(methods)
    both = assemble([predictions(name, seed) for name in ["hard", "uniform 0.1"] for seed in range(3)])
    for row in found["methods"]:
        if row["method"] in ("hard", "uniform 0.1"):
            same = line(both, row["method"])
            assert (row["before"], row["after"]) == (same["before"], same["after"])


def test_masked_classes_give_null_not_infinity() -> None:
    files = trials()
    logits = files[4].test.logits.copy()
    logits[3, files[4].test.labels[3]] = -np.inf
    files[4] = changed(files[4], logits=logits)
    found = checked(assemble(files))
    assert found["verdict"]["code"] == "open"
    assert found["verdict"]["reasons"][0].startswith("infinite loss: uniform 0.1 (last) gives the true class")
    assert line(found, "uniform 0.1")["after"]["nll"] == {"mean": None, "sd": None}
