"""The Markdown of a report: complete, and hostile text stays text."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from report.samples import build, large
from report.test_escaping import HOSTILE, dressed

from labelsmooth import cli
from labelsmooth.report import markdown


def table(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


@pytest.mark.parametrize("code", ["smooth", "keep_hard", "open"])
def test_verdict_and_pair_come_first(code: str) -> None:
    results = build(code)
    text = markdown.render(results)
    assert markdown.plain(results["verdict"]["sentence"], 2000) in text
    head, rule, *rows = table(text)
    assert head[1] == "method" and set(rule) <= {"---", "---:"}
    assert [row[0] for row in rows[:2]] == [r"H\*", r"S\*"]
    assert len({len(row) for row in [head, *rows]}) == 1


def test_long_results_are_cut_and_say_so() -> None:
    text = markdown.render(large())
    assert len(text) < 20_000
    assert re.search(r"\d+ more rows in the page", text)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_D2_hostile_text_stays_text(text: str) -> None:
    plainly, shown = markdown.render(dressed("plain")), markdown.render(dressed(text))
    assert len(shown.splitlines()) == len(plainly.splitlines())
    assert shown.count("|") == plainly.count("|")
    for mark in ("<", "`", "](", "@", "://", "*", "_", "#"):
        assert shown.replace("&#", "").count(mark) == plainly.replace("&#", "").count(mark), mark
    shown.encode("utf-8")


def test_report_prints_markdown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = build("smooth")
    (tmp_path / "results.json").write_text(json.dumps(results), encoding="utf-8")
    assert cli.run(["report", str(tmp_path), "--format", "md"]) == 0
    assert capsys.readouterr().out.strip() == markdown.render(results).strip()
    assert (tmp_path / "report.html").exists()
