"""docs/evidence shows what was measured: every page is made anew from the figures stored beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
from evidence_command import NAMES, ROOT, pages, statement
from evidence_command import verdict_truth as truth

FOLDER = ROOT / "docs" / "evidence"


@pytest.mark.parametrize("name", NAMES)
def test_a_page_shows_what_was_stored_at_three_offsets(name: str) -> None:
    records = pages.stored(name)
    assert list(records) == [str(offset) for offset in pages.OFFSETS]
    assert [record["seeds"][0] for record in records.values()] == list(pages.OFFSETS)
    assert (FOLDER / f"{name}.md").read_text(encoding="utf-8") == pages.page(statement(name), records)
    assert (FOLDER / f"{name}.png").stat().st_size < 60_000
    texts = [[claim["claim"] for claim in record["claims"]] for record in records.values()]
    assert all(each == texts[0] for each in texts)


@pytest.mark.parametrize("name", NAMES)
def test_stored_verdicts_follow_from_their_intervals(name: str) -> None:
    for record in pages.stored(name).values():
        for claim in record["claims"]:
            mean, lower, upper = claim["interval"]
            assert lower <= mean <= upper
            if claim["within"] is None:
                assert claim["verdict"] == ("found" if lower > 0 else "not found" if upper < 0 else "unproven")


def test_the_overview_shows_what_was_stored() -> None:
    modules = [statement(name) for name in NAMES]
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert pages.overview(modules) in text
    assert all(line in text for line in pages.unsettled(modules))


def test_a_changed_figure_is_seen() -> None:
    records = pages.stored("confidence")
    page = pages.page(statement("confidence"), records)
    records["0"]["table"][0]["figures"][0][0] += 0.1
    assert pages.page(statement("confidence"), records) != page


def test_the_page_of_the_verdict_shows_the_comparisons_that_are_stored(tmp_path: Path) -> None:
    lines = truth.stored(truth.STORE)
    found = truth.write(lines, tmp_path / "verdict.md")
    assert truth.PAGE.read_text(encoding="utf-8") == (tmp_path / "verdict.md").read_text(encoding="utf-8")
    assert len({(line["world"], line["number"]) for line in lines}) == len(lines)
    assert {line["world"] for line in lines} == {world.name for world in truth.WORLDS}
    for world in found["worlds"]:
        assert sum(world[code] for code in ("smooth", "keep_hard", "open")) == world["comparisons"]
        assert world["right"] + world["wrong"] + world["open"] <= world["comparisons"]


S6 = (
    ("confidence", "mean confidence falls (over-confident)"),
    ("confidence", "ECE falls where hard labels are over-confident"),
    ("confidence", "ECE rises where hard labels are calibrated"),
    ("noise", "late, smoothing lowers ECE"),
    ("robustness", "shifted data make hard labels over-confident, also after T"),
)
S8 = (
    ("too-much", "accuracy is lower at ε = 0.9"),
    ("too-much", "NLL after temperature is higher at ε = 0.9"),
    ("distillation", "60 rows: smoothing the teacher costs more at T = 4 than at T = 1"),
)
S9 = (
    ("temperature", "temperature lowers the ECE of hard labels"),
    ("temperature", "with wrong labels the best epoch has a lower NLL than the last (hard)"),
    ("ranking", "logit normalisation, after T, ranks better than ε = 0.3 without"),
)


def found_everywhere(name: str, claim: str) -> bool:
    """The claim is there, and was found at every offset that is stored."""
    each = [{c["claim"]: c["verdict"] for c in record["claims"]}[claim] for record in pages.stored(name).values()]
    return set(each) == {"found"}


@pytest.mark.parametrize(("name", "claim"), S6)
def test_S6_effects_were_found_at_every_offset(name: str, claim: str) -> None:
    assert found_everywhere(name, claim)


@pytest.mark.parametrize(("name", "claim"), S8)
def test_S8_limits_were_found_at_every_offset(name: str, claim: str) -> None:
    assert found_everywhere(name, claim)


@pytest.mark.parametrize(("name", "claim"), S9)
def test_S9_what_rivals_do_was_found_at_every_offset(name: str, claim: str) -> None:
    assert found_everywhere(name, claim)
