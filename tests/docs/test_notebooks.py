"""Notebooks run from first cell to last, as a kernel would run them; nothing that ran elsewhere is kept in them.

Code cells are executed in order in one namespace; the value of a cell's last line is drawn as a notebook draws it.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "examples").rglob("*.ipynb"))


def cells(path: Path, kind: str) -> list[str]:
    """The sources of a notebook's cells of one kind."""
    found = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in found if cell["cell_type"] == kind]


def execute(code: str, names: dict[str, Any], place: str) -> Any:
    """Run a cell and return the value of its last line, if that is an expression."""
    tree = ast.parse(code)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, place, "exec"), names)
    return None if last is None else eval(compile(ast.Expression(last.value), place, "eval"), names)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    names: dict[str, Any] = {"__name__": "__main__"}
    shown = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for number, code in enumerate(cells(path, "code"), 1):
            value = execute(code, names, f"<{path.stem}, code cell {number}>")
            if value is not None:
                shown.append(value._repr_html_() if hasattr(value, "_repr_html_") else repr(value))
    assert shown and all(shown)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_keeps_no_outputs_and_explains_itself(path: Path) -> None:
    found = json.loads(path.read_text(encoding="utf-8"))
    assert (found["nbformat"], found["metadata"]["kernelspec"]["name"]) == (4, "python3")
    for cell in found["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None
    assert cells(path, "markdown")[0].startswith("# ")
    assert len(cells(path, "markdown")) >= len(cells(path, "code")) / 2


def test_there_are_two_notebooks_and_a_test_for_every_example() -> None:
    assert len(NOTEBOOKS) >= 2
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    scripts = sorted((ROOT / "examples").rglob("*.py"))
    family = {script.stem: script.stem.partition("_")[0] + "_{" for script in scripts}  # f"trainer_{name}.py"
    assert [name for name in family if not re.search(rf"\b{name}\b", tests) and family[name] not in tests] == []


def test_every_example_is_shown() -> None:
    page = (ROOT / "docs" / "examples.md").read_text(encoding="utf-8")
    examples = {path.relative_to(ROOT).as_posix() for path in (ROOT / "examples").rglob("*.*") if path.suffix != ".pyc"}
    assert {example for example in examples if f"(../{example})" not in page} == set()


def test_a_cell_that_fails_is_seen() -> None:
    names: dict[str, Any] = {}
    assert execute("a = 2\na + 1", names, "<x>") == 3
    assert execute("b = a", names, "<x>") is None
    with pytest.raises(NameError):
        execute("a + nowhere", names, "<x>")
