"""The documentation site is built without a warning, and everything public is in it."""

from __future__ import annotations

import re
import subprocess
import sys
import zlib
from importlib import import_module
from pathlib import Path

import pytest

import labelsmooth

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
ROOMS = ("losses", "schemes", "rivals", "calibration", "audit", "bench", "data", "models", "parallel")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built once; any warning is an error."""
    built = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "-q", "-d", str(built / "trees"), "-b", "html"]
    done = subprocess.run([*command, str(DOCS), str(built / "html")], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return built / "html"


def documented(site: Path) -> set[str]:
    """The Python names in the site's inventory."""
    packed = (site / "objects.inv").read_bytes().split(b"\n", 4)[4]
    return set(re.findall(r"^(\S+) py:", zlib.decompress(packed).decode("utf-8"), re.M))


def listed(room: str) -> set[str]:
    """What a room lists, or takes from its files."""
    module = import_module(room)
    taken = {name for name, each in vars(module).items() if getattr(each, "__module__", "").startswith("labelsmooth.")}
    return set(getattr(module, "__all__", {name for name in taken if not name.startswith("_")}))


def test_the_site_has_every_page_and_every_name(site: Path) -> None:
    pages = [path.relative_to(DOCS) for path in DOCS.rglob("*.md")]
    assert [page for page in pages if not (site / page.with_suffix(".html")).exists()] == []
    names = documented(site)
    public = {f"labelsmooth.{name}" for name in labelsmooth.__all__ if not name.startswith("_")}
    assert public - names == set()
    for room in ROOMS:
        members = listed(f"labelsmooth.{room}")
        assert len(members) > 1
        missing = {name for name in members if not {f"labelsmooth.{room}.{name}", f"labelsmooth.{name}"} & names}
        assert missing == set(), room


def test_every_page_stands_in_the_contents(site: Path) -> None:
    contents = (site / "index.html").read_text(encoding="utf-8")
    top = [path.relative_to(DOCS).with_suffix(".html") for path in DOCS.rglob("*.md") if path.stem != "index"]
    assert [page for page in top if f'href="{page.as_posix()}"' not in contents] == []


def test_docstrings_have_their_parts_and_no_stray_marks(site: Path) -> None:
    losses = (site / "reference" / "losses.html").read_text(encoding="utf-8")
    for part in ("Parameters", "Raises", "Returns", "Example", "Source", "Shapes"):
        assert part in losses
    assert losses.count("Rethinking the Inception Architecture, section 7") >= 3
    for page in (site / "reference").glob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert not re.findall(r"class=\"problematic\"|:param |:raises |&gt;&gt;&gt;[^<]*\\\\", text), page.name


def test_the_study_page_is_built_and_linked(site: Path) -> None:
    assert 'href="learn.html"' in (site / "study.html").read_text(encoding="utf-8")
    page = (site / "learn.html").read_text(encoding="utf-8")
    assert "Content-Security-Policy" in page and len(page) > 100_000


def test_nothing_is_asked_of_another_host(site: Path) -> None:
    asked = re.compile(r"<(?:script|img|iframe|link)\b[^>]*(?:src|href)=\"(?:https?:)?//")
    found = {page.name for page in site.rglob("*.html") if asked.search(page.read_text(encoding="utf-8"))}
    assert found == set()
