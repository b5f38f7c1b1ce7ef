"""Every rival has a card, with all its parts, and what a card shows is what happens."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

from labelsmooth import rivals

CARDS = Path(__file__).parents[2] / "docs" / "rivals"
PARTS = ("**Formula.**", "**When.**", "**Cost.**", "**Source.**", ">>>")


@pytest.mark.parametrize("name", rivals.names())
def test_card(name: str) -> None:
    text = (CARDS / f"{name}.md").read_text(encoding="utf-8")
    assert [part for part in PARTS if part not in text] == []
    assert f"({name}.md)" in (CARDS / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", rivals.names())
def test_what_a_card_shows(name: str) -> None:
    result = doctest.testfile(str(CARDS / f"{name}.md"), module_relative=False, encoding="utf-8")
    assert result.attempted > 0
    assert result.failed == 0
