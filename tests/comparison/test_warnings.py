"""Coded warnings: each fires where it should, can be switched off, is documented and shown."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from comparison.made import predictions

from labelsmooth import evaluate, report
from labelsmooth._checks import UsageError
from labelsmooth.cli import run
from labelsmooth.comparison.results import assemble
from labelsmooth.comparison.warnings import CODES
from labelsmooth.predictions import Predictions, Split
from labelsmooth.report import text

DOCS = Path(__file__).parents[2] / "docs"


def pair(hard: float = 1.5, smooth: float = 2.5, seeds: int = 3, amount: str = "0.1", **changes: Any) -> Any:
    sharp = {"hard": hard, f"uniform {amount}": smooth}
    return [predictions(name, seed, each, **changes) for name, each in sharp.items() for seed in range(seeds)]


def scaled(each: Predictions, by: float) -> Predictions:
    splits = {name: Split(split.logits * by, split.labels, split.ids) for name, split in each.splits.items()}
    return Predictions(splits=splits, classes=each.classes, meta=each.meta)


def same_after_temperature() -> list[Predictions]:
    hard = [scaled(predictions("hard", seed, 2.0, noise=seed, rows=400), 4.0) for seed in range(3)]
    return [*hard, *(predictions("uniform 0.1", seed, 2.0, noise=seed, rows=400) for seed in range(3))]


def grouped() -> list[Predictions]:
    found = []
    for each in pair():
        test = each.splits["test"]
        groups = np.arange(len(test.labels)) % 8
        splits = {**each.splits, "test": Split(test.logits, test.labels, test.ids, groups)}
        found.append(Predictions(splits=splits, classes=each.classes, meta=each.meta))
    return found


FIRES = {
    "edge-of-grid": (pair, "ε=0.1, is the only one tried"),
    "few-seeds": (lambda: pair(seeds=2), "2 seeds, fewer than 3"),
    "few-rows": (lambda: pair(rows=60), "60 test rows, fewer than 100"),
    "temperature-suffices": (same_after_temperature, "temperature alone does as well"),
    "ranking-worse": (lambda: pair(2.5, 1.0), "AURC .* → .* 4 classes"),
    "large-amount": (lambda: pair(amount="0.6"), "ε=0.6"),
}


def told(given: list[Predictions], *silent: str) -> dict[str, str]:
    return {each["code"]: each["sentence"] for each in assemble(given, silent=silent)["warnings"]}


def test_each_code_has_a_case() -> None:
    assert tuple(FIRES) == CODES


@pytest.mark.parametrize("code", CODES)
def test_fires_and_is_switched_off(code: str) -> None:
    make, sentence = FIRES[code]
    given = make()
    found = told(given)
    assert re.search(sentence, found[code])
    assert told(given, code) == {other: each for other, each in found.items() if other != code}


def test_nothing_is_said_without_cause() -> None:
    wider = [*pair(1.5, 2.5), *(predictions("uniform 0.2", seed, 1.5) for seed in range(3))]
    assert told(wider) == {}
    assert told(pair()[:3], "edge-of-grid") == {}  # no verdict


def test_the_largest_of_several_amounts_is_an_edge_and_the_smallest_is_none() -> None:
    larger = [*pair(1.5, 1.5), *(predictions("uniform 0.2", seed, 2.5) for seed in range(3))]
    assert "ε=0.2, is the largest of 2 tried" in told(larger)["edge-of-grid"]
    assert "edge-of-grid" not in told([*pair(), *(predictions("uniform 0.2", seed, 1.0) for seed in range(3))])


def test_few_groups_are_few_rows() -> None:
    assert told(grouped())["few-rows"] == "the 120 test rows form 8 groups, fewer than 10"


def test_S8_a_large_amount() -> None:
    assert "large-amount" in told(pair(amount="0.9"))
    assert "large-amount" not in told(pair(amount="0.4"))


def test_the_page_of_the_docs_has_exactly_these_codes() -> None:
    ours, _, _ = (DOCS / "warnings.md").read_text(encoding="utf-8").partition("## From the losses")
    assert re.findall(r"^## (.+)$", ours, re.M) == list(CODES)
    schema = json.loads((DOCS / "results.schema.json").read_text(encoding="utf-8"))
    assert schema["properties"]["warnings"]["items"]["properties"]["code"]["enum"] == list(CODES)


def test_an_unknown_code_is_refused_and_the_codes_listed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError, match="few-sedes; the codes are edge-of-grid, few-seeds"):
        evaluate(pair(), no_warn="few-sedes")
    assert run(["compare", "digits", "--no-warn", "few-sedes"]) == 2
    assert "few-sedes" in capsys.readouterr().err


def test_shown_in_text_and_page_and_left_out_of_both() -> None:
    given = {"hard": pair()[:3], "smooth": pair()[3:]}
    results = evaluate(given).results
    (found,) = results["warnings"]
    assert f"Warning (edge-of-grid): {found['sentence']}." in text.render(results)
    assert f"<code>{found['code']}</code>" in report.render(results)
    assert "<code>edge-of-grid</code>" not in report.render(evaluate(given, no_warn=["edge-of-grid"]).results)
