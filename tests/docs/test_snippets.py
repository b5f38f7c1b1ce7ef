"""Every snippet of the documentation runs: Python page by page in one namespace, commands through the parser.

Fenced `python` blocks of a page run in order, in an empty folder; those with `>>>` are doctests, as are indented ones.
Lines of `sh` blocks, and indented lines, that begin with `labelsmooth` must parse, with every option they name.
"""

from __future__ import annotations

import doctest
import re
import shlex
import warnings
from pathlib import Path

import pytest

from labelsmooth import cli
from labelsmooth.cli import parser

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^ *```$", re.M | re.S)
COMMAND = re.compile(r"^(?:    )?(?:\.venv/bin/)?labelsmooth (.+)$", re.M)
PROMPT = re.compile(r"^ *>>> ", re.M)
ELSEWHERE = {
    "README.md": "tests/house/test_documents.py",
    "docs/audit.md": "tests/audit/test_documents.py",
    "docs/predictions.md": "tests/formats/test_documented.py",
    "docs/trainers.md": "tests/integrations/test_documented.py",
}
CARDS = ("docs/schemes/", "docs/rivals/")  # tests/schemes/test_cards.py, tests/rivals/test_cards.py


def named(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def python_of(page: Path) -> str:
    blocks = [text for _, language, text in BLOCK.findall(page.read_text(encoding="utf-8")) if language == "python"]
    return "\n".join(block for block in blocks if not PROMPT.search(block))


def commands_of(page: Path) -> list[str]:
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    shown = [block for _, language, block in BLOCK.findall(text) if language in ("sh", "bash", "console")]
    outside = BLOCK.sub("", text)
    lines = [line for block in shown for line in COMMAND.findall(block)]
    return lines + re.findall(r"^    labelsmooth (.+)$", outside, re.M)


def run(page: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exec(compile(python_of(page), f"<python of {page.name}>", "exec"), {"__name__": "a_page"})


RUNNING = [page for page in PAGES if python_of(page).strip() and named(page) not in ELSEWHERE]
PROMPTED = [p for p in PAGES if PROMPT.search(p.read_text(encoding="utf-8")) and not named(p).startswith(CARDS)]
COMMANDING = [page for page in PAGES if commands_of(page)]


@pytest.mark.parametrize("page", RUNNING, ids=named)
def test_the_python_of_a_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run(page)


@pytest.mark.parametrize("page", PROMPTED, ids=named)
def test_what_a_page_shows_is_what_happens(page: Path) -> None:
    result = doctest.testfile(str(page), module_relative=False, encoding="utf-8")
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize("page", COMMANDING, ids=named)
def test_the_commands_of_a_page_parse(page: Path) -> None:
    for line in commands_of(page):
        assert parser().parse_args(shlex.split(line, comments=True)).command, line


def test_the_commands_on_predictions_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = ROOT / "docs" / "how-to" / "evaluate.md"
    monkeypatch.chdir(tmp_path)
    run(page)
    for line in commands_of(page):
        assert cli.run(shlex.split(line, comments=True)) == 0, line
        assert "Verdict (" in capsys.readouterr().out
    assert (tmp_path / "verdict" / "report.html").exists()


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_scripts_that_a_page_names_exist(page: Path) -> None:
    scripts = re.findall(r"python ((?:benchmarks|docs|examples|tests)/[\w/.-]+)", page.read_text(encoding="utf-8"))
    assert [script for script in scripts if not (ROOT / script).exists()] == []


def test_no_page_hides_its_snippets() -> None:
    for page, test in ELSEWHERE.items():
        assert Path(page).name in (ROOT / test).read_text(encoding="utf-8")
    assert len(RUNNING) >= 10 and len(COMMANDING) >= 15 and len(PROMPTED) >= 1
    languages = {language for page in PAGES for _, language, _ in BLOCK.findall(page.read_text(encoding="utf-8"))}
    assert languages <= {"python", "sh", "csv", "text", "json", "toml", "yaml"}


def test_a_snippet_that_fails_is_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# x\n\n```python\nimport nowhere\n```\n\n    labelsmooth compare --no-such\n", encoding="utf-8")
    assert python_of(page) == "import nowhere\n"
    assert commands_of(page) == ["compare --no-such"]
    with pytest.raises(SystemExit):
        parser().parse_args(shlex.split(commands_of(page)[0]))
