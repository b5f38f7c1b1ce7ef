"""The recorded trainings: what the page replays, with the command, versions and seeds that made it."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

_FILE = Path(__file__).parent / "recordings.json.gz"


@cache
def recordings() -> dict[str, Any]:
    """Everything that was recorded: command, versions, amount, runs by name, limits.

    >>> sorted(recordings()["runs"])
    ['digits', 'mixture', 'noisy', 'pydoc']
    """
    held: dict[str, Any] = json.loads(gzip.decompress(_FILE.read_bytes()))
    return held


def track(run: str, method: str, figure: str) -> list[float]:
    """A figure at every recorded epoch of a run, for "hard" or "smooth"."""
    values: list[float] = recordings()["runs"][run]["methods"][method][figure]
    return values


def final(run: str, method: str, figure: str) -> float:
    """A figure at the last epoch."""
    return track(run, method, figure)[-1]


def ece_pair(run: str) -> str:
    """The ECE at the last epoch, hard → smoothed, each with what a calibrated model would score on as many rows."""
    rows = recordings()["runs"][run]["rows"]["test"]
    shown = (f"{final(run, m, 'ece'):.3f} (calibrated: {final(run, m, 'ece_null'):.3f})" for m in ("hard", "smooth"))
    return f"{' → '.join(shown)}, n = {rows}"


def best(run: str, method: str, figure: str) -> float:
    """A figure at the epoch with the lowest validation NLL after temperature."""
    after = track(run, method, "val_nll_after")
    return track(run, method, figure)[after.index(min(after))]


def sweep(data: str, figure: str) -> dict[float, float]:
    """A figure at the end of training for each smoothing amount."""
    held = recordings()["limits"]["sweeps"][data]
    return dict(zip(held["amounts"], held[figure], strict=True))


def student(teacher: str, rows: int, softness: int) -> float:
    """Accuracy of the student of a "hard" or "smooth" teacher, who saw `rows` rows at temperature `softness`."""
    value: float = recordings()["limits"]["distillation"][teacher][f"student_{rows}_{softness}"]
    return value
