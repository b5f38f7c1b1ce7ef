"""Figures show what the numbers say: positions are read back from the SVG and turned into values again."""

from __future__ import annotations

import itertools
import math
import random
import re

import pytest
from report.pages import Element, parse

from labelsmooth._web.svg import Scale, element, linear_ticks, log_ticks
from labelsmooth.report.figures import curves, forest, interval, reliability, truth


def at(element: Element, name: str) -> float:
    return float((element.attributes[name] or "").rstrip("%"))


def drawn(picture: object) -> Element:
    assert picture is not None
    return parse(str(picture))


# interval


def interval_positions(picture: object) -> dict[str, float]:
    tree = drawn(picture)
    zero, delta = (at(line, "x1") for line in tree.all("line", "ls-reference"))
    (bar,) = [line for line in tree.all("line", "ls-interval") if line.attributes["x1"] != line.attributes["x2"]]
    return {
        "zero": zero,
        "delta": delta,
        "low": at(bar, "x1"),
        "high": at(bar, "x2"),
        "value": at(tree.one("circle"), "cx"),
    }


@pytest.mark.parametrize("seed", range(40))
def test_interval_is_to_scale_and_leaves_room_for_its_names(seed):
    rng = random.Random(seed)
    low, high = sorted(rng.gauss(0, 10 ** rng.uniform(-3, 0)) for _ in range(2))
    effect, value = 10 ** rng.uniform(-3, -1), low + rng.random() * (high - low)
    found = interval_positions(interval.draw(value, low, high, effect))
    per_unit = (found["high"] - found["low"]) / (high - low)
    for name, number in (("delta", effect), ("low", low), ("high", high), ("value", value)):
        assert found[name] - found["zero"] == pytest.approx(per_unit * number, abs=0.05)
    assert 18.9 <= found["low"] <= found["high"] <= 81.1
    assert found["zero"] >= 23.9
    assert found["delta"] <= 66.1


def test_interval_zones_meet_at_the_references():
    tree = drawn(interval.draw(0.025, 0.004, 0.046, 0.0027))
    hard, none, smooth = tree.all("rect")
    zero, delta = (at(line, "x1") for line in tree.all("line", "ls-reference"))
    assert at(hard, "width") == pytest.approx(zero, abs=0.02)
    assert at(none, "x") + at(none, "width") == pytest.approx(delta, abs=0.02) == at(smooth, "x")
    assert at(smooth, "x") + at(smooth, "width") == pytest.approx(100, abs=0.02)


def test_interval_without_width_or_without_ends_is_a_point():
    for picture in (
        interval.draw(0.01, 0.01, 0.01, 0.002),
        interval.draw(0.01, None, None, 0.002),
        interval.draw(0.0, 0.0, 0.0, 0.0),
    ):
        assert not drawn(picture).all("line", "ls-interval")
        assert len(drawn(picture).all("circle")) == 1
    assert interval.draw(None, 0.1, 0.2, 0.002) is None


# forest


def test_forest_rows_share_one_scale():
    listed = [forest.Difference(v, v - 0.02, v + 0.03) for v in (-0.04, 0.0, 0.015, 0.03)]
    low, high = forest.domain(listed, 0.003)
    for row in listed:
        tree = drawn(forest.draw(row, 0.003, low, high, "other"))
        zero, delta = (at(line, "x1") for line in tree.all("line", "ls-reference"))
        (bar,) = tree.all("line", "ls-interval")
        scale = (delta - zero) / 0.003
        assert (at(bar, "x1") - zero) / scale == pytest.approx(row.lower, abs=2e-4)
        assert (at(bar, "x2") - zero) / scale == pytest.approx(row.upper, abs=2e-4)
        assert (at(tree.one("circle"), "cx") - zero) / scale == pytest.approx(row.value, abs=2e-4)
        assert not tree.all("text")


def test_forest_points_out_of_the_picture_to_a_row_that_is_far_worse():
    usual = [forest.Difference(v, v - 0.01, v + 0.01) for v in (0.0, 0.01, 0.02, 0.015)]
    far = forest.Difference(-3.0, -3.2, -2.8)
    low, high = forest.domain([*usual, far], 0.003)
    assert high - low < 0.2
    tree = drawn(forest.draw(far, 0.003, low, high, "other"))
    assert [text.text for text in tree.all("text")] == ["‹"]
    assert not tree.all("circle")


# reliability

PANEL = {
    "edges": [i / 5 for i in range(6)],
    "count": [0, 4, 30, 66, 100],
    "confidence": [None, 0.33, 0.51, 0.7, 0.95],
    "accuracy": [None, 0.25, 0.6, 0.65, 0.9],
}


def test_reliability_bars_dots_and_stems_are_where_the_numbers_are():
    tree = drawn(reliability.draw(PANEL, "hard"))
    grid = tree.all("line", "ls-grid")
    bottom, top = at(grid[0], "y1"), at(grid[-1], "y1")
    left, right = at(grid[0], "x1"), at(grid[0], "x2")
    dots, bars = tree.all("circle"), tree.all("rect", "ls-bar-hard")
    assert len(dots) == len(bars) == 4
    for dot, bar, index in zip(dots, bars, (1, 2, 3, 4), strict=True):
        confidence, accuracy = PANEL["confidence"][index], PANEL["accuracy"][index]
        assert (at(dot, "cx") - left) / (right - left) == pytest.approx(confidence, abs=1e-3)
        assert (bottom - at(dot, "cy")) / (bottom - top) == pytest.approx(accuracy, abs=1e-3)
        assert at(bar, "y") == pytest.approx(at(dot, "cy"), abs=0.01)
        assert at(bar, "y") + at(bar, "height") == pytest.approx(bottom, abs=0.02)
        assert (at(bar, "x") + at(bar, "width") / 2 - left) / (right - left) == pytest.approx(
            0.1 + 0.2 * index, abs=1e-3
        )
    for stem, dot in zip(tree.all("line", "ls-stem"), dots, strict=True):
        on_diagonal = bottom - (at(dot, "cx") - left) / (right - left) * (bottom - top)
        assert (at(stem, "y1"), at(stem, "y2")) == pytest.approx((at(dot, "cy"), on_diagonal), abs=0.02)


def test_reliability_bins_with_few_rows_are_hollow_and_empty_ones_absent():
    dots = drawn(reliability.draw(PANEL, "smooth")).all("circle")
    assert ["ls-few" in dot.classes() for dot in dots] == [True, False, False, False]


def test_confidence_histogram_is_proportional():
    bars = drawn(reliability.draw(PANEL, "smooth")).all("rect", "ls-fill-smooth")
    heights = [at(bar, "height") for bar in bars]
    assert heights == pytest.approx([heights[-1] * count / 100 for count in (4, 30, 66, 100)], abs=0.01)
    assert len({round(at(bar, "y") + at(bar, "height"), 1) for bar in bars}) == 1
    assert "50\u202f%" in [text.text for text in drawn(reliability.draw(PANEL, "smooth")).all("text")]


def test_reliability_means_weigh_bins_by_their_rows():
    confidence, accuracy = reliability.means(reliability.bins_of(PANEL)) or (0, 0)
    assert confidence == pytest.approx((4 * 0.33 + 30 * 0.51 + 66 * 0.7 + 100 * 0.95) / 200)
    assert accuracy == pytest.approx((4 * 0.25 + 30 * 0.6 + 66 * 0.65 + 100 * 0.9) / 200)


@pytest.mark.parametrize(
    "panel", [{}, {**PANEL, "count": [0] * 5}, {**PANEL, "edges": []}, {**PANEL, "accuracy": None}]
)
def test_reliability_without_rows_is_no_picture(panel):
    assert reliability.draw(panel, "hard") is None


# curves


def series(values: list[float | None], mark: float | None = None) -> curves.Series:
    return curves.Series([float(i) for i in range(len(values))], values, "ls-s0", mark)


def read_back(picture: object) -> tuple[list[list[tuple[float, float]]], Element]:
    """Return every polyline in the figure's own coordinates."""
    tree = drawn(picture)
    inner = next(svg for svg in tree.all("svg") if "x" in svg.attributes)
    dx, dy = at(inner, "x"), at(inner, "y")
    lines = []
    for line in inner.all("polyline"):
        pairs = (point.split(",") for point in (line.attributes["points"] or "").split())
        lines.append([(float(x) + dx, float(y) + dy) for x, y in pairs])
    return lines, tree


def y_axis(tree: Element) -> list[tuple[float, float]]:
    """Return (position, value) of the ticks at the left."""
    labels = [t for t in tree.all("text", "ls-tick") if t.attributes["text-anchor"] == "end" and at(t, "x") < 48]
    return [(at(text, "y") - 4, float(text.text.replace("−", "-"))) for text in labels]


@pytest.mark.parametrize("axis", [curves.Axis(), curves.Axis(zero=True), curves.Axis(may_log=True)])
def test_curves_are_to_scale(axis):
    values = [0.5, 0.42, 0.3, 0.33, 0.25]
    ((line,), tree) = read_back(curves.draw("x", [series(values)], axis))
    (p0, v0), *_, (p1, v1) = y_axis(tree)
    assert [v0 + (y - p0) / (p1 - p0) * (v1 - v0) for _, y in line] == pytest.approx(values, abs=1e-3)
    steps = [b[0] - a[0] for a, b in itertools.pairwise(line)]
    assert steps == pytest.approx([steps[0]] * 4, abs=0.02)


def test_curves_over_decades_are_logarithmic():
    values = [2.0, 0.9, 0.4, 0.15, 0.1]
    ((line,), tree) = read_back(curves.draw("x", [series(values)], curves.Axis(may_log=True)))
    (p0, v0), *_, (p1, v1) = y_axis(tree)
    back = [v0 * (v1 / v0) ** ((y - p0) / (p1 - p0)) for _, y in line]
    assert back == pytest.approx(values, rel=5e-3)


def test_a_missing_epoch_leaves_a_gap():
    lines, _ = read_back(curves.draw("x", [series([0.1, 0.2, None, None, 0.3, 0.4])], curves.Axis()))
    assert [len(line) for line in lines] == [2, 2]


def test_long_trainings_are_thinned_and_keep_both_ends():
    values = [math.sin(i / 50) for i in range(5000)]
    epochs, kept = curves.thinned([float(i) for i in range(5000)], values)
    assert len(epochs) == len(kept) <= 160
    assert (epochs[0], epochs[-1]) == (0, 4999)
    assert kept == [values[int(e)] for e in epochs]


def test_the_mark_sits_on_the_line_at_its_epoch():
    values = [0.5, 0.42, 0.3, 0.33, 0.25]
    ((line,), tree) = read_back(curves.draw("x", [series(values, mark=2.2)], curves.Axis()))
    inner = next(svg for svg in tree.all("svg") if "x" in svg.attributes)
    circle = inner.one("circle")
    assert (at(circle, "cx") + at(inner, "x"), at(circle, "cy") + at(inner, "y")) == pytest.approx(line[2], abs=0.02)


def test_curves_of_nothing_are_no_picture():
    assert curves.draw("x", [series([None, None])], curves.Axis()) is None
    assert curves.draw("x", [], curves.Axis()) is None


@pytest.mark.parametrize("values", [[0.0, 0.0], [0.3], [-0.2, -0.2], [1.0, 1.0, 1.0], [1e-9, 1e-9]])
def test_constant_and_single_values_are_drawn(values):
    for axis in (curves.Axis(), curves.Axis(zero=True), curves.Axis(may_log=True), curves.Axis(ceiling=1.0)):
        lines, _ = read_back(curves.draw("x", [series(values)], axis))
        for _, y in lines[0]:
            assert 9 <= y <= 219


# truth, ticks, elements


def test_truth_and_estimate_are_to_scale():
    tree = drawn(truth.draw(0.12, 0.03, 0.015, 0.3))
    ring, dot = tree.all("circle")
    (null,) = tree.all("line", "ls-reference")
    values = [(at(e, n) - 3) / 94 * 0.3 for e, n in ((dot, "cx"), (ring, "cx"), (null, "x1"))]
    assert values == pytest.approx([0.12, 0.03, 0.015], abs=1e-4)


@pytest.mark.parametrize("seed", range(30))
def test_ticks_are_round_evenly_spaced_and_inside(seed):
    rng = random.Random(seed)
    low = rng.uniform(-1, 1) * 10 ** rng.randint(-4, 4)
    high = low + 10 ** rng.uniform(-5, 5)
    ticks = linear_ticks(low, high)
    assert 2 <= len(ticks) <= 7
    step = ticks[1] - ticks[0]
    assert f"{step:.0e}"[0] in "125"
    for index, tick in enumerate(ticks):
        assert low - 1e-9 * abs(high - low) <= tick <= high + 1e-9 * abs(high - low)
        assert tick == pytest.approx(ticks[0] + index * step, abs=1e-6 * step)


def test_log_ticks_are_one_two_five():
    assert log_ticks(0.09, 2.1) == [0.1, 0.2, 0.5, 1, 2]
    assert log_ticks(1e-5, 10) == [1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10]


def test_scale_goes_from_start_to_end():
    assert [Scale(2, 4, 100, 0)(v) for v in (2, 3, 4)] == [100, 50, 0]
    assert Scale(1, 100, 0, 10, log=True)(10) == pytest.approx(5)
    assert Scale(1, 1, 5, 10)(1) == 5


def test_elements_escape_text_and_attributes_but_not_their_own_kind():
    inner = element("b", "<i>&")
    assert str(element("a", inner, "<", class_='"x"', text_anchor=1.50)) == (
        '<a class="&#34;x&#34;" text-anchor="1.5"><b>&lt;i&gt;&amp;</b>&lt;</a>'
    )


def test_figures_carry_no_ids_and_no_colours():
    pictures = [
        interval.draw(0.01, 0.0, 0.02, 0.002),
        reliability.draw(PANEL, "hard"),
        truth.draw(0.1, 0.1, None, 0.2),
        curves.draw("x", [series([0.1, 0.2])], curves.Axis()),
        forest.draw(forest.Difference(0.0, -1, 1), 0.1, -1, 1, "hard"),
    ]
    for picture in pictures:
        assert not re.search(r'\b(id|fill|stroke|style|color)="', str(picture))
