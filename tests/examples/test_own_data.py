"""The examples of data and models of one's own run, on files they make themselves."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("name", ["own_table", "own_images", "own_texts", "own_model"])
def test_an_example_runs(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
    assert "Verdict (" in capsys.readouterr().out
    (page,) = tmp_path.glob("runs/*/report.html")
    assert "Rows of each class" in page.read_text(encoding="utf-8")
