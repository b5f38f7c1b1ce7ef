"""What a search tried, as the page and the terminal show it."""

from __future__ import annotations

from typing import Any

import pytest
from report.pages import parse, rows, section
from report.samples import build

from labelsmooth.report import page, text
from labelsmooth.report.views import search

MEASURES = ("accuracy", "nll", "brier", "signed_gap", "ece", "ece_null", "aurc", "confidence")


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
        assert len(figure.all("circle")) == len(figure.all("polyline")) == 4
        (band,) = figure.all("rect")
        assert float(band.attributes["width"] or 0) > 10
    table = rows(shown.all("table")[0])
    assert len(table) == 5 and table[3][-1] == "dropped after 3 seeds" and table[4][-1] == "failed"
    assert table[1][1] == "0.1000" and [row[-1] for row in table[:3]] == ["", "flat region", "flat region"]


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
