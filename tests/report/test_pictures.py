"""Every figure as a PNG: there, in its colours, with its legend; names from outside are text and never paths."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from report.samples import build, evaluated
from report.test_escaping import HOSTILE
from report.test_search import searched

from labelsmooth import cli
from labelsmooth._web.css import Node, declarations, resolved
from labelsmooth._web.png import png
from labelsmooth.report import pictures
from labelsmooth.report.views import search

SHEET = ".ls-report { --bg: #ffffff; --hard: #a3470a; } svg .ls-dot { fill: var(--hard); } .ls-few { opacity: .5; }"


def pixels(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"), dtype=int)


def test_a_shape_gets_the_colour_of_its_class() -> None:
    svg = '<svg viewBox="0 0 40 20"><rect x="5" y="5" width="30" height="10" class="ls-dot"></rect></svg>'
    shown = pixels(png(svg, SHEET))
    coloured = (np.abs(shown - [0xA3, 0x47, 0x0A]).sum(axis=2) < 6).sum()
    assert coloured == pytest.approx(30 * 10 * (200 / 72) ** 2, rel=0.05)
    faint = pixels(png(svg.replace("ls-dot", "ls-dot ls-few"), SHEET))
    assert faint.min() > shown.min() + 40


def test_rules_that_are_more_specific_win_and_variables_are_inherited() -> None:
    sheet = ".a .b { fill: red; } .b { fill: blue; } .c { --x: 3; }"
    inner, outer = Node("rect", frozenset({"b"})), Node("g", frozenset({"a"}))
    assert declarations(sheet, inner, ()) == {"fill": "blue"}
    assert declarations(sheet, inner, (outer,)) == {"fill": "red"}
    assert resolved("var(--x, 1.8)", {}) == "1.8"
    assert resolved("var(--x)", {"--x": "var(--y)", "--y": "#123456"}) == "#123456"


def test_every_figure_of_a_report_can_be_saved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = build("smooth")
    (tmp_path / "results.json").write_text(json.dumps(results), encoding="utf-8")
    assert cli.run(["report", str(tmp_path), "--figures", str(tmp_path / "figures"), "--format", "md"]) == 0
    written = sorted((tmp_path / "figures").iterdir())
    assert {path.stem for path in written} == set(pictures.figures(results))
    assert len([path for path in written if path.stem.startswith("curve-")]) >= 4
    for path in written:
        shown = pixels(path.read_bytes())
        colours = shown.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
        assert min(shown.shape[:2]) > 250 and len(np.unique(colours)) > 50
    assert str(written[0]) in capsys.readouterr().err


def test_S11_the_panels_of_a_search_can_be_saved_with_titles_and_the_legend_of_the_page(tmp_path: Path) -> None:
    results = searched()
    found = {name: each for name, each in pictures.figures(results).items() if name.startswith("search-")}
    assert [each.title for each in found.values()] == [title for _, _, title in search._PANELS]
    keys = [name for _, name in found["search-nll-after-temperature"].keys]
    assert keys == ["H*: hard", "S*: uniform 0.1", "uniform", "dropped early", "flat region"]
    written = {path.name: path for path in pictures.write(results, tmp_path)}
    assert {f"{name}.png" for name in found} <= set(written)
    shown = pixels(written["search-nll-after-temperature.png"].read_bytes())
    band = np.array([0xFF] * 3) * 0.72 + np.array([0xB9, 0xBA, 0xC0]) * 0.28
    columns = (np.abs(shown - band).sum(axis=2) < 8).sum(axis=0)
    assert 0.18 * shown.shape[1] < (columns > 0.25 * shown.shape[0]).sum() < 0.35 * shown.shape[1]


def test_a_title_is_written_above_and_a_band_is_a_band_in_the_legend() -> None:
    svg = '<svg viewBox="0 0 100 20"><rect x="50" y="5" width="5" height="10" class="ls-dot"></rect></svg>'
    sheet = SHEET + " .ls-zone-flat { fill: var(--hard); } .ls-reference { stroke: var(--hard); }"
    bare, titled = pixels(png(svg, sheet)), pixels(png(svg, sheet, "NLL $x^"))
    assert titled.shape[0] > bare.shape[0] + 20
    coloured = [(np.abs(pixels(png(svg, sheet, keys=((style, "name"),))) - [0xA3, 0x47, 0x0A]).sum(axis=2) < 6).sum()
                for style in ("ls-zone ls-zone-flat", "ls-reference")]  # fmt: skip
    square = (200 / 72) ** 2
    assert coloured[0] == pytest.approx((5 * 10 + 30 * 10) * square, rel=0.05)
    assert 50 * square < coloured[1] < 120 * square


def test_results_without_a_figure_give_none(tmp_path: Path) -> None:
    results = evaluated()
    results |= {"verdict": None, "reliability": [], "curves": {}}
    assert pictures.write(results, tmp_path / "none") == []


@pytest.mark.parametrize("text", HOSTILE[::5])
def test_D3_names_are_never_paths_and_never_break_a_legend(text: str, tmp_path: Path) -> None:
    results = build(methods=("hard", f"../../{text} 0.1 $x^"))
    picture = next(each for name, each in pictures.figures(results).items() if name.startswith("curve-"))
    assert len(png(str(picture.svg), pictures.sheet(), picture.title, picture.keys)) > 1000
    assert all("/" not in name and "." not in name for name in pictures.figures(results))
