"""The section on who pays: every class, pair and set is shown, the word follows the interval, the map its gaps."""

from __future__ import annotations

from report.pages import parse
from report.samples import build, large, lonely

from labelsmooth import report
from labelsmooth.report.views import class_map, side_effects


def test_every_part_is_on_the_page() -> None:
    section = parse(report.render(build("smooth"))).one("section", "ls-side")
    titles = [heading.text for heading in section.all("h3")]
    assert titles == [
        "Class by class, worst first", "The most confused pairs of classes", "Answering only when sure",
        "Conformal sets", "Calibration class by class",
    ]  # fmt: skip
    classes, pairs, sets = section.all("table", "ls-small")
    assert [len(each.one("tbody").all("tr")) for each in (classes, pairs, sets)] == [10, 9, 2]
    assert [len(each.one("tbody").all("td")) for each in section.all("table", "ls-map")] == [150, 150]


def test_the_word_follows_the_interval() -> None:
    found = side_effects.view(build("smooth"))
    assert found is not None
    results = build("smooth")
    for line, (lower, upper) in zip(
        results["effects"]["classes"]["lines"], [(-0.2, -0.1), (-0.1, 0.1), (0.1, 0.2)], strict=False
    ):
        line["change"] |= {"lower": lower, "upper": upper}
    words = [line.change.word for line in side_effects.view(results).classes[:3]]
    assert words == ["worse", "within noise", "better"]


def test_of_many_it_says_how_many_are_left_out() -> None:
    found = side_effects.view(large())
    assert "The first 20 of 1\u202f000 classes" in found.classes_note
    assert "The first 19 of 2\u202f000 pairs" in found.pairs_note


def test_a_cell_is_coloured_by_its_gap_and_pale_with_few_rows() -> None:
    side = {"gap": [[0.3, -0.15, 0.3, None]], "count": [[50, 50, 5, 0]]}
    (found,) = class_map.view({"classes": ["a"], "edges": [0, 0.25, 0.5, 0.75, 1], "hard": side})
    assert [(cell.way, cell.strength) for cell in found.lines[0].cells] == [
        ("over", 100), ("under", 50), ("over", 35), ("none", 0),
    ]  # fmt: skip
    assert "50 rows, probability − frequency −0.150" in found.lines[0].cells[1].told


def test_without_effects_there_is_no_section() -> None:
    assert side_effects.view(lonely()) is None
    assert parse(report.render(lonely())).all("section", "ls-side") == []
