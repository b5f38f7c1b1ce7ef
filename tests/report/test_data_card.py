"""The data card of the page: classes, columns, warnings; whatever the results know of them, escaped (D2)."""

from __future__ import annotations

from report.pages import parse, section
from report.samples import build

from labelsmooth.report import render
from labelsmooth.report.views import data_card


def filled() -> dict:
    found = build()
    found["data"]["card"] |= {
        "balance": {"rare": {"train": 1, "val": 1, "test": 2}, "<b>often</b>": {"train": 30, "val": 9, "test": 57}},
        "columns": [{"name": "<i>size</i>", "kind": "numbers", "done": "standardised"}],
        "warnings": ["column 'id' counts the rows <script>"],
    }
    return found


def test_the_largest_class_comes_first_with_its_rows_in_each_split() -> None:
    card = data_card.view(filled())
    assert card.splits == ["Training", "Validation", "Test"]
    assert [(line.name, line.share, line.counts) for line in card.classes] == [
        ("<b>often</b>", "96.0 %", ["30", "9", "57"]),
        ("rare", "4.0 %", ["1", "1", "2"]),
    ]


def test_D2_the_page_shows_the_card_escaped_and_not_twice() -> None:
    page = render(filled())
    assert "<b>often" not in page and "<i>size" not in page and "<script" not in page
    shown = section(parse(page), "data")
    assert shown is not None and "<i>size</i>" in shown.text
    assert "standardised" in shown.text and "counts the rows <script>" in shown.text
    assert page.count("standardised") == 1 and page.count("counts the rows") == 1


def test_many_classes_and_columns_are_counted() -> None:
    found = filled()
    found["data"]["card"]["balance"] = {f"c{i}": {"train": 3} for i in range(50)}
    found["data"]["card"]["columns"] = [{"name": f"x{i}", "kind": "numbers", "done": ""} for i in range(100)]
    card = data_card.view(found)
    assert (card.more_classes, card.more_columns) == ("and 10 more smaller classes", "and 20 more columns")


def test_results_without_a_card_have_no_section() -> None:
    for card in ({}, {"balance": None, "columns": None}, {"balance": {"a": 3}, "columns": ["x"], "warnings": "no"}):
        found = build()
        found["data"]["card"] = card
        assert data_card.view(found).classes == [] == data_card.view(found).columns
        assert section(parse(render(found)), "data") is None
