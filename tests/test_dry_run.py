"""--dry-run: the plan is shown with an estimate of its time, and nothing is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from labelsmooth import cli, data, dry_run
from labelsmooth.comparison.engines import _devices, processes
from labelsmooth.comparison.engines._trial import Failed
from labelsmooth.comparison.plan import Trial
from labelsmooth.comparison.running import open_folder, run_trials
from labelsmooth.options import CompareOptions
from labelsmooth.workflows import _planned

QUICK = ["--model", "linear", "--epochs", "40", "--seeds", "3"]


def test_the_plan_is_shown_and_nothing_is_written(tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["compare", "mixture", *QUICK, "--smoothing", "0.1", "0.2", "--jobs", "2", "--dry-run"]
    assert cli.run(words) == 0
    told = capsys.readouterr().out
    assert "Would train 9 trials; nothing is written now." in told
    for line in ("methods  hard; uniform 0.1; uniform 0.2", "seeds    0 1 2", "engine   processes, 2 at a time"):
        assert line in told
    assert "linear, 40 epochs" in told and "folder   runs/" in told and "time     about" in told
    assert cli.run([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["trials"], found["finished"], found["workers"], found["epochs"]) == (9, 0, 2, 40)
    assert found["seconds"] == pytest.approx(5 * (40 * found["epoch"] + found["rest"]), abs=0.01)
    assert 0 < found["epoch"] < 5 and list(tmp_path.iterdir()) == []


def test_with_resume_finished_trials_are_not_counted_again(tmp_path: Path) -> None:
    chosen = CompareOptions(model="linear", epochs=1, seeds=2, smoothing=(0.1,), engine="inline", out=tmp_path / "run")
    dataset, plan = _planned("mixture", None, None, chosen)
    with_all = open_folder(plan, chosen.out, resume=False)
    run_trials(dataset, plan, with_all, "inline", None, progress=False)
    with_all.close()
    next((tmp_path / "run" / "history").iterdir()).unlink()
    before = sorted(tmp_path.rglob("*"))
    found = dry_run.compare("mixture", options=CompareOptions(**{**vars(chosen), "resume": True}))
    assert (found.trials, found.finished) == (4, 3)
    assert "Would train 4 trials (3 of them are there)" in str(found)
    assert sorted(tmp_path.rglob("*")) == before
    with pytest.raises(ValueError, match="go on with it by --resume"):
        dry_run.compare("mixture", options=chosen)


def test_a_search_and_a_script(tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.run(["tune", "mixture", *QUICK, "--trials", "5", "--engine", "inline", "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "Would train at most 18 trials" in told and "1 candidate, hard; 5 candidates, smooth" in told
    script = "python train.py {label_smoothing} {seed} {out}"
    assert cli.run(["compare", "--script", script, "--seeds", "2", "--dry-run"]) == 0
    assert "time     not known: a script trains as it likes" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_option_is_said_as_without_dry_run() -> None:
    assert cli.run(["compare", "mixture", "--engine", "nosuch", "--dry-run"]) == 2
    assert cli.run(["compare", "mixture", "--fail-if", "nosuch > 1", "--dry-run"]) == 2


@pytest.mark.parametrize(
    ("count", "visible", "expected"),
    [
        (0, None, [None, None, None]),
        (1, None, ["0", "0", "0"]),
        (2, None, ["0", "1", "0"]),
        (4, None, ["0", "1", "2"]),
        (2, "5, 3", ["5", "3", "5"]),
        (1, "GPU-abc", ["GPU-abc"] * 3),
    ],
)
def test_devices_are_shared_out_in_turn(count: int, visible: Any, expected: list[Any], monkeypatch: Any) -> None:
    monkeypatch.setattr(_devices.torch.cuda, "device_count", lambda: count)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert _devices.shared_out(3) == expected


def seen(dataset: data.Dataset, trial: Trial) -> Failed:
    import os

    return Failed(str(os.environ.get("CUDA_VISIBLE_DEVICES")))


def test_each_worker_sees_its_own_device(monkeypatch: Any) -> None:
    """With a count that is made up: no device is used."""
    from labelsmooth.comparison._interrupts import Stop

    monkeypatch.setattr(_devices.torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(processes, "attempt", seen)
    dataset, plan = _planned("mixture", None, None, CompareOptions(model="linear", epochs=1, seeds=2, smoothing=(0.1,)))
    assert dataset is not None
    found = processes.run(dataset, plan.trials()[:2], 2, Stop())
    assert sorted(outcome.reason for _, outcome in found if isinstance(outcome, Failed)) == ["0", "1"]
