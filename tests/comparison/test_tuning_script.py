"""Searches over a training script of one's own: what is passed on, what is refused, what comes of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from labelsmooth import compare, tune
from labelsmooth._checks import DataError, UsageError
from labelsmooth.cli import run as command
from labelsmooth.comparison import _scripted
from labelsmooth.comparison.engines._trial import Failed
from labelsmooth.comparison.script import Script
from labelsmooth.predictions import Predictions, Split
from labelsmooth.training import TrialResult

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "results.schema.json").read_text(encoding="utf-8"))
PLAIN = "python train.py --eps {label_smoothing} --seed {seed} --out {out}"
WITH_RATE = f"{PLAIN} --lr {{learning_rate}}"
LABELS = np.random.default_rng(0).integers(0, 3, 300)

TRAIN = """
import sys
import numpy as np
from labelsmooth import Predictions

eps, rate, seed = map(float, sys.argv[1:4])
labels = np.random.default_rng(0).integers(0, 3, 300)
logits = np.random.default_rng([int(seed), 1]).normal(size=(300, 3)) + (2 - eps) * np.eye(3)[labels]
Predictions(logits[:150], labels[:150], val_logits=logits[150:], val_labels=labels[150:]).save(sys.argv[4])
"""


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """A function in the place of the process; returns the words that the script would have got."""
    asked: list[list[str]] = []

    def attempt(trial: Any, folder: Path, running: Any) -> TrialResult | Failed:
        asked.append(trial.settings.command(trial.method, trial.seed, Path("o.npz")))
        if trial.method.label_smoothing == 0.05:
            return Failed("ScriptFailed: the script ended with code 1: no")
        quality = 3 - 30 * (trial.method.label_smoothing - 0.13) ** 2 - trial.method.weight_decay
        quality -= np.log10((trial.settings.learning_rate or 3e-3) / 3e-3) ** 2
        logits = np.random.default_rng(trial.seed).normal(size=(300, 3)) + quality * np.eye(3)[LABELS]
        splits = {"test": Split(logits[:150], LABELS[:150]), "val": Split(logits[150:], LABELS[150:])}
        return TrialResult({"last": Predictions(splits=splits, classes=["a", "b", "c"])}, [])

    monkeypatch.setattr(_scripted, "_attempt", attempt)
    return asked


def line_of(result: Any, role: str) -> dict[str, Any]:
    (line,) = [line for line in result.tuning["candidates"] if line["chosen"] == role]
    return line


def test_S11_a_script_is_searched_and_judged(pretend: list[list[str]], tmp_path: Path) -> None:
    result = tune(script=PLAIN, trials=8, seeds=3, out=tmp_path / "run", progress=False)
    lines = result.tuning["candidates"]
    assert [line["label_smoothing"] for line in lines[:5]] == [0.0, 0.1, 0.2, 0.4, 0.05] and len(lines) == 9
    assert abs(line_of(result, "smooth")["label_smoothing"] - 0.13) < 0.04
    assert {line["checkpoint"] for line in lines if line["state"] == "complete"} == {"last"}
    assert [line["state"] for line in lines if line["label_smoothing"] == 0.05] == ["failed"]
    assert ["python", "train.py", "--eps", "0.1", "--seed", "2", "--out", "o.npz"] in pretend
    again = f"labelsmooth tune --script '{PLAIN}' --seeds 3 --scheme uniform --search smoothing=0:0.4 --trials 8"
    assert result.results["run"]["command"] == again
    assert result.results["data"]["card"]["source"] == "a script of one's own"
    jsonschema.Draft202012Validator(SCHEMA).validate(result.results)
    count = len(pretend)
    grown = tune(script=PLAIN, trials=9, seeds=3, out=tmp_path / "run", resume=True, progress=False)
    assert len(grown.tuning["candidates"]) == 10
    assert len(pretend) - count == 6  # three seeds of the new candidate, and what had failed once more


def test_what_has_a_place_is_searched_for_hard_labels_too(pretend: list[list[str]], tmp_path: Path) -> None:
    chosen: dict[str, Any] = {"seeds": 2, "out": tmp_path / "run", "progress": False}
    ranges = ["learning_rate=1e-4:1e-1", "weight_decay=0:1"]
    template = f"{WITH_RATE} --wd {{weight_decay}} --how {{scheme}}"
    result = tune(script=template, search=ranges, scheme=["uniform", "others"], trials=10, **chosen)
    families = [line["family"] for line in result.tuning["candidates"]]
    assert families.count("hard") == families.count("smooth") == 10
    for role in ("hard", "smooth"):
        assert abs(np.log10(line_of(result, role)["learning_rate"] / 3e-3)) < 0.7
    assert {row["learning_rate"] for row in result.table} == {
        line_of(result, role)["learning_rate"] for role in ("hard", "smooth")
    }
    passed = {tuple(words[8:]) for words in pretend}
    tried = {
        (
            "--lr", f"{line['learning_rate']:g}", "--wd", f"{line['weight_decay']:g}",
            "--how", "uniform" if line["scheme"] == "none" else line["scheme"],
        )
        for line in result.tuning["candidates"]
    }  # fmt: skip
    assert passed == tried and len({words[3] for words in passed}) > 4
    assert ("--lr", "0.00316", "--wd", "0", "--how", "uniform") in passed


def test_a_rate_that_is_given_starts_the_search_or_stays(pretend: list[list[str]], tmp_path: Path) -> None:
    chosen: dict[str, Any] = {"seeds": 1, "trials": 1, "progress": False}
    tune(script=WITH_RATE, learning_rate=0.02, out=tmp_path / "fixed", **chosen)
    assert {words[-1] for words in pretend} == {"0.02"}
    plan = json.loads((tmp_path / "fixed" / "plan.json").read_text(encoding="utf-8"))
    assert plan["settings"] == {"script": WITH_RATE, "learning_rate": 0.02}
    pretend.clear()
    result = tune(script=WITH_RATE, learning_rate=0.02, search="learning_rate=0.01:1", out=tmp_path / "s", **chosen)
    assert {words[-1] for words in pretend} == {"0.02"}
    assert "--learning-rate 0.02 --scheme uniform --search" in result.results["run"]["command"]


def test_compare_fills_the_place_of_the_rate(pretend: list[list[str]], tmp_path: Path) -> None:
    chosen: dict[str, Any] = {"smoothing": 0.1, "seeds": 1, "progress": False}
    result = compare(script=WITH_RATE, learning_rate=0.02, out=tmp_path / "run", no_warn="few-seeds", **chosen)
    assert {words[-1] for words in pretend} == {"0.02"} and {row["learning_rate"] for row in result.table} == {0.02}
    assert f"'{WITH_RATE}' --seeds 1 --learning-rate 0.02" in result.results["run"]["command"]
    again = compare(plan=tmp_path / "run" / "plan.json", out=tmp_path / "again", progress=False)
    assert again.table == result.table and {words[-1] for words in pretend} == {"0.02"}


def test_a_real_script_is_run_by_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "train.py").write_text(TRAIN, encoding="utf-8")
    words = f"{sys.executable} {tmp_path / 'train.py'} {{label_smoothing}} {{learning_rate}} {{seed}} {{out}}"
    given = ["--search", "learning_rate=1e-3:1e-1", "--seeds", "1", "--trials", "1", "--out", str(tmp_path / "run")]
    assert command(["tune", "--script", words, *given, "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "at most 2 trials" in told and "script, 1 at a time" in told and not (tmp_path / "run").exists()
    assert command(["tune", "--script", words, *given]) == 0
    assert "Verdict (open)" in capsys.readouterr().out
    assert len(list((tmp_path / "run" / "logs").iterdir())) == 2
    (tmp_path / "train.py").write_text(TRAIN + "# changed", encoding="utf-8")
    assert command(["tune", "--script", words, *given, "--resume"]) == 2
    assert "has changed since" in capsys.readouterr().err


BAD = [
    ({"search": "learning_rate=1e-4:1"}, r"--search learning_rate would change nothing: with a script only smoothing is"
     r" searched, and of scheme, learning_rate, weight_decay and dropout what has a place.*write \{learning_rate\}"),
    ({"search": "batch_size=1:9"}, "there is no 'batch_size' to search"),
    ({"search": "smoothing=0.1:0.4"}, "leaves out 0"),
    ({"scheme": "others"}, r"no place \{scheme\} for it"),
    ({"learning_rate": 0.1}, r"--learning-rate would change nothing.*no place \{learning_rate\} for it"),
    ({"script": WITH_RATE}, r"has a place \{learning_rate\}; give --learning-rate to fill it, or, in tune, --search"),
    ({"script": WITH_RATE, "learning_rate": -1.0}, "learning_rate must be a number above 0; got -1.0"),
    ({"epochs": 3}, "--epochs is for the built-in training; a script decides that itself"),
    ({"weight_decay": [0.0, 0.1], "script": f"{PLAIN} {{weight_decay}}"}, "--weight-decay takes one value here, got 2"),
    ({"data": "mixture"}, "--script brings its own data; leave DATA out"),
    ({"script": "python train.py"}, r"the places \{label_smoothing\}, \{seed\} and \{out\}"),
    ({"trials": 0}, "trials must be a whole number of at least 1"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "words"), BAD)
def test_what_a_script_cannot_do_is_one_sentence_before_anything_is_written(
    changes: dict[str, Any], words: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=words):
        tune(**{"script": PLAIN, "out": tmp_path / "run", "progress": False, **changes})
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda trial: slice(150, 290), "the validation split has 140 rows, that of trial hard-s0.* 150"),
        (
            lambda trial: np.roll(np.arange(150, 300), trial.seed),
            "has other labels than trial hard-s0-.*, first in row",
        ),
        (lambda trial: None, r"has no validation rows, and a search chooses by them; let the script save val_logits"),
    ],
)
def test_validation_rows_that_are_missing_or_move_end_the_search_at_once(
    wrong: Any, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def attempt(trial: Any, folder: Path, running: Any) -> TrialResult:
        asked.append(trial)
        logits = np.random.default_rng(0).normal(size=(300, 3)) + np.eye(3)[LABELS]
        rows = wrong(trial) if len(asked) > 1 or wrong(trial) is None else slice(150, 300)
        splits = {"test": Split(logits[:150], LABELS[:150])}
        splits |= {} if rows is None else {"val": Split(logits[rows], LABELS[rows])}
        return TrialResult({"last": Predictions(splits=splits, classes=["a", "b", "c"])}, [])

    monkeypatch.setattr(_scripted, "_attempt", attempt)
    with pytest.raises(DataError, match=words):
        tune(script=PLAIN, trials=20, seeds=2, out=tmp_path / "run", progress=False)
    assert len(asked) <= 10


def test_the_rate_is_part_of_what_a_trial_is_called() -> None:
    plain, fast = Script(WITH_RATE), Script(WITH_RATE, 0.1)
    assert plain.to_dict() == {"script": WITH_RATE} and fast.to_dict()["learning_rate"] == 0.1
