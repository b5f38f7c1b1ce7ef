"""D7: worker processes whose parent was killed end soon, and say nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from labelsmooth.comparison.engines import _server, _worker

PROGRAM = "from labelsmooth.cli import main; main()"
WORDS = ["compare", "mixture", "--model", "linear", "--epochs", "1", "--smoothing", "0.1", "--seeds", "400"]


def started(path: Path) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", PROGRAM, *WORDS, "--jobs", "2", "--out", "run"]
    return subprocess.Popen(words, cwd=path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def serves(process: int) -> bool:
    """Whether a child of the process is its fork server."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return any(b"forkserver" in Path(f"/proc/{child}/cmdline").read_bytes() for child in children)


def killed(running: subprocess.Popen[str]) -> list[str]:
    """What is said after all processes that could say something are gone."""
    running.kill()
    said = running.communicate(timeout=60)[1]
    assert running.returncode == -9
    return [line for line in said.splitlines() if not line.startswith("training 2 methods")]


@pytest.mark.skipif(sys.platform != "linux", reason="the fork server is looked for in /proc")
def test_D7_workers_whose_parent_is_killed_as_it_describes_them_say_nothing(tmp_path: Path) -> None:
    """The server loads torch for a second before it forks; its parent waits with half of what a worker is told."""
    running = started(tmp_path)
    while running.poll() is None and not serves(running.pid):
        time.sleep(0.01)
    time.sleep(0.3)
    assert killed(running) == []


def test_D7_workers_of_a_killed_parent_end_and_say_nothing(tmp_path: Path) -> None:
    running = started(tmp_path)
    while running.poll() is None and not list(tmp_path.glob("run/history/*.jsonl")):
        time.sleep(0.01)
    assert killed(running) == []


class Parent:
    """What a worker knows of its parent: a handle that is ready once it is gone."""

    def __init__(self, sentinel: Any) -> None:
        self.sentinel = sentinel


class Broken:
    def recv(self) -> None:
        raise ConnectionResetError("the other end is gone")


@pytest.fixture
def parent(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A parent that is there until the pipe that is given back is closed."""
    ours, theirs = _worker._CONTEXT.Pipe()
    monkeypatch.setattr(_worker, "parent_process", lambda: Parent(ours))
    monkeypatch.setattr(_worker, "_end_with_parent", lambda: None)
    monkeypatch.setattr(_worker.signal, "signal", lambda *_: None)
    monkeypatch.setattr(_worker.torch, "set_num_threads", lambda _: None)
    yield theirs
    for end in (ours, theirs):
        end.close()


def serve() -> None:
    _worker._serve(Broken(), None, None, None)  # type: ignore[arg-type]


def test_a_broken_pipe_is_an_error_where_the_parent_is_there(parent: Any) -> None:
    with pytest.raises(ConnectionResetError):
        serve()


def test_a_broken_pipe_is_none_where_the_parent_is_gone(parent: Any) -> None:
    parent.close()
    serve()


@pytest.mark.parametrize(
    ("error", "module", "silent"),
    [
        ("EOFError", "multiprocessing.forkserver", True),
        ("UnpicklingError", "multiprocessing.forkserver", True),
        ("ImportError", "multiprocessing.forkserver", False),
        ("EOFError", "a.module.of.ones.own", False),
    ],
)
def test_the_fork_server_is_silent_about_broken_off_descriptions_alone(
    error: str, module: str, silent: bool, capsys: Any
) -> None:
    with pytest.raises(Exception, match="broken off") as caught:
        exec(f"from pickle import UnpicklingError\nraise {error}('broken off')", {"__name__": module})
    assert caught.tb.tb_next is not None and caught.tb.tb_next.tb_frame.f_globals["__name__"] == module
    _server.said(type(caught.value), caught.value, caught.tb.tb_next)
    assert (capsys.readouterr().err == "") == silent
