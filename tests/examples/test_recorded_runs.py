"""Runs on real images and real text that are written down, with the command that makes them again (S10, S13)."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from labelsmooth import compare
from labelsmooth.cli import parser

EVIDENCE = Path(__file__).parents[2] / "docs" / "evidence"


@pytest.mark.parametrize("name", ["images", "language", "regularisation"])
def test_S10_S13_the_command_of_a_recorded_run_parses(name: str) -> None:
    page = (EVIDENCE / f"{name}.md").read_text(encoding="utf-8")
    command = re.search(r"^    (labelsmooth compare .+)$", page, re.M)
    assert command is not None, "the page begins with the command that makes it again"
    asked = parser().parse_args(shlex.split(command[1])[1:])
    assert asked.data == ("pydoc" if name == "language" else "digits")
    assert "H\\* | hard" in page and "S\\* | uniform" in page


@pytest.mark.parametrize("data", ["digits", "pydoc"])
def test_S13_real_images_and_real_text_are_compared(data: str, tmp_path: Path) -> None:
    result = compare(data, smoothing=0.1, seeds=1, epochs=1, engine="inline", out=tmp_path / "run", progress=False)
    assert result.results["failed"] == []
    guess = 1 / len(result.results["data"]["classes"])
    assert min(row["after"]["accuracy"]["mean"] for row in result.table) > 2 * guess
    assert "seeds" in result.verdict["sentence"] or result.verdict["code"] == "open"
