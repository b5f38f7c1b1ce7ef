"""What numbers were made with, told without loading torch."""

from __future__ import annotations

import os
import platform
from functools import cache
from importlib.metadata import version
from typing import Any

from .. import __version__


def versions() -> dict[str, str]:
    """Of what computes the numbers; read without importing torch."""
    return {"labelsmooth": __version__, "torch": _installed("torch"), "numpy": _installed("numpy")}


_installed = cache(version)  # each look parses the metadata of a package, and every trial's name asks for it


def environment() -> dict[str, Any]:
    """What the numbers were made with; no names of hosts or people."""
    return {
        **versions(),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "cpu_count": os.cpu_count(),
    }
