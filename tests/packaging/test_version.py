"""The version stands in one place, and the changelog's newest entry is about it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import labelsmooth

ROOT = Path(__file__).parents[2]
HEADING = re.compile(r"^## (\d+\.\d+\.\d+) \((unreleased|\d{4}-\d{2}-\d{2})\)$", re.M)


def headings(changes: str) -> list[str]:
    """The versions of a changelog, newest first; every heading has the form of one."""
    found = [version for version, _ in HEADING.findall(changes)]
    assert len(found) == len(re.findall(r"^## ", changes, re.M)), "a heading is no version with a date"
    return found


def test_the_newest_entry_is_the_version() -> None:
    assert headings((ROOT / "CHANGELOG.md").read_text("utf-8"))[0] == labelsmooth.__version__


def test_the_version_is_written_once() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert settings["project"]["dynamic"] == ["version"] and "version" not in settings["project"]
    assert settings["tool"]["scikit-build"]["metadata"]["version"]["input"] == "src/labelsmooth/__init__.py"
    pattern = re.compile(
        rf"^\s*(?:__version__|version|release) *= *[\"']{re.escape(labelsmooth.__version__)}[\"']", re.M
    )
    kept = [*(ROOT / "src").rglob("*.py"), *(ROOT / "docs").rglob("*.py"), ROOT / "pyproject.toml"]
    places = [path.relative_to(ROOT).as_posix() for path in kept if pattern.search(path.read_text("utf-8"))]
    assert places == ["src/labelsmooth/__init__.py"]


def test_versions_fall_from_the_newest() -> None:
    order = [tuple(map(int, version.split("."))) for version in headings((ROOT / "CHANGELOG.md").read_text("utf-8"))]
    assert order == sorted(set(order), reverse=True)
