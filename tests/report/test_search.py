"""What a search tried, as the page and the terminal show it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from report.pages import Element, parse, rows, section
from report.samples import build

from labelsmooth import cli
from labelsmooth.report import markdown, page, text
from labelsmooth.report.views import search

MEASURES = ("accuracy", "nll", "brier", "signed_gap", "ece", "ece_null", "aurc", "confidence")


def at(element: Element, name: str) -> str:
    return element.attributes[name] or ""


def candidate(amount: float, nll: float, **changes: Any) -> dict[str, Any]:
    figures = {name: {"mean": nll if name == "nll" else 0.5, "sd": 0.01} for name in MEASURES}
    family = "smooth" if amount else "hard"
    return {
        "method": f"uniform {amount:g}" if amount else "hard", "family": family, "label_smoothing": amount,
        "scheme": "uniform" if amount else "none", "learning_rate": 0.002, "weight_decay": 0.01, "dropout": 0.0,
        "state": "complete", "reason": "", "seeds": 5, "checkpoint": "best", "chosen": None,
        "before": figures, "after": figures,
        "difference": {"value": nll - 0.1, "standard_error": 0.02, "flat": nll < 0.12},
        **changes,
    }  # fmt: skip


def searched(**changes: Any) -> dict[str, Any]:
    """Results of a search with five candidates, one of them dropped, one failed."""
    gone: dict[str, Any] = {"before": None, "after": None, "difference": None, "checkpoint": None}
    tried = [
        candidate(0.0, 0.2, chosen="hard"),
        candidate(0.1, 0.1, chosen="smooth"),
        candidate(0.2, 0.11),
        candidate(0.4, 0.3, state="dropped", seeds=3),
        candidate(0.3, 0.0, state="failed", reason="x: Diverged", **gone),
    ]
    tuning = {
        "metric": "nll", "trials": 4, "seeds": 5, "first_seeds": 3,
        "space": {"scheme": ["uniform"], "smoothing": [0, 0.4]},
        "rule": "The rule.", "best": "uniform 0.1", "edges": [], "candidates": tried,
        "flat": {"low": 0.1, "high": 0.2, "candidates": 2, "of": 4, "but": []},
    }  # fmt: skip
    return build("smooth") | {"tuning": {**tuning, **changes}}


def test_S11_the_page_shows_each_measure_against_the_amount() -> None:
    shown = section(parse(page.render(searched())), "search")
    assert shown is not None
    assert [each.text for each in shown.all("figcaption")] == [title for _, _, title in search._PANELS]
    for figure in shown.all("svg", "ls-figure"):
        groups = figure.all("g", "ls-curve")
        (joined,) = [group for group in groups if "ls-joined" in group.classes()]
        assert len(figure.all("circle")) == 4 and len(figure.all("polyline")) == 5
        points = (joined.one("polyline").attributes["points"] or "").split()
        whole = [group for group in groups if group.all("circle") and "ls-s-rest" not in group.classes()]
        marks = {(float(at(mark, "cx")), float(at(mark, "cy"))) for mark in (group.one("circle") for group in whole)}
        assert [tuple(map(float, point.split(","))) for point in points] == sorted(marks)
        (band,) = figure.all("rect")
        assert float(at(band, "width")) > 10
    table = rows(shown.all("table")[0])
    assert len(table) == 5 and table[3][-1] == "dropped after 3 seeds" and table[4][-1] == "failed"
    assert table[1][1] == "0.1000" and [row[-1] for row in table[:3]] == ["", "flat region", "flat region"]


def test_S11_the_end_of_the_search_is_drawn_where_the_best_lies_at_it() -> None:
    edge = {"family": "smooth", "name": "smoothing", "end": "upper", "at": 0.4, "natural": False}
    found = search.view(searched(edges=[edge]))
    assert found is not None and found.keys[-1].name == "end of what was searched"
    (end,) = parse(str(found.panels[0].picture)).all("line", "ls-reference")
    rightmost = max(float(at(mark, "cx")) for mark in parse(str(found.panels[0].picture)).all("circle"))
    assert float(at(end, "x1")) == pytest.approx(rightmost, abs=0.01)
    natural = search.view(searched(edges=[{**edge, "natural": True}]))
    assert natural is not None and "ls-reference" not in str(natural.panels[0].picture)


def test_candidates_are_joined_only_where_nothing_else_is_searched() -> None:
    space = {"scheme": ["uniform"], "smoothing": [0, 0.4], "dropout": [0, 0.5]}
    found = search.view(searched(space=space))
    assert found is not None and "ls-joined" not in str(found.panels[0].picture)


def test_S11_markdown_has_each_measure_against_the_amount_with_its_spread() -> None:
    told = markdown.render(searched()).partition("#### What was tried")[2]
    lines = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in told.splitlines() if line[:1] == "|"]
    head, rule, *body = lines
    assert head[3:-1] == [title for _, _, title in search._PANELS] and len(rule) == len(head)
    assert [row[:4] for row in body] == [
        ["H\\*", "0", "hard", "0.2000 ± 0.0100"],
        ["S\\*", "0.1", "uniform 0.1", "0.1000 ± 0.0100"],
        ["", "0.2", "uniform 0.2", "0.1100 ± 0.0100"],
    ]
    assert body[0][4:6] == ["50.0 ± 1.0 %", "+0.500 ± 0.010"] and [row[-1] for row in body[1:]] == ["flat region"] * 2
    assert "2 other candidates: in the page." in told
    assert "#### What was tried" not in markdown.render(build("smooth"))


def test_hostile_candidates_stay_text_in_markdown() -> None:
    hostile = "a|b](http://x) <b>@me</b> `x`"
    told = markdown.render(searched(candidates=[candidate(0.1, 0.1, method=hostile, scheme=hostile, state="complete")]))
    assert "<b>" not in told and "@me" not in told and "](" not in told and told.count("|") % 2 == 0


def test_markdown_shows_the_pictures_that_are_beside_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "results.json").write_text(json.dumps(searched()), encoding="utf-8")
    folder = tmp_path / "my (figures)"
    assert cli.run(["report", str(tmp_path), "--figures", str(folder), "--format", "md"]) == 0
    shown = re.findall(r"!\[([\w-]+)\]\((\S+)\)", capsys.readouterr().out)
    assert {unquote(path) for _, path in shown} == {str(path) for path in folder.iterdir()}
    assert "search-nll-after-temperature" in {name for name, _ in shown}


def test_the_sentences_say_what_was_found() -> None:
    found = search.sentences(searched())
    assert found[0].startswith("5 candidates on validation, 1 dropped early, 1 failed; uniform 0.1 has the lowest NLL")
    assert "ε from 0.1 to 0.2" in found[1] and "Hard labels" not in found[1]
    assert found[2] == "Neither H* nor S* lies at an end of what was searched."
    edges = [
        {"family": "smooth", "name": "smoothing", "end": "upper", "at": 0.4, "natural": False},
        {"family": "hard", "name": "dropout", "end": "lower", "at": 0.0, "natural": True},
    ]
    flat = {"low": 0.0, "high": 0.2, "candidates": 2, "of": 4, "but": [0.05]}
    told = search.sentences(searched(edges=edges, flat=flat))
    assert "but for 0.05" in told[1] and "Hard labels are among them." in told[1]
    assert told[2] == "S* has its ε at the upper end of what was searched, 0.4, and the best may lie beyond."
    assert told[3] == "H* has its dropout at the lower end of what was searched, 0, beyond which there is nothing."
    assert "Searched: 5 candidates" in text.render(searched())


def test_nothing_is_shown_where_nothing_was_searched() -> None:
    results = build("smooth")
    assert search.view(results) is None and search.sentences(results) == []
    assert section(parse(page.render(results)), "search") is None and "Searched" not in text.render(results)


def test_what_else_was_searched_is_named_and_hostile_names_stay_text() -> None:
    hostile = '"><script>alert(1)</script>'
    space = {"scheme": ["uniform"], "smoothing": [0, 0.4], "dropout": [0, 0.5]}
    rendered = page.render(searched(candidates=[candidate(0.1, 0.1, method=hostile, scheme=hostile)], space=space))
    shown = section(parse(rendered), "search")
    assert shown is not None and hostile in shown.text and "<script" not in rendered
    assert "Candidates at one ε differ in dropout." in shown.text


@pytest.mark.parametrize(
    "broken", [{"candidates": None}, {"flat": None}, {"space": {}}, {"edges": None}, {"best": None}]
)
def test_what_is_missing_breaks_nothing(broken: dict[str, Any]) -> None:
    assert "What was tried" in page.render(searched(**broken))
