"""A figure as PNG: our own few SVG elements, drawn by matplotlib in the light colours of the style sheet."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any
from xml.etree import ElementTree

from .._checks import require
from .css import Declarations, Node, declarations, resolved
from .environment import UNPRINTABLE

_WIDE, _DPI, _KEY = 720.0, 200, 18
_ANCHORS = {"start": "left", "middle": "center", "end": "right"}
_INHERITED = ("fill", "stroke", "stroke-width", "stroke-dasharray", "opacity")


@dataclass(frozen=True)
class _Place:
    """Where an element stands: offset and size of the drawing around it, its ancestors, what it inherits, its clip."""

    x: float
    y: float
    width: float
    height: float
    above: tuple[Node, ...]
    style: tuple[tuple[str, str], ...]
    clip: Any = None


def png(svg: str, sheet: str, title: str = "", keys: Sequence[tuple[str, str]] = ()) -> bytes:
    """Draw one figure of ours as a PNG of 200 dots an inch, 72 units an inch.

    `sheet` holds the style sheets of its page; `title` is written above, `keys`, class and name of each entry of a
    legend, underneath.
    """
    figure_module = require("app", "matplotlib.figure")
    root = ElementTree.fromstring(svg)
    width, height = _size(root)
    variables = declarations(sheet, Node("div", frozenset({"ls-report"})), ())
    tall = height + (_KEY * len(keys) + 10 if keys else 0)
    figure = figure_module.Figure(figsize=(width / 72, tall / 72), dpi=_DPI)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(tall, 0))
    axes.axis("off")
    place = _Place(0.0, 0.0, width, height, (), tuple(variables.items()))
    for child in [*_heading(title), *root, *_legend(keys, height + 18)]:
        _draw(axes, child, place, sheet)
    written = io.BytesIO()
    with warnings.catch_warnings():
        # a name in a script that the font lacks is drawn as boxes, and the rest of the figure as it should be
        warnings.filterwarnings("ignore", message="Glyph")
        figure.savefig(written, format="png", facecolor=variables["--bg"], bbox_inches="tight", pad_inches=0.1)
    return written.getvalue()


def _heading(title: str) -> Iterator[ElementTree.Element]:
    """The title over the left end of the axes; the picture is cut around all that is in it."""
    if title:
        text = ElementTree.Element("text", {"x": "48", "y": "-10", "class": "ls-value ls-strong"})
        text.text = title.translate(UNPRINTABLE)
        yield text


def _legend(keys: Sequence[tuple[str, str]], top: float) -> Iterator[ElementTree.Element]:
    """A short line, or a band, and a name for each key, one under the other."""
    for place, (style, name) in enumerate(keys):
        y = top + _KEY * place
        yield _sign(style, y - 4.0)
        text = ElementTree.Element("text", {"x": "82", "y": str(y)})
        text.text = (name if len(name) <= 45 else name[:44] + "…").translate(UNPRINTABLE)
        yield text


def _sign(style: str, y: float) -> ElementTree.Element:
    if "ls-zone" in style:
        return ElementTree.Element("rect", {"x": "44", "y": f"{y - 5}", "width": "30", "height": "10", "class": style})
    if "ls-reference" in style:
        return ElementTree.Element("line", {"x1": "44", "x2": "74", "y1": f"{y}", "y2": f"{y}", "class": style})
    group = ElementTree.Element("g", {"class": f"ls-curve {style}"})
    ElementTree.SubElement(group, "polyline", {"points": f"44,{y} 74,{y}"})
    return group


def _size(root: ElementTree.Element) -> tuple[float, float]:
    box = root.get("viewBox")
    if box is not None:
        return float(box.split()[2]), float(box.split()[3])
    return _WIDE, float(root.get("height", "100"))


def _draw(axes: Any, element: ElementTree.Element, place: _Place, sheet: str) -> None:
    node = Node(element.tag, frozenset((element.get("class") or "").split()))
    style = dict(place.style) | declarations(sheet, node, place.above)
    drawing = {"rect": _rect, "line": _line, "circle": _circle, "polyline": _polyline, "text": _text}.get(element.tag)
    if drawing is not None:
        drawing(axes, element, place, {name: resolved(value, style) for name, value in style.items()})
    kept = tuple((n, v) for n, v in style.items() if n.startswith("--") or n in _INHERITED)
    inner = replace(place, above=(*place.above, node), style=kept)
    for child in element if element.tag in ("g", "svg") else ():
        _draw(axes, child, _within(axes, element, inner) if element.tag == "svg" else inner, sheet)


def _within(axes: Any, element: ElementTree.Element, place: _Place) -> _Place:
    """The place inside a nested drawing, which cuts off what leaves it."""
    x, y = place.x + _length(element, "x", place.width), place.y + _length(element, "y", place.height)
    width, height = _length(element, "width", place.width), _length(element, "height", place.height)
    patches = require("app", "matplotlib.patches")
    clip = patches.Rectangle((x, y), width, height, transform=axes.transData)
    return replace(place, x=x, y=y, width=width, height=height, clip=clip)


def _length(element: ElementTree.Element, name: str, whole: float) -> float:
    text = element.get(name, "0")
    return float(text[:-1]) / 100 * whole if text.endswith("%") else float(text)


def _number(style: Declarations, name: str, usual: float) -> float:
    found = re.match(r"[\d.]+", style.get(name, ""))
    return float(found[0]) if found else usual


def _stroke(style: Declarations) -> dict[str, Any]:
    width = _number(style, "stroke-width", 1.0)
    dashes = [float(part) / width for part in re.findall(r"[\d.]+", style.get("stroke-dasharray", ""))]
    return {"linewidth": width, "linestyle": (0, dashes) if dashes else "-"}


def _paint(style: Declarations) -> dict[str, Any]:
    """Face, edge and opacity of a closed shape."""
    edge = style.get("stroke", "none")
    opacity = _number(style, "opacity", 1.0) * _number(style, "fill-opacity", 1.0)
    drawn = {"facecolor": style.get("fill", "black"), "edgecolor": edge, "alpha": opacity}
    return drawn | (_stroke(style) if edge != "none" else {"linewidth": 0})


def _line(axes: Any, element: ElementTree.Element, place: _Place, style: Declarations) -> None:
    xs = [place.x + _length(element, name, place.width) for name in ("x1", "x2")]
    ys = [place.y + _length(element, name, place.height) for name in ("y1", "y2")]
    if style.get("stroke", "none") != "none":
        _open(axes, xs, ys, place, style)


def _polyline(axes: Any, element: ElementTree.Element, place: _Place, style: Declarations) -> None:
    points = [tuple(map(float, pair.split(","))) for pair in element.get("points", "").split()]
    _open(axes, [place.x + x for x, _ in points], [place.y + y for _, y in points], place, style)


def _open(axes: Any, xs: list[float], ys: list[float], place: _Place, style: Declarations) -> None:
    opacity = _number(style, "opacity", 1.0)
    (drawn,) = axes.plot(xs, ys, color=style["stroke"], alpha=opacity, solid_capstyle="butt", **_stroke(style))
    drawn.set_clip_path(place.clip) if place.clip is not None else drawn.set_clip_on(False)


def _rect(axes: Any, element: ElementTree.Element, place: _Place, style: Declarations) -> None:
    patches = require("app", "matplotlib.patches")
    corner = (place.x + _length(element, "x", place.width), place.y + _length(element, "y", place.height))
    size = (_length(element, "width", place.width), _length(element, "height", place.height))
    axes.add_patch(patches.Rectangle(corner, *size, **_paint(style)))


def _circle(axes: Any, element: ElementTree.Element, place: _Place, style: Declarations) -> None:
    patches = require("app", "matplotlib.patches")
    middle = (place.x + _length(element, "cx", place.width), place.y + _length(element, "cy", place.height))
    axes.add_patch(patches.Circle(middle, _length(element, "r", place.width), zorder=3, clip_on=False, **_paint(style)))


def _text(axes: Any, element: ElementTree.Element, place: _Place, style: Declarations) -> None:
    axes.text(
        place.x + _length(element, "x", place.width),
        place.y + _length(element, "y", place.height),
        (element.text or "").replace("$", "\\$"),
        color=style.get("fill", "black"),
        fontsize=_number(style, "font-size", 12.5),
        fontweight="bold" if _number(style, "font-weight", 400) >= 600 else "normal",
        fontstyle="italic" if style.get("font-style") == "italic" else "normal",
        ha=_ANCHORS[element.get("text-anchor", "start")],
        va="baseline",
    )
