"""The documentation is tested: what the README shows runs, every option is documented, links lead somewhere."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FOREIGN = re.compile(r"/root/|/home/\w|/tmp/|localhost:\d|@[A-Z]+@")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.S)


def commands() -> list[list[str]]:
    lines = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("labelsmooth ")]
    return [shlex.split(line, comments=True)[1:] for line in lines]


def test_the_python_in_the_readme_runs(tmp_path: Path) -> None:
    program = "\n".join(blocks("python"))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    assert "0.0250, 0.9000, 0.0250" in done.stdout
    evaluate = next(command for command in commands() if command[0] == "evaluate")
    program = f"from labelsmooth.cli import main; main({evaluate!r})"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert "Verdict (" in done.stdout


def test_the_commands_in_the_readme_parse() -> None:
    from labelsmooth.cli import parser

    shown = commands()
    assert {command[0] for command in shown} >= {"compare", "evaluate", "audit"}
    for command in shown:
        assert parser().parse_args(command).command


def test_the_first_command_installs_and_compares() -> None:
    first = blocks("sh")[0]
    assert "-c constraints.txt '.[app]'" in first
    assert first.rstrip().endswith(".venv/bin/labelsmooth compare")


def test_the_test_command_is_what_runs_on_every_change() -> None:
    assert "./check" in [line for block in blocks("sh") for line in block.splitlines()]
    assert "./check" in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()


def test_every_command_and_option_is_documented() -> None:
    spec = importlib.util.spec_from_file_location("write_commands", ROOT / "docs" / "write_commands.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    written = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert written == module.page(), "run: python docs/write_commands.py"
    for name in module.subcommands():
        assert f"labelsmooth {name}" in README + written


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_speak_of_the_project_alone(page: Path) -> None:
    assert FOREIGN.findall(page.read_text(encoding="utf-8")) == []


def test_figures_in_the_table_of_truth_have_commands() -> None:
    table = README.split("## Table of truth")[1].split("\n\n")[1].strip().splitlines()[2:]
    assert len(table) >= 5
    for row in table:
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert len(cells) == 3 and re.search(r"\d", cells[1])
        script = re.search(r"`(?:python )?([\w./:-]+)", cells[2])
        assert script is not None
        assert script[1] in ("./check", "labelsmooth") or (ROOT / script[1]).exists()


def linked(page: Path) -> set[Path]:
    """Pages that a page's own text links to; a card stands in the list of its folder's README."""
    found = re.findall(r"\]\((?!\w+:)([^)#\s]+)", page.read_text(encoding="utf-8"))
    return {(page.parent / each).resolve() for each in found}


def test_every_page_is_two_links_from_the_start_page() -> None:
    docs = ROOT / "docs"
    near = linked(docs / "index.md")
    found = near.union(*(linked(page) for page in near if page.suffix == ".md"))
    pages = {page.resolve() for page in docs.rglob("*.md") if page != docs / "index.md"}
    assert len(pages) > 60
    assert sorted(str(page.relative_to(docs)) for page in pages - found) == []
