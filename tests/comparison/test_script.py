"""Training scripts of one's own: what is run, what comes of it, and what is said when it fails."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from labelsmooth import compare
from labelsmooth._checks import TrialsFailed, UsageError
from labelsmooth.comparison.plan import Plan
from labelsmooth.comparison.script import Script
from labelsmooth.methods import Method

TRAIN = """
import argparse
import numpy as np
from labelsmooth import Predictions

asked = argparse.ArgumentParser()
asked.add_argument("--eps", type=float)
asked.add_argument("--seed", type=int)
asked.add_argument("--out")
asked = asked.parse_args()
print("training with", asked.eps)
rng = np.random.default_rng(0)
labels, noise = rng.integers(0, 3, 300), rng.normal(size=(300, 3))
luck = np.random.default_rng(1000 * asked.seed + int(100 * asked.eps)).normal(size=(300, 3))
logits = 2 * (1 - asked.eps) * np.eye(3)[labels] + noise + 0.1 * luck
if asked.eps == 0.7:
    raise SystemExit("this amount is not for me")
if asked.eps != 0.6:
    Predictions(logits[:150], labels[:150], val_logits=logits[150:], val_labels=labels[150:]).save(asked.out)
"""


@pytest.fixture
def command(tmp_path: Path) -> str:
    (tmp_path / "train.py").write_text(TRAIN, encoding="utf-8")
    return f"{sys.executable} {tmp_path / 'train.py'} --eps {{label_smoothing}} --seed {{seed}} --out {{out}}"


def test_a_script_is_planned_run_and_judged(command: str, tmp_path: Path) -> None:
    result = compare(script=command, smoothing=0.1, seeds=3, jobs=2, out=tmp_path / "run", progress=False)
    assert {(row["method"], row["checkpoint"], row["seeds"]) for row in result.table} == {
        ("hard", "last", 3), ("uniform 0.1", "last", 3),
    }  # fmt: skip
    assert result.verdict["code"] in ("smooth", "keep_hard", "open")
    assert result.results["run"]["command"].startswith(f"labelsmooth compare --script '{command}' --seeds 3")
    assert (tmp_path / "run" / "report.html").exists()
    assert len(list((tmp_path / "run" / "logs").glob("*.log"))) == 6
    assert list((tmp_path / "run" / "work").iterdir()) == []


def test_a_finished_trial_is_not_run_again(command: str, tmp_path: Path) -> None:
    options = {"script": command, "smoothing": 0.1, "seeds": 1, "out": tmp_path / "run", "progress": False}
    first = compare(**options)
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "run" / "predictions").iterdir()}
    lost = sorted(files)[0]
    lost.unlink()
    again = compare(**options, resume=True)
    assert again.table == first.table
    changed = {path for path in files if path.stat().st_mtime_ns != files[path]}
    assert changed == {lost}


def test_a_changed_script_is_another_comparison(command: str, tmp_path: Path) -> None:
    options = {"script": command, "smoothing": 0.1, "seeds": 1, "out": tmp_path / "run", "progress": False}
    compare(**options)
    with (tmp_path / "train.py").open("a", encoding="utf-8") as file:
        file.write("# a change\n")
    with pytest.raises(UsageError, match="has changed since"):
        compare(**options, resume=True)


def test_a_plan_is_run_again(command: str, tmp_path: Path) -> None:
    first = compare(script=command, smoothing=0.1, seeds=1, out=tmp_path / "run", progress=False)
    plan = tmp_path / "run" / "plan.json"
    again = compare(plan=plan, out=tmp_path / "again", progress=False)
    assert again.table == first.table
    assert Plan.from_dict(json.loads(plan.read_text(encoding="utf-8"))).to_dict() == json.loads(
        (tmp_path / "again" / "plan.json").read_text(encoding="utf-8")
    )
    with pytest.raises(UsageError, match="--seeds stands in the plan already"):
        compare(plan=plan, seeds=4, progress=False)
    (tmp_path / "train.py").write_text("pass", encoding="utf-8")
    with pytest.raises(UsageError, match="made for another state of the files"):
        compare(plan=plan, progress=False)


def test_the_plan_of_built_in_data_is_run_again(tmp_path: Path) -> None:
    options = {"epochs": 1, "engine": "inline", "progress": False}
    first = compare("digits", smoothing=0.1, seeds=3, out=tmp_path / "run", **options)
    again = compare(plan=tmp_path / "run" / "plan.json", engine="inline", out=tmp_path / "again", progress=False)
    assert again.table == first.table
    changed = json.loads((tmp_path / "run" / "plan.json").read_text(encoding="utf-8"))
    changed["data"]["fingerprint"] = "0"
    (tmp_path / "other.json").write_text(json.dumps(changed), encoding="utf-8")
    with pytest.raises(UsageError, match="made for other data than digits holds now"):
        compare(plan=tmp_path / "other.json", progress=False)


def test_a_trial_that_fails_is_recorded_with_the_end_of_its_output(command: str, tmp_path: Path) -> None:
    result = compare(script=command, smoothing=[0.1, 0.6, 0.7], seeds=1, out=tmp_path / "run", progress=False)
    reasons = {failed["trial"].split("-s0")[0]: failed["reason"] for failed in result.results["failed"]}
    assert set(reasons) == {"uniform-0.6", "uniform-0.7"}
    assert (
        "ended with code 1: training with 0.7 | this amount is not for me (all of its output: "
        in reasons["uniform-0.7"]
    )
    assert ".save(out)" in reasons["uniform-0.6"] and "wrote nothing to its {out}" in reasons["uniform-0.6"]


def test_when_every_trial_fails_the_first_reason_is_said(tmp_path: Path) -> None:
    words = f"{sys.executable} nosuch.py {{label_smoothing}} {{seed}} {{out}}"
    with pytest.raises(TrialsFailed, match=r"all 2 trials failed; the first, hard-s0-.*nosuch.py"):
        compare(script=words, smoothing=0.1, seeds=1, out=tmp_path / "run", progress=False)


def test_a_command_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TrialsFailed, match="No such file or directory: 'nosuchcommand'"):
        compare(script="nosuchcommand {label_smoothing} {seed} {out}", smoothing=0.1, seeds=1, out=tmp_path / "run",
                progress=False)  # fmt: skip


BAD = [
    ({"script": "python train.py"}, r"the places \{label_smoothing\}, \{seed\} and \{out\}.*it has none"),
    ({"script": "python t.py {label_smoothing} {seed} {out} {lr}"}, r"there is no place \{lr\}"),
    ({"script": "python 't.py {label_smoothing} {seed} {out}"}, "cannot be cut into words: No closing quotation"),
    ({"script": "t {label_smoothing {seed} {out}"}, "braces that mean themselves are doubled"),
    ({"script": "t {label_smoothing} {seed} {out}", "epochs": 3}, "--epochs is for the built-in training"),
    ({"script": "t {label_smoothing} {seed} {out}", "scheme": "others"}, r"no place \{scheme\} for it"),
    ({"script": "t {label_smoothing} {seed} {out}", "dropout": 0.1}, r"no place \{dropout\} for it"),
    ({"script": "t {label_smoothing} {seed} {out}", "data": "mixture"}, "--script brings its own data; leave DATA out"),
    ({"plan": "nosuch.json"}, "cannot read the plan nosuch.json"),
]


@pytest.mark.parametrize(("options", "words"), BAD)
def test_bad_commands_say_what_to_give(options: dict, words: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=words):
        compare(**options, progress=False)
    assert list(tmp_path.iterdir()) == []


def test_the_words_of_a_trial(tmp_path: Path) -> None:
    script = Script("'my train' {{x}} --s={scheme} {label_smoothing} {weight_decay} {dropout} {seed} {out}")
    words = script.command(Method("others 0.1", "smooth", "others", 0.1, 0.01, 0.5), 7, tmp_path / "a b.npz")
    assert words == ["my train", "{x}", "--s=others", "0.1", "0.01", "0.5", "7", str(tmp_path / "a b.npz")]
    hard = script.command(Method("hard", "hard"), 0, tmp_path)
    assert hard[2:4] == ["--s=uniform", "0"]
