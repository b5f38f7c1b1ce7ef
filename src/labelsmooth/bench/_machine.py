"""What the figures were found on: processor, cores, load, huge pages, versions, commit. No host name."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from .. import __version__, losses

HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")
CPUINFO = Path("/proc/cpuinfo")


def machine(device: str = "cpu") -> dict[str, Any]:
    """A record for people and for JSON."""
    found = {
        "cpu": _cpu(),
        "cores": cores(),
        "torch_instruction_set": torch.backends.cpu.get_cpu_capability(),
        "kernel": kernel(),
        "huge_pages": huge_pages(),
        "load": load(),
    }
    return found if device == "cpu" else {**found, "gpu": torch.cuda.get_device_name()}


def cores() -> int:
    """Those this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def load() -> float | None:
    """How many processes wanted to run in the last minute; None where the system does not say."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def busy(wanting: float | None, available: int) -> str | None:
    """A warning when others are at work, or None."""
    if wanting is None or wanting <= 0.5 * available:
        return None
    return (
        f"this machine is busy: {wanting:g} processes want its {available} cores. Ratios of pairs that were timed in "
        "turns may hold, milliseconds do not; run it again at a quiet moment"
    )


def huge_pages(path: Path = HUGE_PAGES) -> str | None:
    """always, madvise or never; None where the system has no such setting."""
    if not path.exists():
        return None
    text = path.read_text("ascii")
    return text[text.index("[") + 1 : text.index("]")]


def kernel() -> str:
    """Which of labelsmooth's kernels computes a plain loss, and with which instructions."""
    found = losses.explain(torch.zeros(2, 3), torch.zeros(2, dtype=torch.long))
    return f"{found.kernel}, {found.instruction_set}" if found.instruction_set else f"{found.kernel}"


def _cpu() -> str:
    if CPUINFO.exists():
        lines = CPUINFO.read_text("utf-8", errors="replace").splitlines()
        named = [line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model"))]
        if named:
            return named[0]
    return platform.processor() or platform.machine()


def versions() -> dict[str, str | None]:
    """Of Python, torch and numpy, and of labelsmooth with the commit where it is a checkout."""
    return {
        "labelsmooth": __version__,
        "commit": _commit(Path(__file__).parent),
        "python": platform.python_version(),
        "torch": _version("torch"),
        "numpy": _version("numpy"),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit(folder: Path) -> str | None:
    """The commit that is checked out; "+" behind it where something was changed."""
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty=+", "--abbrev=10", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
