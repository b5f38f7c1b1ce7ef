"""The evidence commands as modules: they lie beside the package, not in it."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[1]
if str(ROOT / "benchmarks") not in sys.path:
    sys.path.insert(0, str(ROOT / "benchmarks"))

import verdict_truth  # noqa: E402
import verdict_truth_page  # noqa: E402
from evidence import claims, command, pages, pictures  # noqa: E402

__all__ = [
    "NAMES",
    "ROOT",
    "claims",
    "command",
    "pages",
    "pictures",
    "statement",
    "verdict_truth",
    "verdict_truth_page",
]
NAMES = command.names()


def statement(name: str) -> ModuleType:
    return command.statement(name)
