"""D7, D9: kills, Ctrl-C, a full disk, trials that fail: what is there stays, and the end is the same.

The same sweep over every write and 200 moments is a command: benchmarks/kill_sweep.py, docs/evidence/never-lost.md.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labelsmooth import Predictions, _files, cli, compare, data, tune
from labelsmooth._checks import Interrupted
from labelsmooth.comparison.engines import _trial, inline
from labelsmooth.comparison.engines._trial import Failed, attempt
from labelsmooth.comparison.plan import Trial
from labelsmooth.predictions import Split
from labelsmooth.training import TrialResult

ROOT = Path(__file__).parents[2]
QUICK: dict[str, Any] = {"engine": "inline", "seeds": 3, "smoothing": 0.1, "progress": False}
WORDS = ["compare", "mixture", "--model", "linear", "--epochs", "1", "--smoothing", "0.1"]


def made(dataset: data.Dataset, trial: Trial) -> TrialResult | Failed:
    """What a training could leave, without training."""
    splits = {}
    for number, name in enumerate(("val", "test")):
        rows = dataset.splits[name]
        drawn = np.random.default_rng([trial.seed, number]).normal(size=(len(rows.labels), len(dataset.classes)))
        splits[name] = Split(drawn + 2 * np.eye(len(dataset.classes))[rows.labels], rows.labels, rows.ids)
    found = {each: Predictions(splits=splits, classes=dataset.classes) for each in ("last", "best")}
    return TrialResult(found, [{"epoch": 1, "train_loss": 1.0, "val_nll": 1.0, "val_nll_after": 1.0}])


@pytest.fixture
def interrupting(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Training is left out; in the trials of these numbers Ctrl-C is pressed so many times."""

    def put(presses: dict[int, int]) -> list[str]:
        asked: list[str] = []

        def pressed(dataset: data.Dataset, trial: Trial) -> TrialResult | Failed:
            asked.append(trial.name)
            for _ in range(presses.get(len(asked), 0)):
                os.kill(os.getpid(), signal.SIGINT)
            return made(dataset, trial)

        monkeypatch.setattr(inline, "attempt", pressed)
        return asked

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background
    yield put
    signal.signal(signal.SIGINT, before)


def bits(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "predictions").iterdir())}


def test_D7_ctrl_c_once_finishes_the_trial_reports_and_goes_on_later(interrupting: Any, tmp_path: Path) -> None:
    interrupting({})
    whole = compare("digits", out=tmp_path / "whole", **QUICK)
    asked = interrupting({4: 1})
    with pytest.raises(Interrupted) as stopped:
        compare("digits", out=tmp_path / "run", **QUICK)
    assert len(asked) == 4 and len(bits(tmp_path / "run")) == 8
    assert stopped.value.comparison.notes[0].startswith("interrupted: 4 of 6 trials are there")
    assert "interrupted: 4 of 6" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    later = interrupting({})
    again = compare("digits", out=tmp_path / "run", resume=True, **QUICK)
    assert len(later) == 2 and again.verdict == whole.verdict and not any("interrupted" in n for n in again.notes)
    assert bits(tmp_path / "run") == bits(tmp_path / "whole")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_D7_ctrl_c_twice_stops_at_once(interrupting: Any, tmp_path: Path) -> None:
    interrupting({4: 2})
    with pytest.raises(KeyboardInterrupt) as stopped:
        compare("digits", out=tmp_path / "run", **QUICK)
    assert not isinstance(stopped.value, Interrupted)
    assert len(bits(tmp_path / "run")) == 6 and not (tmp_path / "run" / "results.json").exists()
    interrupting({})
    assert len(compare("digits", out=tmp_path / "run", resume=True, **QUICK).results["trials"]) == 12


def test_D7_ctrl_c_before_anything_is_there(interrupting: Any, tmp_path: Path, capsys: Any) -> None:
    interrupting({1: 2})
    words = ["compare", "digits", "--engine", "inline", "--out", str(tmp_path / "run")]
    assert cli.run(words) == 130
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("interrupted; finished trials are kept") == 1
    interrupting({2: 1})
    assert cli.run([*words, "--resume"]) == 130
    assert "interrupted: 2 of 50 trials are there" in capsys.readouterr().out


def test_D7_a_search_is_interrupted_and_comes_to_the_same_end(interrupting: Any, tmp_path: Path) -> None:
    chosen: dict[str, Any] = {"engine": "inline", "seeds": 2, "trials": 6, "progress": False}
    asked = interrupting({})
    whole = tune("digits", out=tmp_path / "whole", **chosen)
    interrupting({3: 1})
    with pytest.raises(Interrupted) as stopped:
        tune("digits", out=tmp_path / "run", **chosen)
    assert stopped.value.comparison is None
    interrupting({len(asked) - 4: 1})
    with pytest.raises(Interrupted) as stopped:
        tune("digits", out=tmp_path / "run", resume=True, **chosen)
    told = stopped.value.comparison
    assert told.notes[0].startswith("interrupted: these are the candidates that were through")
    assert len(told.tuning["candidates"]) < len(whole.tuning["candidates"])
    interrupting({})
    again = tune("digits", out=tmp_path / "run", resume=True, **chosen)
    (seen,) = again.tuning["read_before"]
    assert (
        seen["candidates"] == len(told.tuning["candidates"])
        and again.verdict["difference"] == whole.verdict["difference"]
    )
    assert again.tuning | {"read_before": []} == whole.tuning


def heard() -> None:
    """Ctrl-C is heard, also where the tests run in the background and would pass on that it is ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_D7_ctrl_c_on_worker_processes(tmp_path: Path) -> None:
    """As a terminal sends it: to the command and to everything it started."""
    program = "from labelsmooth.cli import main; main()"
    words = [*WORDS, "--seeds", "400", "--jobs", "2", "--out", "run"]
    running = subprocess.Popen(
        [sys.executable, "-c", program, *words],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=heard,
    )  # fmt: skip
    history = tmp_path / "run" / "history"
    while len(list(history.glob("*.jsonl"))) < 8 and running.poll() is None:
        time.sleep(0.01)
    os.killpg(running.pid, signal.SIGINT)
    out, err = running.communicate(timeout=120)
    assert running.returncode == 130, err
    assert "finishing what is under way" in err and "Traceback" not in err
    assert "Verdict (" in out and "of 800 trials are there" in out
    there = {path.stem for path in history.glob("[!.]*.jsonl")}
    assert len(bits(tmp_path / "run")) == 2 * len(there)
    assert f"interrupted: {len(there)} of 800" in out


def test_D7_killed_twenty_times_in_a_row() -> None:
    sweep = [sys.executable, str(ROOT / "benchmarks" / "kill_sweep.py"), "--row", "20", "--seeds", "1"]
    done = subprocess.run(sweep, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert "20 kills in a row" in done.stdout and "0 finished trials lost, 0 redone" in done.stdout


@pytest.mark.parametrize(("call", "left"), [("replace", 6), ("fsync", 13)])
def test_D7_a_full_disk_leaves_what_was_there(
    call: str, left: int, interrupting: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    interrupting({})
    words = ["compare", "digits", "--engine", "inline", "--seeds", "1", "--smoothing", "0.1", "--out"]
    assert cli.run([*words, str(tmp_path / "whole")]) == 0
    real = getattr(os, call)

    def filling(*given: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(*given)

    with monkeypatch.context() as patch:
        patch.setattr(_files.os, call, filling)
        assert cli.run([*words, str(tmp_path / "run")]) in (1, 2)
    assert "No space left on device" in capsys.readouterr().err
    there = bits(tmp_path / "run")
    assert there.items() <= bits(tmp_path / "whole").items() and len(there) > 0
    assert not [path for path in (tmp_path / "run").rglob("*") if _files.is_left_over(path)]
    assert cli.run([*words, str(tmp_path / "run"), "--resume"]) == 0
    assert bits(tmp_path / "run") == bits(tmp_path / "whole")


@pytest.mark.parametrize(
    "error", [MemoryError("no more"), KeyError("scale"), TypeError("two\nlines"), RuntimeError("can't allocate memory")]
)
def test_D9_whatever_a_trial_raises_is_its_own_reason(
    error: Exception, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def raising(dataset: data.Dataset, method: Any, settings: Any, seed: int) -> TrialResult:
        if seed == 1:
            raise error
        found = made(dataset, Trial(None, method, settings, seed))  # type: ignore[arg-type]
        assert isinstance(found, TrialResult)
        return found

    monkeypatch.setattr(_trial, "run_trial", raising)
    result = compare("digits", out=tmp_path / "run", **QUICK)
    assert {each["reason"] for each in result.results["failed"]} == {f"{type(error).__name__}: {error}"}
    assert "2 trials failed and are left out" in str(result)
    assert len(result.results["trials"]) == 8


def test_a_trial_that_failed_and_was_finished_later_is_not_called_failed(interrupting: Any, tmp_path: Path) -> None:
    interrupting({})
    compare("digits", out=tmp_path / "run", **QUICK)
    name = next((tmp_path / "run" / "history").iterdir()).stem
    (tmp_path / "run" / "failed" / f"{name}.json").write_text(json.dumps({"trial": name, "reason": "once"}))
    assert compare("digits", out=tmp_path / "run", resume=True, **QUICK).results["failed"] == []


def test_attempt_lets_interrupts_through(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> TrialResult:
        raise KeyboardInterrupt

    monkeypatch.setattr(_trial, "run_trial", interrupted)
    with pytest.raises(KeyboardInterrupt):
        attempt(None, Trial(None, None, None, 0))  # type: ignore[arg-type]
