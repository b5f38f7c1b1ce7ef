"""What the machine starts from: names of the classes and rows of logits to try."""

from __future__ import annotations

from typing import Any

NAMES = ("cat", "dog", "fox", "owl", "hen", "bee", "ant", "cow", "bat", "elk")
PRESETS: dict[str, tuple[str, tuple[float, ...] | str]] = {
    "unsure": ("no idea", (0.0,)),
    "right": ("sure and right", (8.0, 0.0)),
    "wrong": ("sure and wrong", (-2.0, 5.0, 1.0, 0.0)),
    "close": ("two alike", (2.0, 1.8, -2.0)),
    "best": ("at its best", "best"),
}


def machine() -> dict[str, Any]:
    """Data of the script; a row of logits shorter than the classes goes on with its last number."""
    return {"names": NAMES, "presets": {name: logits for name, (_, logits) in PRESETS.items()}}


def buttons() -> list[tuple[str, str]]:
    """Name and words of each preset."""
    return [(name, words) for name, (words, _) in PRESETS.items()]
