"""The bench: what is right is timed, what is wrong is not; ratios, warnings, the record."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema
import numpy as np
import oracle
import pytest
import torch
from judge import numbers
from oracle import REAL

from labelsmooth import cli, losses
from labelsmooth.bench import _beside, _inputs, _machine, _report, _run, _sizes, _timing
from labelsmooth.bench._contestants import CONTESTANTS, named
from labelsmooth.options import BenchOptions

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "bench.schema.json").read_text(encoding="utf-8"))
TINY = BenchOptions(size=("8x10",), threads=(1,), rounds=2)
SMALL = {
    "plain": _sizes.Size("plain", (7, 5)),
    "map": _sizes.Size("map", (2, 5, 3, 2)),
    "prior": _sizes.Size("prior", (7, 5), scheme="prior"),
    "matrix": _sizes.Size("matrix", (7, 5), scheme="matrix"),
    "rows": _sizes.Size("rows", (7, 5), scheme="rows"),
    "probabilities": _sizes.Size("probabilities", (7, 5), target="probabilities"),
    "head": _sizes.Size("head", (7, 5), features=3),
}


@pytest.fixture(autouse=True)
def in_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch with huge pages is a process of its own, which takes seconds to start; one test starts it."""
    monkeypatch.setattr(_machine, "huge_pages", lambda: None)


def told(inputs: _inputs.Inputs) -> dict[str, Any]:
    """The inputs' scheme in the oracle's words."""
    if inputs.prior is not None:
        return {"amount": 0.1, "spread": numbers(inputs.prior)}
    if inputs.table is not None:
        return {"amount": 0.1, "spread": numbers(inputs.table)}
    return {"amount": 0.1} if inputs.amounts is None else {"amount_by_row": numbers(inputs.amounts)}


@pytest.mark.parametrize("name", SMALL)
def test_what_results_are_held_to_is_the_oracle(name: str) -> None:
    inputs = _inputs.make(SMALL[name])
    found = _inputs.truth(inputs)
    if inputs.logits is None:
        hidden, matrix = (numbers(x).astype(REAL) for x in inputs.leaves)
        z: Any = hidden @ matrix.T
    else:
        z = numbers(inputs.logits)
    target = inputs.labels if inputs.given is None else inputs.given
    answer = oracle.cross_entropy(z, numbers(target), **told(inputs))
    expected = (
        [answer.gradient] if inputs.logits is not None else [answer.gradient @ matrix, answer.gradient.T @ hidden]
    )
    assert found.loss == pytest.approx(float(answer.loss), rel=1e-7)
    for got, right in zip(found.gradients, expected, strict=True):
        assert np.abs(numbers(got) - right).max() <= 1e-7 * np.abs(right).max()


@pytest.mark.parametrize("name", SMALL)
def test_every_contestant_is_right(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "compile", lambda function: function)
    inputs = _inputs.make(SMALL[name])
    ready, left = _run._checked(inputs, replace(TINY, compile=True), "cpu")
    assert [line for line in left if line.status == "wrong"] == []
    assert {each.name for each in ready} >= {"labelsmooth", "torch"}


def test_the_floor_is_what_a_divergence_leaves_out() -> None:
    inputs = _inputs.make(SMALL["plain"])
    q = np.array([0.9, *[0.1 / 4] * 4], REAL)
    assert _inputs.truth(inputs, "others").floor == pytest.approx(float(-(q * np.log(q)).sum()), rel=1e-12)


WRONG = {
    "loss": lambda loss: loss * 1.001,
    "gradient": lambda loss: loss.detach() + 1.001 * (loss - loss.detach()),
    "nan": lambda loss: loss * torch.nan,
}


@pytest.mark.parametrize("how", WRONG)
def test_a_sabotaged_loss_is_not_timed_and_exits_with_1(
    how: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    right = losses.cross_entropy
    monkeypatch.setattr(losses, "cross_entropy", lambda *given, **more: WRONG[how](right(*given, **more)))
    assert cli.run(["bench", "--size", "8x10", "--threads", "1", "--rounds", "1"]) == 1
    shown = capsys.readouterr().out
    assert "labelsmooth" in shown and "WRONG: " in shown
    report = _run.bench(TINY)
    (line,) = (line for line in report.lines if line.contestant == "labelsmooth")
    assert (line.status, line.ms, report.passed) == ("wrong", None, False)


def test_a_peer_that_is_wrong_is_shown_and_does_not_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    peer = ModuleType("timm.loss")
    peer.LabelSmoothingCrossEntropy = lambda amount: lambda z, y: losses.cross_entropy(z, y)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "timm", ModuleType("timm"))
    monkeypatch.setitem(sys.modules, "timm.loss", peer)
    report = _run.bench(TINY)
    assert report.passed and {line.contestant: line.status for line in report.lines}["timm"] == "wrong"
    peer.LabelSmoothingCrossEntropy = lambda amount: lambda z, y: losses.cross_entropy(z, y, label_smoothing=amount)  # type: ignore[attr-defined]
    assert {line.contestant: line.status for line in _run.bench(TINY).lines}["timm"] == "right"


def test_a_ratio_is_the_median_of_pairs() -> None:
    assert _timing.ratio([2.0, 40.0, 6.0], [1.0, 10.0, 1.0]) == 4.0
    assert _timing.ratio([1.0, 1.0, 1.0], [2.0, 2.0, 9.0]) == 0.5


def test_contestants_take_turns_and_the_first_moves_on() -> None:
    order: list[str] = []

    def runner(name: str, seconds: float) -> _timing.Run:
        return lambda repeats: order.append(f"{name}{repeats}") or seconds

    found = _timing.in_turns({"a": runner("a", 0.001), "b": runner("b", 1.0)}, 3)
    assert found == {"a": [0.001] * 3, "b": [1.0] * 3}
    assert order == ["a1", "b1", "a5", "b1", "b1", "a5", "a5", "b1"]


def test_a_busy_machine_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert _machine.busy(0.4, 2) is None and _machine.busy(None, 2) is None
    assert "9.1 processes want its 2 cores" in str(_machine.busy(9.1, 2))
    monkeypatch.setattr(_machine, "load", lambda: 1000.0)
    report = _run.bench(TINY)
    assert "1000 processes" in report.warnings[0]
    assert "busy" in capsys.readouterr().err


def test_the_mode_of_huge_pages_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    setting = tmp_path / "enabled"
    setting.write_text("always [madvise] never\n", encoding="ascii")
    assert _machine.huge_pages(setting) == "madvise"
    assert _machine.huge_pages(tmp_path / "none") is None


def test_the_record_follows_its_schema_and_names_no_host(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = ["--size", "8x10", "head-16x8x50"]
    assert cli.run(["bench", *sizes, "--threads", "1", "2", "--rounds", "2", "--json", "--save", str(tmp_path)]) == 0
    printed = json.loads(capsys.readouterr().out)
    jsonschema.validate(printed, SCHEMA)
    (saved,) = tmp_path.iterdir()
    assert json.loads(saved.read_text(encoding="utf-8")) == printed
    assert saved.name.startswith(printed["created"][:10])
    assert set(printed["machine"]) == {"cpu", "cores", "torch_instruction_set", "kernel", "huge_pages", "load"}
    ours = [line for line in printed["lines"] if line["contestant"] == "labelsmooth"]
    assert [(line["size"], line["threads"]) for line in ours] == [(s, t) for s in sizes[1:] for t in (1, 2)]
    assert all(line["ms"] > 0 and line["times_torch"] > 0 for line in ours)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**printed, "lines": [{**ours[0], "status": "fast"}]}, SCHEMA)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--size", "1x1"], "there is no size 1x1; there are: 128x10"),
        (["--size", "8x10", "--threads", "0"], "--threads must be at least 1"),
        (["--size", "8x10", "--rounds", "0"], "--rounds must be at least 1"),
        (["--device", "tpu"], "--device must be cpu or cuda"),
    ],
)
def test_wrong_options_are_refused(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["bench", *arguments]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")
def test_memory_and_huge_pages_come_from_processes_beside() -> None:
    found = _beside.added_memory([("torch", "8192x1000"), ("labelsmooth", "8192x1000")])
    assert found == [None, None] or all(mib is not None and 28 <= mib <= 200 for mib in found)
    with _beside.with_huge_pages("torch", "8x10", 1) as run:
        assert 0 < run(2) < 10


def test_threads_are_as_before_afterwards() -> None:
    before = torch.get_num_threads()
    _run.bench(replace(TINY, threads=(before + 1,)))
    assert torch.get_num_threads() == before


def test_the_table_shows_every_line() -> None:
    report = _run.bench(replace(TINY, size=("8x10", "head-16x8x50")))
    shown = str(report)
    for line in report.lines:
        assert line.contestant in shown
    assert "x torch" in shown and _report.Line("s", 1, "c", "right") == _report.Line("s", 1, "c", "right")


def test_names_load_no_torch() -> None:
    program = "import sys; from labelsmooth.bench import names; names(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
    assert len({each.name for each in CONTESTANTS}) == len(CONTESTANTS) and named("torch").name == "torch"
