"""compare, evaluate and report from end to end on real data."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from labelsmooth import Predictions, compare, evaluate
from labelsmooth._checks import DataError, UsageError
from labelsmooth.workflows import Comparison, report

ROOT = Path(__file__).parents[1]
QUICK = {"smoothing": 0.1, "epochs": 3, "seeds": 3, "engine": "inline", "progress": False}


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    return compare("digits", out=tmp_path_factory.mktemp("runs") / "run", **QUICK)


def test_ends_with_a_verdict_a_table_and_a_page(result: Comparison) -> None:
    assert result.verdict["code"] in ("smooth", "keep_hard", "open")
    assert result.verdict["sentence"].endswith("with these training settings.")
    assert {(row["method"], row["checkpoint"]) for row in result.table} == {
        (method, checkpoint) for method in ("hard", "uniform 0.1") for checkpoint in ("last", "best")
    }
    assert result.path is not None
    names = {path.name for path in result.path.iterdir()}
    assert names >= {
        "plan.json",
        "env.json",
        "predictions",
        "history",
        "results.json",
        "trials.csv",
        "report.html",
        "model_card.md",
    }
    assert result.verdict["sentence"] in str(result)
    assert "Verdict" in result._repr_html_() or result.verdict["code"] in result._repr_html_()


def test_results_follow_their_schema(result: Comparison) -> None:
    schema = json.loads((ROOT / "docs" / "results.schema.json").read_text(encoding="utf-8"))
    assert result.path is not None
    written = json.loads((result.path / "results.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(written)
    assert written == result.results


def test_trials_csv_has_a_line_a_trial_and_checkpoint(result: Comparison) -> None:
    assert result.path is not None
    with open(result.path / "trials.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 3 * 2
    hard = [float(row["test_nll_after"]) for row in rows if (row["method"], row["checkpoint"]) == ("hard", "last")]
    table = next(row for row in result.table if (row["method"], row["checkpoint"]) == ("hard", "last"))
    assert np.mean(hard) == pytest.approx(table["after"]["nll"]["mean"], rel=1e-9)


def test_evaluate_of_the_written_files_gives_the_same_verdict(result: Comparison) -> None:
    assert result.path is not None
    again = evaluate(sorted((result.path / "predictions").iterdir()))
    assert again.verdict == result.verdict


def test_the_page_can_be_made_again(result: Comparison) -> None:
    assert result.path is not None
    page = result.path / "report.html"
    first = page.read_bytes()
    page.unlink()
    assert report(result.path).verdict == result.verdict
    assert page.read_bytes() == first


def test_resume_of_a_finished_run_changes_nothing(result: Comparison) -> None:
    assert result.path is not None
    before = {path: path.read_bytes() for path in (result.path / "predictions").iterdir()}
    again = compare("digits", out=result.path, resume=True, **QUICK)
    assert again.verdict == result.verdict
    assert {path: path.read_bytes() for path in (result.path / "predictions").iterdir()} == before


def ece_and_gap(result: Comparison, method: str) -> tuple[float, float]:
    row = next(row for row in result.table if (row["method"], row["checkpoint"]) == (method, "last"))
    return row["before"]["ece"]["mean"], row["before"]["signed_gap"]["mean"]


@pytest.mark.parametrize(("epochs", "overconfident"), [(10, False), (150, True)])
def test_S6_ece_falls_under_smoothing_only_where_the_hard_gap_is_positive(
    epochs: int, overconfident: bool, tmp_path: Path
) -> None:
    """Digits with 40 % wrong training labels: short training leaves the hard model under-confident."""
    result = compare(
        "digits", label_noise=0.4, smoothing=0.1, epochs=epochs, seeds=2, out=tmp_path / "run", progress=False
    )
    hard_ece, hard_gap = ece_and_gap(result, "hard")
    smooth_ece, _ = ece_and_gap(result, "uniform 0.1")
    assert (hard_gap > 0) == overconfident
    assert (smooth_ece < hard_ece) == overconfident


def test_mixture_shows_the_true_calibration_error(tmp_path: Path) -> None:
    result = compare("mixture", **{**QUICK, "epochs": 2}, shift=True, out=tmp_path / "run")
    for row in result.table:
        assert 0 <= row["before"]["true_calibration_error"]["mean"] <= 1
        assert row["shifted"]["after"]["nll"]["mean"] > 0
    assert "rue calibration error" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")


def test_compare_takes_arrays(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = rng.choice(["cat", "dog", "owl"], 600)
    inputs = rng.normal(size=(600, 4)) + np.eye(4)[:3][np.unique(labels, return_inverse=True)[1]]
    result = compare(inputs, labels, out=tmp_path / "run", **QUICK)
    assert result.results["data"]["classes"] == ["cat", "dog", "owl"]


def made(scale: float, seed: int, n: int = 300, val: bool = True) -> Predictions:
    rng = np.random.default_rng(0)
    labels, logits = rng.integers(0, 4, n), rng.normal(size=(n, 4))
    logits += 2 * np.eye(4)[labels] + np.random.default_rng(seed).normal(size=(n, 4)) / 4
    extra = {"val_logits": scale * logits[:150], "val_labels": labels[:150]} if val else {}
    rest = slice(150, None) if val else slice(None)
    return Predictions(scale * logits[rest], labels[rest], **extra)


def test_evaluate_takes_predictions_from_elsewhere(tmp_path: Path) -> None:
    for seed in range(3):
        made(3.0, seed).save(tmp_path / f"plain-{seed}.npz")
        made(1.0, seed + 10).save(tmp_path / f"soft-{seed}.npz")
    result = evaluate({"plain": str(tmp_path / "plain-*.npz"), "soft": str(tmp_path / "soft-*.npz")})
    assert result.verdict["hard"]["method"] == "plain"
    assert result.verdict["smooth"]["method"] == "soft"
    assert result.verdict["seeds"] == 3
    assert result.path is None
    texts = [f"plain={tmp_path}/plain-*.npz", f"soft={tmp_path}/soft-*.npz"]
    assert evaluate(texts, out=tmp_path / "out").verdict == result.verdict
    assert (tmp_path / "out" / "report.html").exists()


def test_evaluate_of_two_plain_files(tmp_path: Path) -> None:
    first, second = made(3.0, 0, val=False).save(tmp_path / "a"), made(1.0, 1, val=False).save(tmp_path / "b")
    verdict = evaluate([first, second]).verdict
    assert (verdict["hard"]["method"], verdict["smooth"]["method"]) == ("a", "b")
    assert verdict["seeds"] == 1


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: compare("digit"), "digits"),
        (lambda: compare(np.zeros((4, 2))), "needs its labels"),
        (lambda: compare("digits", [1]), "y goes with an array"),
        (lambda: compare("digits", epoch=3), "there is no option epoch; there are:"),
        (lambda: compare("digits", smoothing=2), r"a number in \[0, 1\]; got 2"),
        (lambda: compare("digits", model="resnet"), "model must be one of"),
        (lambda: compare("digits", metric="ece"), "ece"),
        (lambda: compare("digits", label_noise=1.5), "label_noise"),
        (lambda: compare("digits", min_effect=-1), "min_effect"),
        (lambda: compare("digits", engine="dask"), "engine must be one of"),
        (lambda: compare("digits", jobs=0), "jobs must be at least 1"),
        (lambda: evaluate([]), "there are no predictions to measure"),
        (lambda: evaluate("nothing-*.npz"), "no file is named"),
        (lambda: report("nowhere"), "is nowhere a run folder"),
    ],
)
def test_bad_calls_say_what_to_change_and_write_nothing(
    call, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises((UsageError, DataError), match=words):
        call()
    assert list(tmp_path.iterdir()) == []
