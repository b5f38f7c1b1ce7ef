"""D1–D4: no pickle, no bombs, nothing outside the folder, nothing that a terminal or a spreadsheet would act on.

More mutated files by a command: benchmarks/fuzz_inputs.py, docs/evidence/hostile-input.md.
"""

from __future__ import annotations

import ast
import csv
import io
import json
import struct
import subprocess
import sys
import tracemalloc
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labelsmooth import Predictions, _progress, cli, evaluate, report
from labelsmooth._checks import DataError, UsageError
from labelsmooth._terminal import shown, shown_json
from labelsmooth.comparison.plan import DataRequest, Plan, Trial
from labelsmooth.comparison.store import RunFolder, default_path
from labelsmooth.comparison.trials_table import table_of
from labelsmooth.data import load
from labelsmooth.methods import Method
from labelsmooth.report import pictures
from labelsmooth.training import Settings

ROOT = Path(__file__).parents[1]
UNPICKLERS = {"pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
OWN_PROCESSES = {  # between this process and its workers, never from a file
    "comparison/engines/_shared.py",
    "comparison/engines/_server.py",
}
NAMES = [
    "..", "../..", "../../x", "/etc/x", "//x", "a/../../x", "..\\..\\x", "C:\\x", "C:x", "\\\\host\\x", "~", "~/x",
    "~r", "%2e%2e%2fx", "%2e%2e/x", "..%2fx", "..%c0%afx", "$HOME/x", "${HOME}", "`id`", "$(id)", "; rm -rf x",
    "| x", "> x",
    "x\x00y", "x\ny", "x\ry", "\x1b[2J", ".", "...", "-rf", "--out=/tmp/x", "CON", "nul.txt", "a" * 4000,
    "\u2215x\u2215y", "\uff0e\uff0e\uff0fx", "file:///x", "x:stream", "é/\u202e/x",
]  # fmt: skip


def uses_of_pickle(path: Path) -> list[str]:
    """Lines that could unpickle a file."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [alias.name for alias in node.names] + [getattr(node, "module", "") or ""]
            if {name.partition(".")[0] for name in names} & UNPICKLERS:
                found.append(f"{path.name}:{node.lineno}: import")
        if isinstance(node, ast.Call):
            called, given = ast.unparse(node.func), {each.arg: ast.unparse(each.value) for each in node.keywords}
            careless = called in ("torch.load", "torch.jit.load") and given.get("weights_only") != "True"
            plain = called in ("np.load", "numpy.load") and given.get("allow_pickle") != "False"
            asked = given.get("allow_pickle") == "True" or given.get("weights_only") == "False"
            weights = not called.endswith(("Config.from_pretrained", "Tokenizer.from_pretrained"))
            trusting = given.get("trust_remote_code") != "False" or (weights and given.get("use_safetensors") != "True")
            bought = called.endswith(".from_pretrained") and trusting
            always = called.endswith("read_pickle") or called.startswith(("torch.hub.", "torch.package."))
            if careless or plain or asked or bought or always:
                found.append(f"{path.name}:{node.lineno}: {called}")
    return found


def test_D1_nothing_in_the_package_unpickles_a_file() -> None:
    source = ROOT / "src" / "labelsmooth"
    files = [path for path in source.rglob("*.py") if path.relative_to(source).as_posix() not in OWN_PROCESSES]
    assert [line for path in files for line in uses_of_pickle(path)] == []


def test_D1_a_use_of_pickle_is_seen(tmp_path: Path) -> None:
    lines = ["import pickle", "from joblib import load", "torch.load(f)", "np.load(f)", "np.load(f, allow_pickle=True)"]
    lines += ["torch.load(f, weights_only=False)", "pandas.read_pickle(f)", "np.savez(f, allow_pickle=True)"]
    lines += ["AutoModel.from_pretrained(f)", "AutoModel.from_pretrained(f, trust_remote_code=False)"]
    lines += ["AutoTokenizer.from_pretrained(f)", "torch.hub.load(f)", "T.load_from_checkpoint(f, weights_only=False)"]
    lines += ["AutoModel.from_pretrained(f, use_safetensors=True, trust_remote_code=ask)"]
    (tmp_path / "bad.py").write_text("\n".join(lines))
    assert len(uses_of_pickle(tmp_path / "bad.py")) == len(lines)
    good = "np.load(f, allow_pickle=False)\ntorch.load(f, weights_only=True)\n"
    good += "AutoModel.from_pretrained(f, use_safetensors=True, trust_remote_code=False)\n"
    (tmp_path / "good.py").write_text(good + "AutoConfig.from_pretrained(f, trust_remote_code=False)\n")
    assert uses_of_pickle(tmp_path / "good.py") == []


@pytest.fixture
def files() -> dict[str, np.ndarray]:
    return {"test_logits": np.zeros((8, 2), np.float32), "test_labels": np.arange(8) % 2}


def test_D4_an_archive_that_unpacks_a_thousandfold_is_refused(files: dict[str, Any], tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in files.items():
            made = io.BytesIO()
            np.save(made, array)
            archive.writestr(f"{name}.npy", made.getvalue() if name != "test_labels" else b"\0" * 2**27)
    assert (tmp_path / "bomb.npz").stat().st_size < 2**20
    with pytest.raises(DataError, match=r"bomb.npz: array 'test_labels' would unpack \d+ bytes into 134217728"):
        Predictions.load(tmp_path / "bomb.npz")
    with pytest.raises(DataError, match="test_labels"):
        Predictions.load(tmp_path / "bomb.npz", in_memory=False)


def listed(count: int, name: str = "m{:06}") -> bytes:
    """An archive that lists so many empty members, as zip files do, in little more than 46 bytes for each."""
    names = [name.format(number).encode() for number in range(count)]
    entry = struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, *[0] * 7, len(names[0]), *[0] * 6)
    directory = b"".join(entry + each for each in names)
    size = len(directory)
    wide = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, 0)
    found = struct.pack("<4sLQL", b"PK\6\7", 0, size, 1)
    return directory + wide + found + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, *[0xFFFF] * 2, *[0xFFFFFFFF] * 2, 0)


@pytest.mark.parametrize("read", [Predictions.load, lambda path: load(str(path))])
@pytest.mark.parametrize(
    ("count", "name", "said"),
    [
        (4097, "m{:06}", "lists 4097 members, above the limit of 4096 arrays"),
        (600_000, "m{:06}", r"has a list of members of 31800000 bytes, above .* save the arrays that are needed alone"),
        (20, "m{:060000}", r"has a list of members of 1200940 bytes, above the limit"),
    ],
)
def test_D4_an_archive_of_too_many_members_is_refused_by_its_list(
    read: Any, count: int, name: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "many.npz").write_bytes(listed(count, name))
    tracemalloc.start()
    with pytest.raises(DataError, match=f"many.npz: {said}"):
        read(tmp_path / "many.npz")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**24


def test_D4_an_archive_of_many_members_is_read(files: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "some.npz").write_bytes(listed(4096))
    with zipfile.ZipFile(tmp_path / "some.npz") as archive:
        assert len(archive.infolist()) == 4096
    with pytest.raises(DataError, match="test_logits"):
        Predictions.load(tmp_path / "some.npz")
    np.savez(tmp_path / "own.npz", **files, **{f"own_{place}": np.zeros(1) for place in range(2000)})
    assert Predictions.load(tmp_path / "own.npz").test.logits.shape == (8, 2)


@pytest.mark.parametrize("read", [Predictions.load, lambda path: load(str(path))])
def test_D4_a_table_with_too_many_columns_is_refused_by_its_header(read: Any, tmp_path: Path) -> None:
    (tmp_path / "wide.csv").write_text("label" + ",x" * 2**18 + "\n")
    with pytest.raises(DataError, match=r"wide.csv: line 1 has 262145 cells, above the limit of 262144"):
        read(tmp_path / "wide.csv")


def test_D4_a_picture_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    """A PNG of 60000 x 60000 pixels in some hundred bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0))
    bomb = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for number in range(9):
            (tmp_path / name / f"{number}.png").write_bytes(bomb)
    with pytest.raises(DataError, match="50 million"):
        load(str(tmp_path))


def test_there_are_forty_names() -> None:
    assert len(set(NAMES)) == 40


def test_D3_no_name_writes_outside_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of data, methods and files, as run folders, trials and figures take them."""
    inside = tmp_path / "a" / "b" / "c"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)
    for name in NAMES:
        plan = Plan(DataRequest(name, source=name), (Method(name, "hard"),), (0,), Settings("mlp", 1, 64, 2e-3))
        folder = RunFolder.create(default_path(plan), plan, resume=False)
        trial = Trial(plan.data, plan.methods[0], plan.settings, 0)
        folder.fail(trial, name)
        assert folder.reason(trial) == name
        folder.close()
    written = {path.relative_to(inside).parts[0] for path in inside.rglob("*")}
    assert written == {"runs"}
    assert [path for path in tmp_path.rglob("*") if path.is_file() and inside not in path.parents] == []


def test_D3_no_name_in_predictions_writes_outside_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)
    rng = np.random.default_rng(0)
    labels, logits = rng.integers(0, 40, 400), rng.normal(size=(400, 40))
    classes = [name[:300] for name in NAMES]
    hostile = [
        Predictions(logits + place, labels, classes=classes, meta={"method": name, "data": name, "model": name})
        for place, name in enumerate(NAMES[:2])
    ]
    result = evaluate(hostile, out="out", progress=False)
    assert result.path is not None
    pictures.write(result.results, "out/figures")
    (inside / "out" / "trials.csv").write_text(table_of([{"method": name} for name in NAMES]), encoding="utf-8")
    assert {path.relative_to(tmp_path).parts[:3] for path in tmp_path.rglob("*") if path.is_file()} == {
        ("a", "b", "out")
    }
    assert report.render(result.results)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", " =", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_no_text_is_a_formula_in_a_spreadsheet(start: str) -> None:
    text = f"{start}cmd|' /C calc'!A0"
    kept = text.replace("\r", "\n")
    rows = list(csv.DictReader(io.StringIO(table_of([{"method": text, "nll": -0.5, "seed": 3}]), newline="")))
    assert rows == [{"method": f"'{kept}", "nll": "-0.5", "seed": "3"}]


HARMFUL = "\x1b]0;owned\x07\x1b[2J\x9b31m\r\x08\x7f\u202eabc\u2066\ud800\x00end"


def test_a_terminal_obeys_no_name(capsys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown("tab\tline\né ✓") == "tab\tline\né ✓"
    assert json.loads(shown_json({HARMFUL: [HARMFUL]})) == {HARMFUL: [HARMFUL]}
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for name, file in (("hard", "a"), (HARMFUL[:-4], "b")):
        meta = {"method": name.replace("\ud800", ""), "data": "x"}
        Predictions(rng.normal(size=(200, 2)), np.arange(200) % 2, meta=meta).save(file)
    assert cli.run(["evaluate", "a.npz", "b.npz"]) == 0
    assert cli.run(["evaluate", "a.npz", "b.npz", "--json"]) == 0
    cli.run(["evaluate", "\x1b[31mno\x9b1m.npz"])
    cli.run(["compare", "\x1b[31mno.csv"])
    _progress.say(HARMFUL)
    with _progress.track(3, HARMFUL):
        pass
    told = "".join(capsys.readouterr())
    assert "owned" in told and "no.csv" in told
    assert not set(told) & set("\x1b\x07\x9b\r\x08\x7f\u202e\u2066\ud800\x00")


@pytest.mark.parametrize("content", ["[" * 10**5, "{", '{"a": 1e999', "\udcff", "[1]", "null", '{"verdict": 5}'])
def test_a_damaged_results_file_is_refused_in_words_or_shown(content: str, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "results.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    assert cli.run(["report", str(tmp_path)]) in (0, 3)
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "changed", [{"seeds": "0"}, {"seeds": [0.5]}, {"methods": [5]}, {"data": {"name": 3}}, {"min_effect": "x"}]
)
def test_a_damaged_plan_is_refused_in_words(changed: dict[str, Any]) -> None:
    plan = Plan(DataRequest("digits"), (Method("hard", "hard"),), (0,), Settings("mlp", 1, 64, 2e-3)).to_dict()
    with pytest.raises((DataError, UsageError)):
        Plan.from_dict({**plan, **changed})


def test_five_hundred_mutated_files() -> None:
    fuzz = [sys.executable, str(ROOT / "benchmarks" / "fuzz_inputs.py"), "--count", "500"]
    done = subprocess.run(fuzz, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "500 files: 0 tracebacks or hangs" in done.stdout


@pytest.mark.parametrize("name", ["\ud800.csv", "x" * 5000 + ".csv", "a\0b.csv"])
def test_a_name_that_no_file_can_have_is_refused_in_words(name: str) -> None:
    with pytest.raises(UsageError, match="data must be one of"):
        load(name)
