"""How fast ECE, NLL and Brier score of many rows are, against torchmetrics and plain torch, and in how much memory.

    python benchmarks/metrics_speed.py [--rows 1000000] [--classes 100] [--pairs 7] [--json]

The peer is torchmetrics' functional ECE with the shortest torch code for the other two. Ours is one pass of
`CalibrationAccumulator`. Both are timed in turn, pair by pair, in one process; medians, and the median of the pairs'
ratios, by the clock and in processor time, which other work on the machine changes less. Peak memory beyond the inputs
is measured in a process of its own for each (Linux).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor
from torch.nn import functional as F
from torchmetrics.functional.classification import multiclass_calibration_error

from labelsmooth.calibration import CalibrationAccumulator

Figures = tuple[float, float, float]


def inputs(rows: int, classes: int, door: str) -> tuple[Tensor, Tensor]:
    """Scores float32 of a law that also gave the labels; seeded."""
    generator = torch.Generator().manual_seed(0)
    scores = torch.empty(rows, classes).normal_(generator=generator).mul_(3)
    labels = torch.empty(rows, dtype=torch.long)
    for start in range(0, rows, 10_000):
        part = slice(start, start + 10_000)
        probs = scores[part].softmax(1)
        labels[part] = torch.multinomial(probs, 1, generator=generator).squeeze(1)
        if door == "probs":
            scores[part] = probs
    return scores, labels


def peer(scores: Tensor, labels: Tensor, door: str) -> Figures:
    """ECE by torchmetrics; NLL and Brier score by the shortest torch code."""
    classes = scores.shape[1]
    ece = multiclass_calibration_error(scores, labels, classes, n_bins=15)
    if door == "logits":
        nll, probs = F.cross_entropy(scores, labels), scores.softmax(1)
    else:
        nll, probs = F.nll_loss(scores.log(), labels), scores
    brier = (probs - F.one_hot(labels, classes)).square().sum(1).mean()
    return float(ece), float(nll), float(brier)


def ours(scores: Tensor, labels: Tensor, door: str) -> Figures:
    """The three in one pass."""
    stream = CalibrationAccumulator()
    stream.update(labels, **{door: scores})
    found = stream.compute()
    return found["ece"], found["nll"], found["brier"]


def as_arrays(scores: Tensor, labels: Tensor, door: str) -> Figures:
    """The same for someone who has numpy arrays."""
    return ours(scores.numpy(), labels.numpy(), door)  # type: ignore[arg-type]


WAYS: dict[str, Callable[[Tensor, Tensor, str], Figures]] = {"peer": peer, "ours": ours, "ours, arrays": as_arrays}


def seconds(
    rows: int, classes: int, door: str, pairs: int
) -> tuple[dict[str, list[tuple[float, float]]], dict[str, Figures]]:
    """Seconds by the clock and of the processor of each way, taken in turn."""
    scores, labels = inputs(rows, classes, door)
    figures = {name: way(scores[:5000], labels[:5000], door) for name, way in WAYS.items()}
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in WAYS}
    for _ in range(pairs):
        for name, way in WAYS.items():
            start = time.perf_counter(), time.process_time()
            figures[name] = way(scores, labels, door)
            taken[name].append((time.perf_counter() - start[0], time.process_time() - start[1]))
    return taken, figures


def peak_memory(rows: int, classes: int, door: str, name: str) -> float:
    """MiB beyond the inputs at the highest point of one call."""
    scores, labels = inputs(rows, classes, door)
    WAYS[name](scores[:5000], labels[:5000], door)
    with open("/proc/self/clear_refs", "w") as reset:
        reset.write("5")
    before = _status("VmRSS")
    WAYS[name](scores, labels, door)
    return (_status("VmHWM") - before) / 1024


def _status(field: str) -> int:
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(field))


def memory_apart(arguments: argparse.Namespace, door: str, name: str) -> float:
    """Peak memory of one way, in a process that did nothing else."""
    size = ["--rows", str(arguments.rows), "--classes", str(arguments.classes)]
    command = [sys.executable, __file__, *size, "--memory-of", f"{door}:{name}"]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def report(arguments: argparse.Namespace, door: str) -> dict[str, object]:
    """One row of results for each way."""
    taken, figures = seconds(arguments.rows, arguments.classes, door, arguments.pairs)
    memory = {name: memory_apart(arguments, door, name) for name in WAYS}
    return {
        name: {
            "seconds": median(clock for clock, _ in taken[name]),
            "times faster": median(a / b for (a, _), (b, _) in zip(taken["peer"], taken[name], strict=True)),
            "times less processor": median(a / b for (_, a), (_, b) in zip(taken["peer"], taken[name], strict=True)),
            "MiB": memory[name],
            "memory share": memory[name] / memory["peer"],
            "ece, nll, brier": figures[name],
        }
        for name in WAYS
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--memory-of", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.memory_of:
        print(peak_memory(arguments.rows, arguments.classes, *arguments.memory_of.split(":")))
        return
    found = {door: report(arguments, door) for door in ("logits", "probs")}
    if arguments.json:
        print(json.dumps({"rows": arguments.rows, "classes": arguments.classes, "cores": os.cpu_count(), **found}))
        return
    print(f"{arguments.rows} × {arguments.classes} float32, {os.cpu_count()} cores, {arguments.pairs} pairs")
    for door, ways in found.items():
        for name, row in ways.items():
            print(f"{door:8}{name:14}" + "  ".join(f"{key} {_text(value)}" for key, value in row.items()))  # type: ignore[attr-defined]


def _text(value: float | Figures) -> str:
    return " ".join(f"{part:.6f}" for part in value) if isinstance(value, tuple) else f"{value:.3f}"


if __name__ == "__main__":
    main()
