"""`labelsmooth evaluate`: figures against numpy, files grouped, conditions, and every bad input by its sentence."""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from labelsmooth import Predictions, cli, evaluate
from labelsmooth._checks import DataError, UsageError
from labelsmooth.comparison import fail_if
from labelsmooth.comparison._naming import called
from labelsmooth.comparison.gathering import sources

SCHEMA = json.loads((Path(__file__).parents[1] / "docs" / "results.schema.json").read_text("utf-8"))
LABELS = np.arange(240) % 4
VAL_LABELS = np.arange(80) % 4


def logits(seed: int, labels: np.ndarray = LABELS, scale: float = 1.0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=(len(labels), 4))
    return (scale * (noise + 2 * np.eye(4)[labels])).astype(np.float32)


def made(seed: int = 0, scale: float = 1.0, val: bool = True, **changes: Any) -> Predictions:
    more = {"val_logits": logits(seed + 500, VAL_LABELS, scale), "val_labels": VAL_LABELS} if val else {}
    return Predictions(**{"logits": logits(seed, scale=scale), "labels": LABELS, **more, **changes})


def run(capsys: pytest.CaptureFixture[str], *arguments: Any) -> tuple[int, str, str]:
    """The command in this process: its code, what it printed and what it said on stderr."""
    code = cli.run(["evaluate", *map(str, arguments)])
    return code, *capsys.readouterr()


def checked(results: dict[str, Any]) -> dict[str, Any]:
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(json.dumps(results, allow_nan=False)))
    return results


# One model


def test_a_single_model_gets_its_figures_and_no_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = made(scale=2.0).save(tmp_path / "model.npz")
    code, out, err = run(capsys, path)
    assert (code, err) == (0, "")
    assert "No verdict: 'model' is the only model, and a verdict needs a second one" in out
    assert "H*" not in out and "Verdict (" not in out
    code, text, _ = run(capsys, path, "--json")
    found = checked(json.loads(text))
    assert (code, found["verdict"]) == (0, None)
    given = logits(0, scale=2.0)
    probs = softmax(given.astype(float), axis=1)
    right = probs.argmax(1) == LABELS
    before = {name: value["mean"] for name, value in found["methods"][0]["before"].items()}
    assert before["nll"] == pytest.approx(-log_softmax(given.astype(float), axis=1)[np.arange(240), LABELS].mean())
    assert before["accuracy"] == pytest.approx(right.mean())
    assert before["brier"] == pytest.approx(((probs - np.eye(4)[LABELS]) ** 2).sum(axis=1).mean())
    assert before["signed_gap"] == pytest.approx(probs.max(1).mean() - right.mean())
    assert found["run"]["command"] == f"labelsmooth evaluate {path}"


def test_the_page_of_a_single_model_says_why_there_is_no_verdict(tmp_path: Path) -> None:
    result = evaluate(made().save(tmp_path / "model.npz"), out=tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "No verdict" in page and "is the only model" in page
    assert "None" not in page
    assert result.verdict == {}
    assert repr(result) == "<Comparison without a verdict>"
    assert json.loads((tmp_path / "out" / "results.json").read_text("utf-8")) == result.results
    assert "is the only model" in result._repr_html_()


def test_several_seeds_of_one_method_are_one_line(tmp_path: Path) -> None:
    for seed in range(3):
        made(seed).save(tmp_path / f"hard-{seed}.npz")
    result = evaluate({"hard": str(tmp_path / "hard-*.npz")})
    assert [(row["method"], row["seeds"]) for row in result.table] == [("hard", 3)]
    assert result.notes[0].startswith("no verdict: 'hard' is the only model")


def test_without_validation_rows_the_output_says_how_the_temperature_was_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = made(val=False).save(tmp_path / "model.npz")
    _, out, _ = run(capsys, path)
    assert "Note: temperature crosswise: there is no validation split, so each fifth of the test rows got the" in out
    _, out, _ = run(capsys, made().save(tmp_path / "other.npz"))
    assert "crosswise" not in out


def test_of_very_many_rows_a_part_is_fitted_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    from labelsmooth.comparison import _tempered

    whole = evaluate(made(val=False, scale=3.0))
    monkeypatch.setattr(_tempered, "ENOUGH_ROWS", 100)
    monkeypatch.setattr(_tempered, "ENOUGH_CELLS", 100)
    part = evaluate(made(val=False, scale=3.0))
    assert "of the other four, fitted on 100 rows drawn from them (a group" in part.notes[1]
    assert "drawn from them" not in whole.notes[1]
    temperatures = [each.table[0]["temperature"]["mean"] for each in (whole, part)]
    assert temperatures[0] != temperatures[1]
    assert temperatures[1] == pytest.approx(temperatures[0], rel=0.2)


def test_classes_without_a_test_row_and_clipped_probabilities_are_said() -> None:
    probs = np.eye(4)[LABELS[:120] % 3]
    notes = evaluate(Predictions(probs=probs, labels=LABELS[:120] % 3, classes=list("abcd"))).notes
    assert any(note.startswith("classes without a test row: 'd'; what is measured says nothing") for note in notes)
    assert any(note.startswith("probabilities of 0: 360 were raised to 1.2e-38") for note in notes)


# Many files: who is who


@pytest.mark.parametrize(
    "names, methods, seeds",
    [
        (["hard-0.npz", "hard-1.npz", "ls-0.npz", "ls-1.npz"], ["hard", "hard", "ls", "ls"], [0, 1, 0, 1]),
        (["hard/0.npz", "hard/1.npz", "ls/0.npz", "ls/1.npz"], ["hard", "hard", "ls", "ls"], [0, 1, 0, 1]),
        (["a/hard-3.npz", "b/hard-3.npz"], ["a/hard", "b/hard"], [3, 3]),
        (["resnet-50.npz", "resnet-101.npz"], ["resnet-50", "resnet-101"], [None, None]),
        (["resnet-50.npz", "vgg-16.npz"], ["resnet-50", "vgg-16"], [None, None]),
        (["m_seed1.npz", "m_seed2.npz"], ["m", "m"], [1, 2]),
        (["x.csv", "y.npz"], ["x", "y"], [None, None]),
        (["a/preds.npz", "b/preds.npz"], ["a/preds", "b/preds"], [None, None]),
        (["x/a/preds.npz", "y/a/preds.npz", "z.npz"], ["x/a/preds", "y/a/preds", "z"], [None, None, None]),
        (["x/a/0.npz", "y/a/0.npz", "b/0.npz"], ["x/a", "y/a", "b"], [0, 0, 0]),
        (["0.npz", "1.npz"], ["0", "1"], [None, None]),
    ],
)
def test_plain_files_are_called_by_their_names(names: list[str], methods: list[str], seeds: list[int | None]) -> None:
    found = called([Path(name) for name in names])
    assert [each.method for each in found] == methods
    assert [each.seed for each in found] == seeds


def test_a_plain_list_is_grouped_into_methods_and_seeds(tmp_path: Path) -> None:
    for seed in (1, 2, 10):
        for method, scale in (("hard", 2.0), ("ls", 1.0)):
            (tmp_path / method).mkdir(exist_ok=True)
            made(seed + len(method), scale).save(tmp_path / method / f"{seed}.npz")
    by_list = evaluate(sorted(tmp_path.glob("*/*.npz"), reverse=True))
    assert (by_list.verdict["hard"]["method"], by_list.verdict["smooth"]["method"]) == ("hard", "ls")
    assert by_list.verdict["seeds"] == 3
    assert by_list.results["run"]["settings"]["seeds"] == [1, 2, 10]
    by_pattern = evaluate([f"ls={tmp_path}/ls/*.npz", f"hard={tmp_path}/hard/*.npz"])
    by_folder = evaluate({"hard": tmp_path / "hard", "ls": tmp_path / "ls"})
    assert by_pattern.verdict == by_folder.verdict == by_list.verdict


def test_seeds_are_paired_by_the_numbers_of_their_files(tmp_path: Path) -> None:
    for method, seeds in (("hard", (0, 1, 2, 10)), ("ls", (0, 2, 10))):
        for seed in seeds:
            made(seed).save(tmp_path / f"{method}-{seed}.npz")
    verdict = evaluate({name: f"{tmp_path}/{name}-*.npz" for name in ("hard", "ls")}).verdict
    assert verdict["reasons"][0] == "missing pairs: ls has no seed 1"
    single = evaluate({"hard": tmp_path / "hard-1.npz", "ls": tmp_path / "ls-2.npz"}).verdict
    assert single["seeds"] == 1


def test_the_same_name_twice_is_one_method(tmp_path: Path) -> None:
    paths = [made(seed).save(tmp_path / f"{name}.npz") for seed, name in enumerate("abc")]
    found = sources([f"hard={paths[0]}", f"ls={paths[2]}", f"hard={paths[1]}"])
    assert [(each.called.method, each.called.seed) for each in found] == [("hard", 0), ("ls", 0), ("hard", 1)]


def test_which_one_is_unsmoothed_is_said_by_name_or_assumed_aloud(tmp_path: Path) -> None:
    first, second = made(1).save(tmp_path / "a.npz"), made(2).save(tmp_path / "b.npz")
    by_name = evaluate({"soft": first, "hard labels": second})
    assert by_name.verdict["hard"]["method"] == "hard labels"
    assert by_name.notes == []
    plain = evaluate([first, second])
    assert (plain.verdict["hard"]["method"], plain.verdict["smooth"]["method"]) == ("a", "b")
    assert plain.notes == [
        "assumed: 'a' is taken as unsmoothed because it came first; say it by hard=FILE, or by family "
        '("hard" or "smooth") in the meta of the files'
    ]
    assert plain.notes[0] in plain.verdict["reasons"]
    assert "Note: assumed: 'a' is taken" in str(plain)


def test_what_files_say_of_themselves_wins_over_their_names(tmp_path: Path) -> None:
    files = [
        made(1, meta={"method": "uniform 0.1", "label_smoothing": 0.1, "seed": 7}).save(tmp_path / "hard-0.npz"),
        made(2, meta={"label_smoothing": 0.0, "seed": "7"}).save(tmp_path / "ls-0.npz"),
    ]
    verdict = evaluate(files).verdict
    assert (verdict["hard"]["method"], verdict["smooth"]["method"]) == ("hard", "uniform 0.1")
    assert verdict["seeds"] == 1


def test_formats_may_be_mixed_and_columns_are_matched_by_name(tmp_path: Path) -> None:
    names = ["cat", "dog", "owl", "pig"]
    hard = made(1, 2.0, val=False, classes=names, ids=[f"r{i}" for i in range(240)])
    smooth = made(2, 1.0, val=False, classes=names, ids=[f"r{i}" for i in range(240)])
    expected = evaluate({"hard": hard, "smooth": smooth})
    order = [2, 0, 3, 1]
    lines = ["id,label," + ",".join(f"logit:{names[k]}" for k in order)]
    for row in np.random.default_rng(0).permutation(240):
        numbers = ",".join(repr(float(smooth.test.logits[row, k])) for k in order)
        lines.append(f"r{row},{names[LABELS[row]]},{numbers}")
    (tmp_path / "smooth.csv").write_text("\n".join(lines))
    hard.save(tmp_path / "hard.npz")
    found = evaluate([tmp_path / "hard.npz", tmp_path / "smooth.csv"])
    assert found.verdict["difference"] == pytest.approx(expected.verdict["difference"], rel=1e-12)
    assert found.results["data"]["classes"] == names


def test_logits_and_probabilities_of_tables_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    probs = softmax(logits(0).astype(float), axis=1)
    rows = [",".join(["abcd"[y], *map(repr, p.tolist())]) for y, p in zip(LABELS, probs, strict=True)]
    (tmp_path / "m.csv").write_text("\n".join(["label,a,b,c,d", *rows]))
    path = tmp_path / "m.csv"
    code, _, err = run(capsys, path)
    assert code == 3
    assert "or say --logits or --probs" in err
    code, text, _ = run(capsys, path, "--probs", "--json")
    assert code == 0
    found = json.loads(text)
    direct = evaluate(made(val=False)).table[0]["before"]["nll"]["mean"]
    assert found["methods"][0]["before"]["nll"]["mean"] == pytest.approx(direct)
    assert found["run"]["command"].endswith(".csv --probs")
    assert run(capsys, path, "--probs", "--logits")[0] == 2


# --fail-if


@pytest.mark.parametrize(
    "text, method, stage, metric, operator, number",
    [
        ("nll > 0.5", None, "after", "nll", ">", 0.5),
        (" before.ece>=1e-2 ", None, "before", "ece", ">=", 0.01),
        ("after.accuracy<.9", None, "after", "accuracy", "<", 0.9),
        ("uniform 0.1: signed_gap != -0.1", "uniform 0.1", "after", "signed_gap", "!=", -0.1),
        ("S*:brier <= 2", "S*", "after", "brier", "<=", 2.0),
        ("a: b: aurc == 0", "a: b", "after", "aurc", "==", 0.0),
    ],
)
def test_conditions_are_understood(
    text: str, method: Any, stage: str, metric: str, operator: str, number: float
) -> None:
    found = fail_if.parse(text)
    assert (found.method, found.stage, found.metric, found.operator, found.number) == (
        method, stage, metric, operator, number,
    )  # fmt: skip


@pytest.mark.parametrize(
    "text, words",
    [
        ("nll", "expected METRIC OPERATOR NUMBER, such as 'nll > 0.5'"),
        ("", "expected METRIC OPERATOR NUMBER"),
        ("nll > 0.5 or ece > 1", "expected METRIC OPERATOR NUMBER"),
        ("nll > high", "'high' is no number"),
        ("nll > nan", "expected a finite number; got 'nan'"),
        ("loss > 1", "there is no metric 'loss'; there are accuracy, nll, brier, signed_gap, ece, ece_null, aurc, con"),
        ("during.nll > 1", "there is no stage 'during'; there are before, after"),
        ("nll => 1", "there is no operator '=>'; there are <=, >=, ==, !=, <, >"),
        ("__import__('os').nll > 1", "expected METRIC OPERATOR NUMBER"),
        ("teacher: nll > 1", "there is no method 'teacher'; there are hard, ls"),
        ("true_calibration_error > 1", "true_calibration_error is not known for 'hard'"),
    ],
)
def test_conditions_that_are_none_are_a_usage_error_and_nothing_is_written(
    text: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [made(seed).save(tmp_path / f"{name}-0.npz") for seed, name in enumerate(("hard", "ls"))]
    code, out, err = run(capsys, *files, "--fail-if", text, "--out", tmp_path / "out")
    assert (code, out) == (2, "")
    assert words in err
    assert not (tmp_path / "out").exists()


def test_a_condition_that_holds_is_exit_code_4_and_everything_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hard, soft = made(1, 9.0).save(tmp_path / "hard-0.npz"), made(2, 1.0).save(tmp_path / "ls-0.npz")
    table = {row["method"]: row for row in evaluate([hard, soft]).table}
    value = table["hard"]["before"]["nll"]["mean"]
    assert value > table["ls"]["before"]["nll"]["mean"]
    asked = ["--fail-if", f"before.nll >= {value!r}", "--fail-if", "accuracy > 2"]
    code, out, err = run(capsys, hard, soft, *asked, "--out", tmp_path / "out")
    assert code == 4
    assert "Verdict (" in out
    assert err == f"labelsmooth: --fail-if: before.nll >= {value!r} holds for hard (last): before.nll is {value:.6g}\n"
    assert (tmp_path / "out" / "results.json").exists()
    for text, expected in ((f"ls: before.nll >= {value!r}", 0), (f"H*: before.nll >= {value!r}", 4), ("nll < 9", 4)):
        assert run(capsys, hard, soft, "--fail-if", text)[0] == expected
    code, out, _ = run(capsys, hard, soft, "--fail-if", "nll < 9", "--json")
    assert code == 4
    assert json.loads(out)["verdict"]["code"] == "open"


def test_an_infinite_nll_meets_the_condition() -> None:
    masked = logits(0)
    masked[5, LABELS[5]] = -np.inf
    result = evaluate(made(logits=masked), fail_if="before.nll > 0.5")
    assert result.table[0]["before"]["nll"]["mean"] is None
    assert result.failures == ["before.nll > 0.5 holds for model 1 (last): before.nll is inf"]
    assert evaluate(made(logits=masked), fail_if=("before.nll < 0.5", "before.nll != 1")).failures != []


def test_compare_knows_the_methods_before_it_trains(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["compare", "digits", "--smoothing", "0.1", "--out", str(tmp_path / "run"), "--fail-if"]
    for text, words in (("uniform 0.2: nll > 1", "there are hard, uniform 0.1"), ("loss > 1", "there is no metric")):
        assert cli.run([*arguments, text]) == 2
        assert words in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_compare_ends_with_the_condition(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["compare", "digits", "--smoothing", "0.1", "--epochs", "1", "--seeds", "1", "--engine", "inline"]
    asked = ["--fail-if", "H*: accuracy < 2", "--out", str(tmp_path / "run")]
    assert cli.run([*arguments, *asked]) == 4
    said = capsys.readouterr()
    assert "--fail-if: H*: accuracy < 2 holds for hard" in said.err
    assert (tmp_path / "run" / "report.html").exists()


# Bad input: exit code 3, one sentence with file and place, nothing written

Maker = Callable[[Path], list[Path]]


def pair(**changes: Any) -> Maker:
    """A good file a.npz, and b.npz with changes."""

    def write(folder: Path) -> list[Path]:
        return [made().save(folder / "a.npz"), made(1, **changes).save(folder / "b.npz")]

    return write


def arrays(**changes: Any) -> Maker:
    """One file with these arrays in place of good ones; None leaves one out."""

    def write(folder: Path) -> list[Path]:
        good = {"test_logits": logits(0), "test_labels": LABELS}
        given = {name: array for name, array in {**good, **changes}.items() if array is not None}
        np.savez(folder / "b.npz", **given)
        return [folder / "b.npz"]

    return write


def changed(array: np.ndarray, place: Any, value: Any) -> np.ndarray:
    array = array.copy()
    array[place] = value
    return array


def truncated(folder: Path) -> list[Path]:
    path = made().save(folder / "b.npz")
    path.write_bytes(path.read_bytes()[:-200])
    return [path]


def pickled(folder: Path) -> list[Path]:
    np.savez(folder / "b.npz", allow_pickle=True, test_logits=np.array([[{}]], dtype=object), test_labels=LABELS)
    return [folder / "b.npz"]


def lying(folder: Path) -> list[Path]:
    buffer = io.BytesIO()
    np.save(buffer, logits(0))
    np.savez(folder / "b.npz", test_labels=LABELS)
    with zipfile.ZipFile(folder / "b.npz", "a") as archive:
        archive.writestr("test_logits.npy", buffer.getvalue().replace(b"(240, 4)", b"(999, 4)"))
    return [folder / "b.npz"]


def bomb(folder: Path) -> list[Path]:
    """A small file whose directory tells of 4 GiB of ids, as one that is packed well would."""
    np.savez_compressed(folder / "b.npz", test_logits=logits(0), test_labels=LABELS, test_ids=np.arange(240))
    data = bytearray((folder / "b.npz").read_bytes())
    place = data.rindex(b"PK\x01\x02", 0, data.rindex(b"test_ids.npy"))
    data[place + 24 : place + 28] = (0xFFFFFFFE).to_bytes(4, "little")
    (folder / "b.npz").write_bytes(data)
    return [folder / "b.npz"]


def text(content: str, name: str = "b.csv") -> Maker:
    def write(folder: Path) -> list[Path]:
        (folder / name).write_text(content)
        return [folder / name]

    return write


IDS = np.array([f"r{i}" for i in range(240)])
PROBS = softmax(logits(0).astype(float), axis=1)
BAD: list[tuple[str, Maker, str]] = [
    ("NaN", arrays(test_logits=changed(logits(0), (17, 2), np.nan)), "b.npz: test_logits: row 17 holds NaN"),
    ("rows that do not sum to 1", arrays(test_logits=None, test_probs=changed(PROBS, 17, 0.3)),
     "b.npz: test_probs: row 17 is not a distribution (numbers ≥ 0 that sum to 1; its sum is 1.2)"),
    ("labels out of range", arrays(test_labels=changed(LABELS, 17, 4)),
     "b.npz: test_labels: row 17 is 4; expected a class index in [0, 3]"),
    ("ignored rows", arrays(test_labels=changed(LABELS, 17, -100)), "b.npz: test_labels: row 17 is -100"),
    ("empty split", arrays(test_logits=np.zeros((0, 4)), test_labels=np.zeros(0, int)), "with at least 1 row and 2"),
    ("empty validation split", arrays(val_logits=np.zeros((0, 4)), val_labels=np.zeros(0, int)), "b.npz: val_logits"),
    ("one class column", arrays(test_logits=np.zeros((240, 1)), test_labels=np.zeros(240, int)), "got (240, 1)"),
    ("rows of one class", arrays(test_labels=np.full(240, 2)), "b.npz: b (last), seed 0: the test split holds rows of "
     "one class only, '2'"),
    ("fewer rows in a pair", pair(logits=logits(1)[:200], labels=LABELS[:200]),
     "b.npz: b (last), seed 0: the test split has 200 rows, that of {folder}/a.npz 240; rows are compared one by one"),
    ("other rows in a pair", pair(labels=changed(LABELS, 17, 0)), "has other labels than {folder}/a.npz, first in row"),
    ("other classes in a pair", pair(logits=np.zeros((240, 5)), val_logits=None, val_labels=None, labels=LABELS),
     "b.npz: b (last), seed 0: 5 classes, {folder}/a.npz has 4; only models of the same classes"),
    ("other ids in a pair", lambda folder: [made(ids=IDS).save(folder / "a.npz"),
                                            made(1, ids=changed(IDS, 3, "x")).save(folder / "b.npz")],
     "b.npz: b (last), seed 0: the test split lacks row 'r3' of {folder}/a.npz"),
    ("another class name in a pair", lambda folder: [made(classes=list("abcd")).save(folder / "a.npz"),
                                                     made(1, classes=list("abce")).save(folder / "b.npz")],
     "b.npz: b (last), seed 0: 4 classes and no 'd', {folder}/a.npz has 4"),
    ("the same rows fitted and reported", arrays(val_logits=logits(0), val_labels=LABELS),
     "b.npz: val and test hold the same rows; validation and test must be different rows"),
    ("the first rows fitted and all reported", arrays(val_logits=logits(0)[:80], val_labels=LABELS[:80]),
     "b.npz: val and test hold the same rows"),
    ("the same ids fitted and reported", arrays(test_ids=IDS, val_ids=IDS[200:], val_logits=logits(9)[:40],
                                                val_labels=LABELS[:40]),
     "b.npz: val_ids and test_ids share 40 values (such as 'r200')"),
    ("validation in one file alone", lambda folder: [made().save(folder / "a.npz"),
                                                     made(1, val=False).save(folder / "b.npz")],
     "b.npz: b (last), seed 0: no validation split, but {folder}/a.npz has one, so their temperatures are not comp"),
    ("validation in the other file alone", lambda folder: [made(val=False).save(folder / "a.npz"),
                                                          made(1).save(folder / "b.npz")],
     "a.npz: no validation split, but {folder}/b.npz: b (last), seed 0 has one"),
    ("truncated", truncated, "b.npz: not a readable .npz file"),
    ("pickle inside", pickled, "b.npz: array 'test_logits' holds objects (object, (1, 1)), never read"),
    ("header that lies", lying, "b.npz: the header of array 'test_logits' promises 15984 bytes, the file holds 3840"),
    ("bomb", bomb, "b.npz: array 'test_ids' would unpack"),
    ("no labels", arrays(test_labels=None), "b.npz: array 'test_labels' is missing; the file holds ['test_logits']"),
    ("a seed that is none", lambda folder: [made(meta={"seed": [1]}).save(folder / "b.npz")],
     "b.npz: meta['seed']: expected a whole number; got [1]"),
    ("an amount that is none", lambda folder: [made(meta={"label_smoothing": "much"}).save(folder / "b.npz")],
     "b.npz: meta['label_smoothing']: expected a number; got 'much'"),
    ("a missing class column", text("label,logit:a,logit:b\na,1,2\nowl,1,2\n"),
     "b.csv: line 3, column 'label': there is no column 'logit:owl' for the label 'owl'; the classes are 'a', 'b'"),
    ("a ragged table", text("label,logit:a,logit:b\na,1,2\nb,1\n"), "b.csv: line 3 has 2 cells, the header has 3 col"),
    ("another delimiter", text("label;logit:a;logit:b\na;1;2\n"), "b.csv: line 1: the columns are separated by semi"),
    ("a column twice", text("label,logit:a,logit:a\na,1,2\n"), "b.csv: line 1: column 'logit:a' is there twice"),
    ("another format", text("{}", "b.json"), "b.json: not a readable file of predictions; expected a file whose name"),
]  # fmt: skip


@pytest.mark.parametrize("write, words", [each[1:] for each in BAD], ids=[each[0] for each in BAD])
def test_bad_input_is_one_sentence_exit_code_3_and_nothing_written(
    write: Maker, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = write(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    code, out, err = run(capsys, *paths, "--out", tmp_path / "out")
    assert (code, out) == (3, "")
    assert words.format(folder=tmp_path) in err
    assert err.startswith("labelsmooth: ") and err.count("\n") == 1
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    with pytest.raises(DataError) as caught:
        evaluate(paths)
    assert err == f"labelsmooth: {caught.value}\n"


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["hard=nothing-*.npz"], "no file is named 'nothing-*.npz', and none fits it as a pattern"),
        (["model.npz", "--metric", "ece"], "'ece' cannot decide"),
        (["model.npz", "--min-effect", "-1"], "min_effect must be a finite number"),
        (["empty"], "empty holds no file of predictions (.csv, .npz, .parquet, .safetensors)"),
        (["model.npz", "--out", "full"], "full exists and is not empty; choose another folder with --out"),
        (["model.npz", "--out", "model.npz"], "cannot write to model.npz; choose another folder with --out"),
        (["model.npz", "--out", "model.npz/deeper"], "cannot write to model.npz/deeper; choose another folder"),
    ],
)
def test_wrong_calls_are_exit_code_2_and_nothing_is_written(
    arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    made().save("model.npz")
    before = sorted(tmp_path.rglob("*"))
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert sorted(tmp_path.rglob("*")) == before


def test_out_of_reach_values_are_refused_from_python_too() -> None:
    with pytest.raises(UsageError, match="expected a file, a pattern or Predictions; got int 3"):
        evaluate([3])
    with pytest.raises(UsageError, match="there is no option fail-if; there are: fail_if"):
        evaluate([made()], **{"fail-if": "nll > 1"})
    assert math.isfinite(evaluate(made()).table[0]["after"]["nll"]["mean"])


def test_results_say_what_they_were_made_with() -> None:
    env = evaluate(made()).results["run"]["env"]
    assert set(env) == {"labelsmooth", "torch", "numpy", "python", "platform", "cpu_count"}
    assert env["numpy"] == np.__version__
