"""D7: two runs in one folder: the second is refused at once, also when the first is another process or was killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from labelsmooth import _files
from labelsmooth._checks import UsageError
from labelsmooth.comparison._lock import Lock
from labelsmooth.comparison.plan import DataRequest, Plan
from labelsmooth.comparison.store import RunFolder
from labelsmooth.methods import Method
from labelsmooth.training import Settings

PLAN = Plan(DataRequest("digits"), (Method("hard", "hard"),), (0,), Settings("mlp", 1, 64, 2e-3))
HOLD = "import sys, pathlib; from labelsmooth.comparison._lock import Lock; held = Lock(pathlib.Path('.'))\n"
HOLD += "print('held', flush=True); sys.stdin.read()"


def test_D7_a_second_run_in_the_folder_is_refused_at_once(tmp_path: Path) -> None:
    first = RunFolder.create(tmp_path / "run", PLAN, resume=False)
    before = sorted((tmp_path / "run").iterdir())
    with pytest.raises(UsageError, match=r"another run is under way in .*run; wait until it is over, or choose"):
        RunFolder.create(tmp_path / "run", PLAN, resume=True)
    assert sorted((tmp_path / "run").iterdir()) == before
    first.close()
    RunFolder.create(tmp_path / "run", PLAN, resume=True).close()


def test_D7_the_lock_of_a_killed_process_is_gone_with_it(tmp_path: Path) -> None:
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with other:
        assert other.stdout is not None and other.stdout.readline() == "held\n"
        with pytest.raises(UsageError, match="another run is under way"):
            Lock(tmp_path)
        other.kill()
    Lock(tmp_path).release()


def test_D7_a_folder_of_a_run_killed_before_its_plan_was_written_is_free(tmp_path: Path) -> None:
    (tmp_path / ".lock").write_text("")
    (tmp_path / ".labelsmooth-1-0.tmp").write_text("{")
    RunFolder.create(tmp_path, PLAN, resume=False).close()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".lock", "env.json", "failed", "history", "plan.json", "predictions",
    ]  # fmt: skip


def test_D7_what_killed_writers_left_is_swept_away_and_nothing_else(tmp_path: Path) -> None:
    RunFolder.create(tmp_path / "run", PLAN, resume=False).close()
    for name in ("predictions/.labelsmooth-7-1.tmp", "predictions/a.npz", "notes.tmp", ".mine.tmp"):
        (tmp_path / "run" / name).write_text("half")
    RunFolder.create(tmp_path / "run", PLAN, resume=True).close()
    assert [path.name for path in (tmp_path / "run" / "predictions").iterdir()] == ["a.npz"]
    assert (tmp_path / "run" / "notes.tmp").exists() and (tmp_path / "run" / ".mine.tmp").exists()


def test_a_long_name_can_be_written(tmp_path: Path) -> None:
    assert _files.write(tmp_path / ("é" * 120 + ".json"), b"1").read_bytes() == b"1"
