"""The picture of the overview: a target before and after smoothing."""

from __future__ import annotations

from markupsafe import Markup

from .._web.svg import Scale, element, figure, label, line
from ._facts import target
from ._text import fixed
from .machine import NAMES

_BASE, _TOP, _STEP = 150, 26, 62
AMOUNT = 0.1


def before_and_after(classes: int = 5) -> tuple[Markup, Markup]:
    """The one-hot target and the smoothed one."""
    hard, soft = target(classes, 0.0), target(classes, AMOUNT)
    return _bars(hard, "hard", "One-hot target"), _bars(soft, "smooth", f"Smoothed target, ε = {AMOUNT:g}")


def _bars(values: list[float], role: str, title: str) -> Markup:
    y = Scale(0.0, 1.0, float(_BASE), float(_TOP))
    shown = ", ".join(f"{name} {fixed(value, 2)}" for name, value in zip(NAMES, values, strict=False))
    parts = [line(0, _BASE, _STEP * len(values), _BASE, "ls-axis")]
    for place, value in enumerate(values):
        x, height = _STEP * place + 9.0, _BASE - y(value)
        parts.append(element("rect", x=x, y=y(value), width=_STEP - 18, height=height, rx=2, class_=f"ls-solid-{role}"))
        parts.append(label(x + _STEP / 2 - 9, y(value) - 7, fixed(value, 2), class_="ls-value"))
        parts.append(label(x + _STEP / 2 - 9, _BASE + 18, NAMES[place]))
    return figure(_STEP * len(values), _BASE + 26, f"{title}: {shown}", *parts)
