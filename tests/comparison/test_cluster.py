"""A cluster that is not there is noticed before anything is written. Ray itself is played: benchmarks/ray_engine.py
runs the real one."""

from __future__ import annotations

import socket
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from labelsmooth import cli, compare, tune
from labelsmooth._checks import UsageError
from labelsmooth.comparison import engines


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What Ray answers: ValueError for words that are no address, ConnectionError where no cluster is."""
    played: Any = ModuleType("ray")
    played.asked, played.open = [], False

    def init(address: str, **_: Any) -> None:
        played.asked.append(address)
        if address == "auto":
            raise ConnectionError("Could not find any running Ray instance.\nPlease specify the one to connect to.")
        if ":" not in address:
            raise ValueError(f"Invalid address format: {address}")
        played.open = True

    def shutdown() -> None:
        played.open = False

    played.init, played.shutdown, played.is_initialized = init, shutdown, lambda: played.open
    monkeypatch.setitem(sys.modules, "ray", played)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    return played


@pytest.fixture
def nobody() -> str:
    """An address at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{taken.getsockname()[1]}"


def test_a_wrong_address_is_noticed_before_the_folder_is_made(
    ray: Any, nobody: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    for command in ("compare", "tune"):
        for address in ("nonsense", nobody, f"ray://{nobody}", "auto", "[::1]:99999"):
            begin = time.monotonic()
            assert cli.run([command, "digits", "--engine", "ray", "--address", address]) == 2
            assert time.monotonic() - begin < 10
            said = capsys.readouterr()
            assert said.out == "" and said.err.count("\n") == 1
            assert (
                f"there is no Ray cluster at '{address}'" in said.err
                and "give the --address of one that runs" in said.err
            )
            assert list(tmp_path.iterdir()) == []
    assert ray.asked == 2 * ["nonsense", "auto"]


def test_the_address_of_the_environment_is_the_one_that_is_named(
    ray: Any, nobody: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", nobody)
    with pytest.raises(UsageError, match=f"there is no Ray cluster at '{nobody}'"):
        compare("digits", engine="ray", out=tmp_path / "run")
    with pytest.raises(UsageError, match=f"there is no Ray cluster at '{nobody}'"):
        tune("digits", engine="ray", out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_connection_is_ended_and_one_that_was_there_is_left(ray: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"127.0.0.1:{listening.getsockname()[1]}"
        with engines.connected("ray", address):
            assert ray.open
            with engines.connected("ray", address):
                assert ray.asked == [address]
            assert ray.open
        assert not ray.open
    with engines.connected("processes"), engines.connected("inline"):
        assert ray.asked == [address]
