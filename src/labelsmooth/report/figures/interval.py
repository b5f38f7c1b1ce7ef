"""The difference and its interval, against no difference and against the smallest gain that counts."""

from __future__ import annotations

from markupsafe import Markup

from ..._web.svg import Scale, element, label, line, share, stretched
from .._format import fixed

_TOP, _MIDDLE, _BOTTOM, _HEIGHT = 4, 62, 92, 112
# shares of the width: 0 stays right of the first and δ left of the second, so that both outer zones keep their names;
# the interval's ends stay as far as the third from the edges, where their numbers stand
_ZERO, _EFFECT, _END = 0.24, 0.66, 0.19


def _domain(lower: float, upper: float, effect: float) -> tuple[float, float]:
    """Return the narrowest range that leaves every reference and both ends of the interval room for their names."""
    from_left, from_right = ((lower, _END), (0.0, _ZERO)), ((upper, 1 - _END), (effect, _EFFECT))
    width = max((b - a) / (g - f) for a, f in from_left for b, g in from_right) or 1e-6
    least = max(value - part * width for value, part in from_right)
    most = min(value - part * width for value, part in from_left)
    low = (least + most) / 2
    return low, low + width


def _zones(zero: float, effect: float) -> Markup:
    edges = (("hard", 0.0, zero), ("none", zero, effect), ("smooth", effect, 1.0))
    parts = [
        element("rect", x=share(a), y=_TOP, width=share(b - a), height=_BOTTOM - _TOP, class_=f"ls-zone ls-zone-{name}")
        for name, a, b in edges
    ]
    names = [label("1.5%", 20, "hard better", "start", "ls-tick ls-ink-hard")]
    names.append(label("98.5%", 20, "smoothing better", "end", "ls-tick ls-ink-smooth"))
    return Markup("").join([*parts, *names])


def _references(zero: float, effect: float) -> Markup:
    close = effect - zero < 0.09
    parts = [line(share(zero), _TOP, share(zero), _BOTTOM + 4, "ls-reference")]
    parts.append(label(share(zero), _HEIGHT - 3, "0", "end" if close else "middle"))
    if effect > zero:
        parts.append(line(share(effect), _TOP, share(effect), _BOTTOM + 4, "ls-reference ls-dashed"))
        parts.append(label(share(effect), _HEIGHT - 3, "δ", "start" if close else "middle"))
    return Markup("").join(parts)


def _whisker(x: float, text: str, side: str) -> Markup:
    nudge = -0.012 if side == "end" else 0.012
    cap = line(share(x), _MIDDLE - 7, share(x), _MIDDLE + 7, "ls-interval")
    return cap + label(share(x + nudge), _MIDDLE + 4, text, side, "ls-value")


def draw(difference: float | None, lower: float | None, upper: float | None, min_effect: float | None) -> Markup | None:
    """Return the picture, or None when there is no difference to show."""
    if difference is None:
        return None
    low, high = (difference if end is None else end for end in (lower, upper))
    effect = max(min_effect or 0.0, 0.0)
    position = Scale(*_domain(min(low, difference), max(high, difference), effect), 0.0, 1.0)
    zero, delta, middle = position(0.0), position(effect), position(difference)
    parts = [_zones(zero, delta), _references(zero, delta)]
    if high > low:
        parts.append(line(share(position(low)), _MIDDLE, share(position(high)), _MIDDLE, "ls-interval"))
        parts += [_whisker(position(low), fixed(low), "end"), _whisker(position(high), fixed(high), "start")]
    parts.append(element("circle", cx=share(middle), cy=_MIDDLE, r=6, class_="ls-point"))
    anchor = "start" if middle < 0.2 else "end" if middle > 0.8 else "middle"
    parts.append(label(share(middle), _MIDDLE - 16, f"Δ = {fixed(difference)}", anchor, "ls-value ls-strong"))
    span = f"95 % interval {fixed(low)} to {fixed(high)}; smallest gain that counts {fixed(effect)}"
    shown = f"Difference {fixed(difference)} nats, {span}"
    return stretched(_HEIGHT, shown, *parts)
