"""The page as a document: well formed, self-contained, small; the script allowed by its hash alone."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from report.pages import parse

from labelsmooth import cli
from labelsmooth.lesson import page

PAGE = page.render()
TREE = parse(PAGE)


def test_S14_every_part_is_there_and_on_the_map() -> None:
    links = [link.attributes["href"] for element in TREE.all("nav") for link in element.all("a")]
    ids = [element.attributes["id"] for element in TREE.all() if "ls-part" in element.classes()]
    assert links == [f"#{id}" for id, _ in page.PARTS]
    assert {f"#{id}" for id in ids} == set(links)


def test_ids_are_unique_and_labels_lead_somewhere() -> None:
    ids = [element.attributes["id"] for element in TREE.all() if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    for element in TREE.all():
        for name in ("for", "aria-labelledby"):
            assert element.attributes.get(name, ids[0]) in ids


def test_it_is_small_and_asks_for_nothing() -> None:
    assert len(PAGE.encode()) < 600_000
    assert not re.search(r"(src|href)=[\"'](?!#|data:,)", PAGE)
    assert "url(" not in PAGE and "@import" not in PAGE and "fetch(" not in PAGE and "XMLHttp" not in PAGE


def test_the_policy_allows_this_script_and_no_other() -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', PAGE)
    script = re.search(r"<script>(.*?)</script>", PAGE, re.S)
    assert policy is not None and script is not None
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy[1]
    assert "default-src 'none'" in policy[1] and "unsafe-eval" not in policy[1]
    assert PAGE.count("<script>") == 1
    assert not [e for e in TREE.all() if any(name.startswith("on") for name in e.attributes)]


def test_data_are_plain_json_that_cannot_end_their_element() -> None:
    for each in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', PAGE, re.S):
        assert json.loads(each)
        assert "<" not in each


def test_nothing_of_the_machine_that_built_it_is_on_the_page() -> None:
    assert not re.search(r"/root/|/home/\w|/tmp/|Traceback", PAGE)


def test_learn_writes_where_it_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "new folder" / "learn.html"
    assert cli.run(["learn", "--out", str(target)]) == 0
    assert capsys.readouterr().out.strip() == str(target)
    assert target.read_text(encoding="utf-8") == PAGE


def test_learn_opens_the_browser(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    assert cli.run(["learn", "--sheet"]) == 0
    path = Path(capsys.readouterr().out.strip())
    assert opened == [path.as_uri()]
    sheet = path.read_text(encoding="utf-8")
    assert "4.51" in sheet and "<script" not in sheet
    path.unlink()
    path.parent.rmdir()


def test_a_path_that_cannot_be_written_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert cli.run(["learn", "--out", str(tmp_path / "file" / "learn.html")]) == 2
    assert "the study page cannot be written" in capsys.readouterr().err


def test_the_help_of_learn_loads_no_torch() -> None:
    program = (
        "import sys\nfrom labelsmooth.cli import parser\nparser().parse_args(['learn'])\n"
        "assert 'torch' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0
