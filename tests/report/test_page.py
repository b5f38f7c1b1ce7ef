"""The whole page: self-contained, complete for every verdict, patient with gaps, written whole or not at all."""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from report.pages import parse, section
from report.samples import SAMPLES, build, without

from labelsmooth import report
from labelsmooth._checks import UsageError

ALWAYS = ("verdict", "table", "reliability", "run")


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return {name: report.render(make()) for name, make in SAMPLES.items()}


@pytest.mark.parametrize("name", SAMPLES)
def test_D2_policy_forbids_scripts_and_requests(pages, name):
    page = parse(pages[name])
    (policy,) = [m for m in page.all("meta") if m.attributes.get("http-equiv") == "Content-Security-Policy"]
    directives = [part.strip() for part in (policy.attributes["content"] or "").split(";")]
    assert directives[:3] == ["default-src 'none'", "style-src 'unsafe-inline'", "img-src data:"]
    assert not [d for d in directives if "script" in d or "http" in d or "*" in d]


@pytest.mark.parametrize("name", SAMPLES)
def test_no_scripts_no_handlers_no_outside_reference(pages, name):
    page = parse(pages[name])
    assert not {e.tag for e in page.all()} & {
        "script",
        "iframe",
        "object",
        "embed",
        "base",
        "form",
        "img",
        "use",
        "image",
    }
    for element in page.all():
        for attribute, value in element.attributes.items():
            assert not attribute.startswith("on"), (element.tag, attribute)
            if attribute in ("href", "src", "xlink:href", "srcset", "action", "data", "poster"):
                assert (value or "").startswith(("#", "data:,")), (element.tag, attribute, value)
    assert not re.search(r"@import|url\s*\(|expression\s*\(", pages[name].split("</style>")[0])


@pytest.mark.parametrize("name", SAMPLES)
def test_ids_are_unique_and_links_lead_somewhere(pages, name):
    page = parse(pages[name])
    ids = [e.attributes["id"] for e in page.all() if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    targets = [(e.attributes["href"] or "")[1:] for e in page.all("a")]
    assert set(targets) <= set(ids)


@pytest.mark.parametrize(
    ("name", "badge"), [("smooth", "Smooth"), ("keep_hard", "Keep hard labels"), ("open", "Not settled")]
)
def test_every_verdict_has_its_parts_in_order(pages, name, badge):
    page, results = parse(pages[name]), SAMPLES[name]()
    assert page.one(class_="ls-badge").text == badge
    assert page.one("h1").text == results["verdict"]["sentence"]
    order = ["verdict", "table", "reliability", "pays", "curves", "run"]
    places = [pages[name].index(f'-{part}"') for part in order]
    assert places == sorted(places)
    assert page.one(class_="ls-snippet").one("pre").text == " ".join(results["verdict"]["snippet"].split())
    assert [li.text for li in page.one(class_="ls-reasons").all("li")] == results["verdict"]["reasons"]
    assert [code.text for code in page.one(class_="ls-warned").all("code")] == ["edge-of-grid"]
    assert results["run"]["command"] in page.one("pre", "ls-command").text


def test_what_would_settle_it_is_said_only_when_open(pages):
    assert [bool(parse(pages[name]).all(class_="ls-settle")) for name in ("smooth", "keep_hard", "open")] == [
        False,
        False,
        True,
    ]
    assert "About 4\u202f200 test rows or 31 seeds" in parse(pages["open"]).one(class_="ls-settle").text


@pytest.mark.parametrize("name", SAMPLES)
def test_sections_appear_exactly_when_there_is_something_to_show(pages, name):
    page, results = parse(pages[name]), SAMPLES[name]()
    rows = results["methods"]
    expected = dict.fromkeys(ALWAYS, True) | {
        "curves": bool(results["curves"]),
        "shifted": any(row["shifted"] for row in rows),
        "truth": any("true_calibration_error" in row["before"] for row in rows),
        "failed": bool(results["failed"]),
    }
    assert {part: section(page, part) is not None for part in expected} == expected


def test_failed_trials_are_said_at_the_top_and_listed(pages):
    page = parse(pages["open"])
    head = section(page, "verdict")
    assert head is not None
    alert = head.one(class_="ls-alert")
    assert "2 trials failed" in alert.text
    listed = section(page, "failed")
    assert listed is not None
    assert [f"{f['trial']} {f['reason']}" for f in SAMPLES["open"]()["failed"]] == [
        " ".join(part.text for part in li.children) for li in listed.all("li")
    ]
    assert alert.one("a").attributes["href"] == f"#{listed.attributes['id']}"


def test_before_and_after_temperature_are_named_and_only_after_decides(pages):
    page = parse(pages["smooth"])
    table = section(page, "table")
    assert table is not None
    groups = [th.text for th in table.all("th", "ls-group")]
    assert groups == ["Before temperature", "After temperature (decides)", "Gain over H*"]
    titles = [h3.text for stage in page.all(class_="ls-stage") for h3 in stage.all("h3")]
    assert titles == ["Before temperature", "After temperature (decides)"]


def test_C10_every_ece_stands_beside_its_null_and_rows(pages):
    page = parse(pages["smooth"])
    table = section(page, "table")
    assert table is not None
    heads = [th.text for th in table.all("thead")[0].all("tr")[1].all("th")]
    assert [heads[i + 1] for i, head in enumerate(heads) if head == "ECE"] == ["ECE null", "ECE null"]
    captions = [figure.one("figcaption").text for figure in page.all("figure", "ls-diagram")]
    assert len(captions) == 4
    for caption in captions:
        assert re.search(r"ECE 0\.\d+, null 0\.\d+; signed gap [+−]?0\.\d+; 630 rows × 10 seeds$", caption)


def test_C15_hashes_of_both_splits_are_shown():
    results = build()
    results["data"]["hashes"] = {"val": "aa11", "test": "bb22"}
    pairs = [pair for dl in parse(report.render(results)).all("dl") for pair in dl.children]
    facts = {pair.one("dt").text: pair.one("dd").text for pair in pairs}
    assert (facts["Hash, val"], facts["Hash, test"]) == ("aa11", "bb22")


def test_a_thousand_classes_are_counted_not_listed(pages):
    text = parse(pages["large"]).text
    assert "1\u202f000: class number 0" in text
    assert "and 988 more" in text
    assert "class number 12" not in text


@pytest.mark.parametrize("name", SAMPLES)
def test_pages_stay_small(pages, name):
    assert len(pages[name].encode()) < (1_000_000 if name == "large" else 200_000)


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), "text", True, [], {}])
@pytest.mark.parametrize("name", ["smooth", "open", "mixture", "shift", "evaluate"])
def test_numbers_that_are_missing_become_dashes(name, value):
    page = report.render(without(SAMPLES[name](), value))
    tree = parse(page)
    visible = tree.one("main").text
    for word in ("nan", "inf", "None", "null,"):
        assert not re.search(rf"(?<![\w]){word}(?![\w])", visible.replace("null, ", "").replace("ECE null", "")), word
    assert "–" in visible


def _paths(tree, prefix=()):
    """Every key of every dict, and the first item of every list."""
    children = tree.items() if isinstance(tree, dict) else enumerate(tree[:1]) if isinstance(tree, list) else ()
    for key, child in children:
        yield (*prefix, key)
        yield from _paths(child, (*prefix, key))


def _without(results, path, *, key_too):
    changed = copy.deepcopy(results)
    node = changed
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = None
    if key_too:
        del node[path[-1]]
    return changed


WHOLE = build("open", methods=("hard", "uniform 0.1"), epochs=2, shift=True, truth=True, failed=1)
KEYS = sorted({path[0] for path in _paths(WHOLE)})


@pytest.mark.parametrize("top", KEYS)
def test_any_piece_may_be_missing_or_null(top):
    """One kind of piece at a time: of several alike (a mean here, a mean there) the first stands for all."""
    kinds = {}
    for path in _paths(WHOLE):
        if path[0] == top:
            kinds.setdefault((len(path), path[-1], path[-2:][0]), path)
    for path in kinds.values():
        for key_too in (False, True):
            assert "<h1" in report.render(_without(WHOLE, path, key_too=key_too)), path


def test_empty_results_still_make_a_page():
    page = parse(report.render({}))
    assert page.one("h1").text == "These results hold no verdict."
    assert section(page, "table") is not None


def test_results_must_be_a_dict():
    with pytest.raises(TypeError, match=r"results must be a dict .* got list"):
        report.render([])  # type: ignore[arg-type]


def test_the_same_results_give_the_same_page_and_are_left_alone():
    results = build()
    before = copy.deepcopy(results)
    assert report.render(results) == report.render(json.loads(json.dumps(results)))
    assert results == before


def test_fragment_has_no_document_and_styles_nothing_else():
    fragment = report.render_fragment(build("smooth", failed=1))
    tree = parse(fragment)
    assert not {e.tag for e in tree.all()} & {"html", "head", "body", "meta", "script", "link"}
    (root,) = tree.children
    assert root.classes() >= {"ls-report"}
    style = re.sub(r"/\*.*?\*/", "", fragment.split("<style>")[1].split("</style>")[0], flags=re.S)
    selectors = [s.strip() for s in re.findall(r"(?:^|[{};])\s*([^{};@]+)\{", style) for s in s.split(",")]
    assert len(selectors) > 100
    assert not [s for s in selectors if ".ls-" not in s and s not in ("circle.ls-few",)]


def test_two_fragments_in_one_notebook_share_no_id():
    both = parse(report.render_fragment(build("smooth", failed=1)) + report.render_fragment(build("open", failed=1)))
    ids = [e.attributes["id"] for e in both.all() if "id" in e.attributes]
    assert len(ids) == len(set(ids)) > 4


def test_write_is_atomic_and_returns_the_path(tmp_path):
    target = tmp_path / "new" / "report.html"
    results = build()
    assert report.write(results, str(target)) == target
    assert target.read_text(encoding="utf-8") == report.render(results)
    assert os.listdir(target.parent) == ["report.html"]


def test_a_failed_write_leaves_the_old_page_and_no_rest(tmp_path, monkeypatch):
    target = tmp_path / "report.html"
    report.write(build("smooth"), target)
    old = target.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UsageError, match=r"report.html \(No space left on device\); pass a path that can be"):
        report.write(build("open"), target)
    assert target.read_bytes() == old
    assert os.listdir(tmp_path) == ["report.html"]


def test_an_unwritable_path_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"cannot be written to .* pass a path") as caught:
        report.write(build(), tmp_path / "file" / "report.html")
    assert "\n" not in str(caught.value)


def test_the_page_is_made_without_torch_numpy_or_matplotlib():
    code = (
        "import json, sys; from labelsmooth import report; report.render(json.load(sys.stdin)); "
        "print([m for m in ('torch', 'numpy', 'matplotlib', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(build()),
        capture_output=True,
        text=True,
        check=True,
        cwd=Path.home(),
    )
    assert done.stdout.strip() == "[]"
