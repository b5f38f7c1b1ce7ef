"""The commands as a person runs them: exit codes, streams, interruptions."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from labelsmooth import cli

COMPARE = ["compare", "digits", "--smoothing", "0.1", "--epochs", "2", "--seeds", "3"]


def labelsmooth(*arguments: str, cwd: Path, **more) -> subprocess.CompletedProcess[str]:
    program = "import sys; from labelsmooth.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, cwd=cwd, timeout=240, **more
    )


def test_compare_prints_the_verdict_and_where_the_page_is(tmp_path: Path) -> None:
    done = labelsmooth(*COMPARE, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Verdict (" in done.stdout
    page = tmp_path / done.stdout.rsplit("The page: ", 1)[1].strip()
    assert page.is_file()
    assert page.parent.parent.name == "runs"
    again = labelsmooth("report", str(page.parent), "--json", cwd=tmp_path)
    assert json.loads(again.stdout)["verdict"]["sentence"] in done.stdout


def test_json_is_all_that_stdout_holds(tmp_path: Path) -> None:
    done = labelsmooth(*COMPARE, "--json", "--out", "run", cwd=tmp_path)
    assert json.loads(done.stdout)["schema_version"] == 1
    assert "6 to do" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["compare", "digitz"], 2, "digits"),
        (["compare", "--smoothing", "1.5"], 2, "must be a number in [0, 1]; got 1.5"),
        (["compare", "--smoothing", "much"], 2, "invalid float value: 'much'"),
        (["compare", "--scheme", "nosuch"], 2, "scheme must be one of"),
        (["compare", "--metric", "ece"], 2, "ece"),
        (["compare", "--rivals", "foca"], 2, "--rivals foca: rival must be one of"),
        (["compare", "--seeds", "0"], 2, "seeds must be at least 1"),
        (["compare", "--nosuch"], 2, "unrecognized arguments: --nosuch"),
        (["compare", "--out", "/proc/nothing"], 2, "choose another"),
        (["evaluate", "missing.npz"], 2, "no file is named 'missing.npz'"),
        (["report", "missing"], 3, "is missing a run folder?"),
        ([], 2, "the following arguments are required: COMMAND"),
    ],
)
def test_bad_input_is_one_clear_error(arguments: list[str], code: int, words: str, tmp_path: Path) -> None:
    done = labelsmooth(*arguments, cwd=tmp_path)
    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_a_broken_file_is_exit_code_3(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"not a zip file")
    done = labelsmooth("evaluate", "a.npz", cwd=tmp_path)
    assert done.returncode == 3
    assert "a.npz" in done.stderr
    again = labelsmooth("evaluate", "a.npz", "./a.npz", cwd=tmp_path)
    assert again.returncode == 2
    assert "a.npz is given twice" in again.stderr


def test_a_folder_that_exists_is_exit_code_2(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "file").write_text("")
    done = labelsmooth(*COMPARE, "--out", "run", cwd=tmp_path)
    assert done.returncode == 2
    assert "--resume" in done.stderr


def processes_of_session(session: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = status.read_text().rpartition(")")[2].split()
            if int(fields[3]) == session and fields[0] != "Z":
                found.append(int(status.parent.name))
    return found


def test_D7_killed_in_the_middle_and_resumed_gives_the_same_bits(tmp_path: Path) -> None:
    whole = labelsmooth(*COMPARE, "--out", "whole", cwd=tmp_path)
    assert whole.returncode == 0
    program = "import sys; from labelsmooth.cli import main; main()"
    running = subprocess.Popen(
        [sys.executable, "-c", program, *COMPARE, "--out", "killed"],
        cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    history = tmp_path / "killed" / "history"
    deadline = time.monotonic() + 200
    while not any(history.glob("*.jsonl")) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    while (workers := processes_of_session(running.pid)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert workers == []
    left = len(list(history.glob("*.jsonl")))
    assert left > 0
    again = labelsmooth(*COMPARE, "--out", "killed", "--resume", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    bits = [
        {path.name: path.read_bytes() for path in (tmp_path / run / "predictions").glob("*.npz")}
        for run in ("whole", "killed")
    ]
    assert bits[0] == bits[1]
    assert len(bits[0]) == 12


def test_every_option_of_the_options_classes_is_on_the_command_line() -> None:
    from dataclasses import fields

    from labelsmooth.options import CompareOptions

    asked = cli.parser().parse_args(["compare"])
    assert cli._chosen(asked, CompareOptions) == CompareOptions()
    assert {each.name for each in fields(CompareOptions)} <= set(vars(asked))


def test_the_printed_command_makes_the_same_plan(tmp_path: Path) -> None:
    from labelsmooth.comparison.plan import Plan
    from labelsmooth.comparison.planning import command, make_plan
    from labelsmooth.data import load
    from labelsmooth.options import CompareOptions

    options = CompareOptions(
        scheme=("others",),
        smoothing=(0.1, 0.3),
        seeds=4,
        epochs=2,
        dropout=(0.0, 0.2),
        label_noise=0.2,
        shift=True,
        rivals=("focal", "mixup=0.5"),
    )
    dataset = load("digits", label_noise=0.2, shift=True)
    plan = make_plan(dataset, options)
    asked = cli.parser().parse_args(command(plan).split()[1:])
    again: Plan = make_plan(dataset, cli._chosen(asked, CompareOptions))
    assert again == plan
