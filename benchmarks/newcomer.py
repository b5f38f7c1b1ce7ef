"""A newcomer's path, timed: clone to verdict, and clone to green tests, each in a fresh clone and environment.

    python benchmarks/newcomer.py [--only verdict|tests] [--json]

Runs what the README says, word for word, with pip's cache off, and prints the seconds of every step and the size of
what is downloaded: the files that pip's resolver names for the same requirements. What a build downloads for itself
(the build backend, CMake where there is none: 1 to 60 MB) and Chromium are not counted. "tests" takes many minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.request
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).parents[1]
OUTSIDE = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}


def decide() -> list[str]:
    """The steps of the README's first command."""
    shown = re.search(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
    if shown is None:
        raise LookupError("README.md shows no command")
    return [step.strip() for step in shown[1].split("&&")]


def timed(step: str, folder: Path) -> float:
    """Seconds of a step; what it prints goes to stderr."""
    start = time.perf_counter()
    subprocess.run(["bash", "-c", step], cwd=folder, env={**OUTSIDE, "PIP_NO_CACHE_DIR": "1"}, stdout=2, check=True)
    return time.perf_counter() - start


def path(steps: list[str]) -> dict[str, float]:
    """Clone, then the steps, in a folder of their own."""
    with tempfile.TemporaryDirectory() as folder:
        clone = f"git clone --quiet {ROOT} labelsmooth"
        seconds = {"git clone": timed(clone, Path(folder))}
        return seconds | {step: timed(step, Path(folder) / "labelsmooth") for step in steps}


def requirements(extra: str) -> list[str]:
    """What labelsmooth with an extra asks for, extras of its own unfolded."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = []
    for each in project["optional-dependencies"][extra]:
        own = re.fullmatch(r"labelsmooth\[(.+)\]", each)
        asked += [found for name in own[1].split(",") for found in requirements(name)] if own else [each]
    return sorted({*project["dependencies"], *asked})


def size(url: str) -> int:
    """Bytes of a file that pip would fetch."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return Path(unquote(parts.path)).stat().st_size
    with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=60) as answer:
        return int(answer.headers["Content-Length"])


def downloads(extra: str) -> dict[str, int]:
    """Bytes of each package that a fresh environment needs."""
    asked = ["install", "--quiet", "--dry-run", "--ignore-installed", "--report", "-", "-c", "constraints.txt"]
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *asked, *requirements(extra)]
    said = subprocess.run(command, cwd=ROOT, env=OUTSIDE, capture_output=True, text=True, check=True).stdout
    report = json.loads(said[said.index("{") :])
    return {each["metadata"]["name"]: size(each["download_info"]["url"]) for each in report["install"]}


def lines(name: str, measured: dict[str, float], packages: dict[str, int]) -> list[str]:
    """One path, for people."""
    largest = sorted(packages.items(), key=lambda each: -each[1])[:3]
    told = ", ".join(f"{package} {bytes_ / 1e6:.0f}" for package, bytes_ in largest)
    return [
        f"clone -> {name}: {sum(measured.values()):.0f} s",
        *(f"  {seconds:7.1f} s  {step}" for step, seconds in measured.items()),
        f"  {sum(packages.values()) / 1e6:.0f} MB in {len(packages)} packages ({told})",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=("verdict", "tests"))
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    paths = {"verdict": (decide(), "app"), "tests": (["./check"], "dev")}
    found = {}
    for name in [asked.only] if asked.only else list(paths):
        steps, extra = paths[name]
        found[name] = {"downloads": downloads(extra), "seconds": path(steps)}
        if not asked.json:
            print(*lines(name, found[name]["seconds"], found[name]["downloads"]), sep="\n", flush=True)
    if asked.json:
        print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
