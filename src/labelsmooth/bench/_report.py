"""The table of a machine, as lines for people and as JSON."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .. import _files

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Line:
    """One contestant at one size with so many threads.

    status  "right" and timed; "wrong" and not timed; "absent", with the reason
    ms      median over the rounds; times_torch: how many times as fast as torch, the median of the paired ratios
    mib     what one call adds to the peak of memory, where it was measured
    """

    size: str
    threads: int
    contestant: str
    status: str
    reason: str | None = None
    ms: float | None = None
    times_torch: float | None = None
    mib: float | None = None


@dataclass(frozen=True)
class Report:
    """Everything that was found."""

    created: str
    machine: dict[str, Any]
    versions: dict[str, Any]
    settings: dict[str, Any]
    warnings: list[str]
    lines: list[Line]

    @property
    def passed(self) -> bool:
        """Whether every result of labelsmooth was right."""
        return not any(line.status == "wrong" and line.contestant == "labelsmooth" for line in self.lines)

    def to_dict(self) -> dict[str, Any]:
        """As docs/bench.schema.json says."""
        return {"schema_version": SCHEMA_VERSION, **asdict(self), "passed": self.passed}

    def save(self, folder: Path) -> Path:
        """Write it to `folder` under the date and the processor's name."""
        folder.mkdir(parents=True, exist_ok=True)
        slug = re.sub(r"[^a-z0-9]+", "-", f"{self.machine['cpu']} {self.machine['cores']} cores".lower()).strip("-")
        path = folder / f"{self.created[:10]}-{slug}.json"
        text = json.dumps(self.to_dict(), indent=1, ensure_ascii=False) + "\n"
        return _files.write(path, text.encode("utf-8"))

    def __str__(self) -> str:
        return "\n".join([*self._head(), *self._table(), *self._left_out()])

    def _head(self) -> list[str]:
        m, v = self.machine, self.versions
        commit = f" ({v['commit']})" if v["commit"] else ""
        pages = m["huge_pages"] or "unknown"
        return [
            f"{m['cpu']}, {m['cores']} cores, huge pages: {pages}, load {m['load']}"
            + (f", {m['gpu']}" if "gpu" in m else ""),
            f"labelsmooth {v['labelsmooth']}{commit}, kernel: {m['kernel']}; "
            f"torch {v['torch']}, {m['torch_instruction_set']}",
            f"forward and backward, label_smoothing=0.1, medians of {self.settings['rounds']} rounds in turns; results "
            "checked against float64 first",
            "",
        ]

    def _table(self) -> list[str]:
        shown = [line for line in self.lines if line.status != "absent"]
        width = max([len(line.contestant) for line in shown], default=10)
        place = max([len(line.size) for line in shown], default=10)
        lines = [f"{'size':<{place}}  threads  {'contestant':<{width}}        ms   x torch     MiB"]
        last = ("", 0)
        for line in shown:
            if last[0] not in ("", line.size):
                lines.append("")
            at = f"{line.size:<{place}}  {line.threads:>7}" if last != (line.size, line.threads) else " " * (place + 9)
            lines.append(f"{at}  {line.contestant:<{width}}  {_figures(line)}")
            last = (line.size, line.threads)
        return lines

    def _left_out(self) -> list[str]:
        reasons = {line.contestant: line.reason for line in self.lines if line.status == "absent"}
        return ["", *(f"{name} left out: {reason}" for name, reason in reasons.items())] if reasons else []


def _figures(line: Line) -> str:
    if line.status == "wrong":
        return f"WRONG: {line.reason}"
    return f"{_number(line.ms, 8, 3)}  {_number(line.times_torch, 8, 2)}  {_number(line.mib, 6, 0)}"


def _number(value: float | None, width: int, digits: int) -> str:
    return f"{value:{width}.{digits}f}" if value is not None else "-".rjust(width)
