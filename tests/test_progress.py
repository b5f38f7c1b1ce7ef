"""Progress: on stderr, only where it takes long, and gone afterwards."""

from __future__ import annotations

import sys
import time

import pytest

from labelsmooth import _progress


def test_what_is_quick_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with _progress.track(3, "measuring", after=30.0) as step:
        step()
    assert capsys.readouterr() == ("", "")


def test_what_takes_longer_is_said_once_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with _progress.track(3, "measuring", after=0.01) as step:
        time.sleep(0.3)
        step()
    assert capsys.readouterr() == ("", "measuring: 3 to do\n")
    with _progress.track(3, "training") as step:
        step()
    assert capsys.readouterr() == ("", "training: 3 to do\n")


def test_nothing_is_shown_when_nobody_asks(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ({"total": 0}, {"total": 5, "show": False}):
        with _progress.track(what="measuring", **arguments) as step:
            step()
    assert capsys.readouterr() == ("", "")


def test_a_terminal_gets_a_bar_with_the_time_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("rich")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with _progress.track(4, "measuring", after=0.01) as step:
        step()
        time.sleep(0.4)
    said = capsys.readouterr()
    assert said.out == ""
    assert "measuring" in said.err and "1/4" in said.err


def test_an_error_passes_and_takes_the_timer_with_it() -> None:
    with pytest.raises(ValueError, match="bad"), _progress.track(1, "measuring", after=30.0):
        raise ValueError("bad")
