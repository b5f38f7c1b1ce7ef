"""Rivals in a comparison: which ones run, how they are trained, and that they never decide (S9)."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import torch

from labelsmooth import CrossEntropyLoss, compare, data, rivals
from labelsmooth._checks import UsageError
from labelsmooth.comparison.plan import Plan
from labelsmooth.methods import Method, grid
from labelsmooth.report import render, text
from labelsmooth.rivals import chosen
from labelsmooth.training import Settings, run_trial

SETTINGS = Settings("mlp", 2, 64, 2e-3)


@pytest.fixture(scope="module")
def digits() -> data.Dataset:
    return data.load("digits")


def test_words_name_rivals_and_settings() -> None:
    assert chosen(["focal=5", "focal=5", "poly"]) == [("focal", 5.0), ("poly", -1.0), ("poly", 1.0), ("poly", 2.0)]
    every = chosen(["all"])
    assert {name for name, _ in every} == set(rivals.names()) and len(set(every)) == len(every)
    for name, value in every:
        assert value in rivals.find(name).usual


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("maxsup", r"--rivals maxsup: rival must be one of \['confidence_penalty'"),
        ("focal=-1", "--rivals focal=-1: gamma must be a finite number of at least 0"),
        ("focal=", "expected a number after focal=, as in focal=2"),
        ("focal=two", "expected a number after focal=, as in focal=2; got 'two'"),
        ("logit_norm=nan", "tau must be a finite number above 0"),
    ],
)
def test_bad_words_say_what_to_give(word: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        grid(None, None, [0.01], [0.0], [word])


def test_S9_rivals_share_the_grid_of_regularisation() -> None:
    methods = grid(["uniform"], [0.1], [0.0, 0.1], [0.0], ["mixup=1", "distillation=4"])
    found = [method for method in methods if method.family == "rival"]
    assert {method.weight_decay for method in found} == {0.0, 0.1}
    assert [method.name for method in found[:4]] == [
        "mixup 1, wd 0", "mixup 1 + uniform 0.1, wd 0", "distillation 4, wd 0", "distillation 4 from uniform 0.1, wd 0",
    ]  # fmt: skip
    assert all(Method.from_dict(method.to_dict()) == method for method in methods)


@pytest.mark.parametrize("word", ["focal=2", "mixup=1"])
def test_S9_a_rival_trains_with_its_loss(word: str, digits: data.Dataset) -> None:
    method = next(m for m in grid(None, None, [0.01], [0.0], [word]) if m.family == "rival")
    hard, rival = (run_trial(digits, each, SETTINGS, seed=0) for each in (Method("hard", "hard"), method))
    assert not np.array_equal(*(each.predictions["last"].test.logits for each in (hard, rival)))
    accuracy = [np.mean(each.predictions["last"].test.logits.argmax(1) == digits.test.labels) for each in (hard, rival)]
    assert min(accuracy) > 0.8
    again = run_trial(digits, method, SETTINGS, seed=0).predictions["last"].test.logits
    assert np.array_equal(rival.predictions["last"].test.logits, again)


def test_S9_the_student_of_its_own_twin_at_full_weight(digits: data.Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """The teacher is the trial with hard labels and the same seed, at its best epoch."""
    seen = []

    def remembered(self, input, target, teacher_logits=None):
        seen.append((teacher_logits.argmax(1) == target).float().mean())
        assert not teacher_logits.requires_grad
        return CrossEntropyLoss()(input, target)

    monkeypatch.setattr(rivals.DistillationLoss, "forward", remembered)
    student = Method("d", "rival", rival="distillation", setting=4.0)
    result = run_trial(digits, student, SETTINGS, seed=3)
    plain = run_trial(digits, Method("hard", "hard"), SETTINGS, seed=3)
    assert np.array_equal(result.predictions["last"].test.logits, plain.predictions["last"].test.logits)
    assert torch.stack(seen).mean() > 0.85, "the teacher has been trained before the student's first batch"


def test_mixup_gives_the_loss_class_probabilities() -> None:
    plain, smoothed = (m for m in grid(None, None, [0.01], [0.0], ["mixup=1"]) if m.family == "rival")
    logits, targets = torch.zeros(4, 3), torch.full((4, 3), 1 / 3)
    assert plain.mixing() is not None and torch.isclose(plain.loss()(logits, targets), torch.tensor(3.0).log())
    assert torch.isclose(smoothed.loss()(logits, targets), torch.tensor(3.0).log())  # without the warning of T13
    assert Method("hard", "hard").mixing() is None and Method("hard", "hard").teacher() is None


def test_S9_tokens_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no in-between; leave mixup out"):
        compare("pydoc", rivals=["mixup"], out=tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory):
    options = {"seeds": 3, "epochs": 2, "smoothing": 0.1, "engine": "inline", "progress": False}
    words = ["logit_norm=0.2", "focal", "distillation=4"]
    return compare("digits", rivals=words, out=tmp_path_factory.mktemp("rivals") / "run", **options)


def test_S9_the_best_setting_of_each_rival_is_marked_by_validation_alone(result) -> None:
    rows = [row for row in result.table if row["family"] == "rival"]
    marked = [row for row in rows if row["chosen"] == "rival"]
    assert sorted(row["rival"] for row in marked) == ["distillation", "focal", "logit_norm"]
    for row in marked:
        same = [other["val_nll_after"]["mean"] for other in rows if other["rival"] == row["rival"]]
        assert row["val_nll_after"]["mean"] == min(same)
        assert row["difference"]["lower"] <= row["difference"]["value"] <= row["difference"]["upper"]


def test_S9_a_rival_never_decides(result) -> None:
    """Logit normalisation is far ahead after two epochs, and the verdict speaks of the other two."""
    by_role = {row["chosen"]: row for row in result.table if row["chosen"]}
    ahead = next(row for row in result.table if row["method"].startswith("logit norm"))
    assert ahead["val_nll_after"]["mean"] < by_role["smooth"]["val_nll_after"]["mean"]
    assert by_role["hard"]["family"] == "hard" and by_role["smooth"]["family"] == "smooth"
    assert result.verdict["smooth"]["method"] == "uniform 0.1"


def test_S8_a_smoothed_teacher_is_warned_of(result) -> None:
    assert any("compare with a teacher trained on hard labels" in note for note in result.notes)


def test_S9_what_is_written_says_it(result) -> None:
    schema = Path(__file__).parents[2] / "docs" / "results.schema.json"
    jsonschema.validate(result.results, json.loads(schema.read_text(encoding="utf-8")))
    assert "R*: the best setting of each rival" in text.render(result.results)
    page = render(result.results)
    assert page.count(">R*<") >= 4 and "Its interval is exploratory and never decides" in page
    plan = Plan.from_dict(json.loads((result.path / "plan.json").read_text(encoding="utf-8")))
    assert [m.rival for m in plan.methods if m.rival].count("focal") == 3
    assert "--rivals logit_norm=0.2 focal=1 focal=2 focal=3 distillation=4" in result.results["run"]["command"]
