"""Colours: text is readable (WCAG AA) and lines are visible in light and in dark; the pair differs for every eye."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import numpy as np
import pytest

import labelsmooth._web
import labelsmooth.report

SHEET = "".join(
    path.read_text(encoding="utf-8")
    for path in (
        Path(labelsmooth._web.__file__).parent / "look.css",
        Path(labelsmooth.report.__file__).parent / "templates" / "style.css",
    )
)
TEXTS = ["ink", "muted", "hard", "smooth", "open", "fail", "good"]
LINES = ["hard", "smooth", *(f"s{i}" for i in range(8))]


def colours(dark: bool) -> dict[str, str]:
    blocks = re.findall(r"\.ls-page, \.ls-report \{(.*?)\}", SHEET, flags=re.S)
    found: dict[str, str] = {}
    for block in blocks[: 2 if dark else 1]:
        found |= dict(re.findall(r"--([a-z0-9-]+):\s*(#[0-9a-f]{6})", block))
    return found


def linear(colour: str) -> np.ndarray:
    channels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def contrast(a: str, b: str) -> float:
    high, low = sorted((float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (a, b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def lab(rgb: np.ndarray) -> np.ndarray:
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ rgb
    f = np.cbrt(np.clip(xyz / [0.9505, 1, 1.089], 1e-9, None))
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


# Viénot, Brettel and Mollon 1999 (protanopia, deuteranopia) and Machado et al. 2009 (tritanopia), on linear RGB
EYES = {
    "usual": np.eye(3),
    "protan": np.array([[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]]),
    "deutan": np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]]),
    "tritan": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}


@pytest.mark.parametrize("dark", [False, True])
def test_text_reaches_aa_on_every_ground(dark):
    found = colours(dark)
    for text in TEXTS:
        for ground in ("bg", "panel", "after"):
            assert contrast(found[text], found[ground]) >= 4.5, (text, ground)
    for role in ("hard", "smooth", "open", "fail"):
        for text in ("ink", "muted", role):
            assert contrast(found[text], found[f"{role}-tint"]) >= 4.5, (role, text)


@pytest.mark.parametrize("dark", [False, True])
def test_lines_are_visible_on_the_ground(dark):
    found = colours(dark)
    for name in LINES:
        assert contrast(found[name], found["bg"]) >= 3, name


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("dark", [False, True])
def test_hard_and_smoothed_differ_for_every_eye(dark, eye):
    found = colours(dark)
    hard, smooth = (lab(np.clip(EYES[eye] @ linear(found[name]), 0, 1)) for name in ("hard", "smooth"))
    assert np.linalg.norm(hard - smooth) > 30


def test_lines_differ_in_dashes_too():
    dashes = [re.search(rf"\.ls-s{i} \{{[^}}]*?--d: ([^;]+);", SHEET) for i in range(8)]
    shown = [match.group(1) if match else "solid" for match in dashes]
    assert len(set(shown)) == 8


@pytest.mark.parametrize("dark", [False, True])
def test_lines_differ_in_colour_for_the_usual_eye(dark):
    found = colours(dark)
    for a, b in itertools.combinations(LINES, 2):
        assert np.linalg.norm(lab(linear(found[a])) - lab(linear(found[b]))) > 15, (a, b)


def test_every_colour_is_a_variable_with_a_dark_twin():
    light, dark = re.findall(r"\.ls-page, \.ls-report \{(.*?)\}", SHEET, flags=re.S)[:2]
    names = [set(re.findall(r"--([a-z0-9-]+):", block)) for block in (light, dark)]
    assert names[0] == names[1]
    rest = SHEET.replace(light, "").replace(dark, "")
    assert not re.findall(r"#[0-9a-fA-F]{3,8}\b(?![^{]*\{)", re.sub(r"\{%.*?%\}", "", rest))
