"""Text with a little markup: `code`, **strong** and *stress*; numbers with a true minus sign."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

_MARKS = (
    (re.compile(r"`([^`]+)`"), r"<code>\1</code>"),
    (re.compile(r"\*\*([^*]+)\*\*"), r"<strong>\1</strong>"),
    (re.compile(r"(?<!\w)\*([^*\s][^*]*)\*(?!\w)"), r"<em>\1</em>"),
)


def rich(text: str) -> Markup:
    """Return `text` as HTML, everything in it escaped but the marks.

    >>> rich("a < b, `x*y`, **so**")
    Markup('a &lt; b, <code>x*y</code>, <strong>so</strong>')
    """
    pieces = re.split(r"(`[^`]+`)", str(escape(text)))
    return Markup("".join(_marked(piece) for piece in pieces))


def _marked(piece: str) -> str:
    if not piece.startswith("`"):
        piece = re.sub(r"(?<=\w)&#39;(?=\w)", "’", piece)
        piece = re.sub(r"\b([A-Zγεn]) = (?=\d|−)", "\\1\u00a0=\u00a0", piece)
    for pattern, replacement in _MARKS[:1] if piece.startswith("`") else _MARKS[1:]:
        piece = pattern.sub(replacement, piece)
    return piece


def fixed(value: float, decimals: int = 3) -> str:
    """Return a number with `decimals` decimals: 0.950, −0.100, ∞.

    >>> fixed(-0.1), fixed(float("inf"))
    ('−0.100', '∞')
    """
    shown = f"{value:.{decimals}f}".replace("inf", "∞").replace("nan", "not a number")
    return shown.lstrip("-") if not shown.strip("-0.") else shown.replace("-", "−")


def signed(value: float, decimals: int = 3) -> str:
    """Return a number with its sign: +0.041, −0.100."""
    shown = fixed(value, decimals)
    return shown if shown[0] in "−∞" or not shown.strip("0.") else f"+{shown}"


def listed(values: list[float], decimals: int = 3) -> str:
    """Return numbers as a list: [0.025, 0.900, 0.025]."""
    return "[" + ", ".join(fixed(value, decimals) for value in values) + "]"
