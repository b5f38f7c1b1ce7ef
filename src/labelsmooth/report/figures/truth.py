"""The estimated calibration error beside the true one, small enough for a table cell."""

from __future__ import annotations

from markupsafe import Markup

from ..._web.svg import Scale, element, line, share, stretched
from .._format import fixed

_HEIGHT, _MIDDLE = 26, 13


def draw(estimate: float, truth: float, null: float | None, largest: float) -> Markup:
    """Return a dot (estimate), a ring (truth) and a tick (null value) on the range 0 to `largest`."""
    position = Scale(0.0, largest or 1.0, 0.03, 0.97)
    low, high = sorted((position(estimate), position(truth)))
    parts = [line("3%", _MIDDLE, "97%", _MIDDLE, "ls-grid")]
    if null is not None:
        parts.append(line(share(position(null)), 3, share(position(null)), _HEIGHT - 3, "ls-reference ls-dashed"))
    parts.append(line(share(low), _MIDDLE, share(high), _MIDDLE, "ls-interval ls-thin"))
    parts.append(element("circle", cx=share(position(truth)), cy=_MIDDLE, r=5, class_="ls-ring"))
    parts.append(element("circle", cx=share(position(estimate)), cy=_MIDDLE, r=3.5, class_="ls-point"))
    return stretched(_HEIGHT, f"estimate {fixed(estimate)}, truth {fixed(truth)}", *parts, class_="ls-cell-figure")
