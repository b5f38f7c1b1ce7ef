"""The model card: what it says, and that hostile names stay text; llms.txt says what is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from report.samples import build, lonely
from report.test_escaping import HOSTILE, dressed

from labelsmooth import cli
from labelsmooth.options import CompareOptions, EvaluateOptions
from labelsmooth.report import markdown, model_card, text

ROOT = Path(__file__).parents[2]


def test_says_data_training_verdict_table_and_limits() -> None:
    results = {**build("smooth"), "warnings": [{"code": "few-rows", "sentence": "60 test rows, fewer than 100"}]}
    card = model_card.render(results)
    assert re.findall(r"^## (.+)$", card, re.M) == [
        "Data", "Training", "How to run it again", "What was compared", "For your own training", "Limits",
    ]  # fmt: skip
    assert markdown.plain(results["verdict"]["sentence"], 2000) in card
    assert "5 methods, 10 seeds each" in card
    assert all(f"    {line}\n" in card for line in results["verdict"]["snippet"].splitlines())
    assert "few" in card and "60 test rows" in card
    assert "with these training settings" in card


def test_without_a_smoothed_model_there_is_a_card_too() -> None:
    assert "no smoothed model" in model_card.render(lonely())


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_D2_hostile_text_adds_no_heading_and_no_markup(hostile: str) -> None:
    def outside_code(found: str) -> str:
        return "\n".join(line for line in found.splitlines() if not line.startswith("    "))

    plainly, shown = (outside_code(model_card.render(dressed(each))) for each in ("plain", hostile))
    for mark in ("<", "`", "](", "@", "://", "#"):
        assert shown.replace("&#", "").count(mark) == plainly.replace("&#", "").count(mark), mark


def test_the_snippet_is_shown_after_the_verdict_in_text() -> None:
    results = build("smooth")
    told = text.render(results)
    place = told.index("For your own training:")
    assert told.index("Verdict (smooth)") < place
    assert all(f"    {line}" in told[place:] for line in results["verdict"]["snippet"].splitlines() if line)


def test_llms_txt_names_options_files_and_exit_codes_that_exist() -> None:
    facts = (ROOT / "llms.txt").read_text(encoding="utf-8")
    known = {
        "--" + name.replace("_", "-") for o in (CompareOptions, EvaluateOptions) for name in o.__dataclass_fields__
    }
    assert set(re.findall(r"--[a-z-]+", facts)) <= {*known, "--json"}
    assert all((ROOT / link).exists() for link in re.findall(r"\]\(([^)]+)\)", facts))
    codes = {cli.FAILED, cli.USAGE, cli.BAD_DATA, cli.CONDITION_MET, cli.INTERRUPTED}
    (line,) = [line for line in facts.splitlines() if line.startswith("- Exit codes")]
    assert {int(code) for code in re.findall(r"\b\d+\b", line)} == {0, *codes}
