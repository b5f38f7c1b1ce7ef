"""Extras: what an error tells people to install is there to be installed."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
HEAVY = {"all", "dev", "docs", "hf", "ray", "trainers"}


def test_every_extra_that_is_named_exists() -> None:
    named = set()
    for path in sorted((ROOT / "src").rglob("*.py")):
        text = path.read_text("utf-8")
        named |= set(re.findall(r"require\(\"([a-z]+)\"", text)) | set(re.findall(r"labelsmooth\[([a-z,]+)\]", text))
    named = {name for each in named for name in each.split(",")}
    assert {"app", "data", "sklearn"} <= named
    assert named <= EXTRAS.keys()


def test_all_is_every_extra_for_users_but_the_heavy_ones() -> None:
    (whole,) = EXTRAS["all"]
    inside = set(re.fullmatch(r"labelsmooth\[(.*)\]", whole)[1].split(","))
    assert inside | HEAVY >= EXTRAS.keys()
    assert inside <= EXTRAS.keys() - HEAVY


def test_all_that_is_asked_for_is_pinned() -> None:
    pins = {line.partition("==")[0].lower() for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()}
    asked = [each for extra in EXTRAS.values() for each in extra] + PROJECT["dependencies"]
    names = {re.match(r"[A-Za-z0-9._-]+", each)[0].lower() for each in asked} - {"labelsmooth"}
    assert names <= pins
