"""The everyday kernel beside torch's own losses: forward and backward, float32, label_smoothing=0.1.

    python benchmarks/portable_speed.py [--rounds 15] [--only indices …] [--json]

Each round times torch and labelsmooth in turn on the same input; the ratio is labelsmooth over torch, round by round,
and its median is shown. Beside it the peak of extra memory of one call, each in a fresh process.

    indices, ignored, weights   class indices; a tenth of the rows ignored; class weights
    prior, table                a background for all rows, or one for each class; torch gets the targets written out
    probabilities               class probabilities
    binary                      yes or no for each logit; torch gets targets that are smoothed already
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from labelsmooth import binary_cross_entropy_with_logits, smooth_labels
from labelsmooth import cross_entropy as any_kernel
from labelsmooth.schemes import ClassMatrix, Prior, Uniform

SHAPES = {"128x10": (128, 10), "4096x100": (4096, 100), "1024x32000": (1024, 32000), "8x21x512x512": (8, 21, 512, 512)}
KINDS = ("indices", "ignored", "weights", "prior", "table", "probabilities", "binary")
LARGEST_TABLE = 1000
PEERS = ("torch", "labelsmooth")
Loss = Callable[[Tensor], Tensor]
cross_entropy = partial(any_kernel, kernel="portable")


class Rivals(NamedTuple):
    """The same loss by either."""

    torch: Loss
    labelsmooth: Loss


def logits_of(shape: tuple[int, ...]) -> Tensor:
    """Logits that want a gradient, the same in every process."""
    torch.manual_seed(0)
    return torch.randn(shape, requires_grad=True)


def rivals(shape: tuple[int, ...], kind: str) -> Rivals:
    """Both losses, with targets of one kind."""
    classes = shape[1]
    labels = torch.randint(classes, (shape[0], *shape[2:]))
    if kind in ("indices", "ignored", "weights"):
        options: dict[str, Tensor] = {"weight": torch.rand(classes) + 0.5} if kind == "weights" else {}
        labels[::10] = -100 if kind == "ignored" else labels[::10]
        return Rivals(
            partial(F.cross_entropy, target=labels, label_smoothing=0.1, **options),
            partial(cross_entropy, target=labels, label_smoothing=0.1, **options),
        )
    if kind == "binary":
        yes = torch.randint(2, shape).float()
        ours = partial(binary_cross_entropy_with_logits, target=yes, label_smoothing=0.1)
        return Rivals(partial(F.binary_cross_entropy_with_logits, target=0.9 * yes + 0.05), ours)
    if kind == "probabilities":
        given, mixed = torch.randn(shape).softmax(1), Uniform(0.1, soft_targets=True)
        theirs = partial(F.cross_entropy, target=given, label_smoothing=0.1)
        return Rivals(theirs, partial(cross_entropy, target=given, label_smoothing=mixed))
    scheme = Prior(0.1, torch.rand(classes).softmax(0)) if kind == "prior" else table(classes)
    written = smooth_labels(labels, classes, scheme).movedim(-1, 1).contiguous()
    return Rivals(
        partial(F.cross_entropy, target=written), partial(cross_entropy, target=labels, label_smoothing=scheme)
    )


def table(classes: int) -> ClassMatrix:
    """A background for each class."""
    return ClassMatrix(0.1, torch.rand(classes, classes, dtype=torch.float64).softmax(1))


def once(loss: Loss, logits: Tensor) -> None:
    """One training step's worth of loss."""
    torch.autograd.grad(loss(logits), logits)


def seconds(loss: Loss, logits: Tensor, repeats: int) -> float:
    """Of one call, averaged over `repeats`."""
    start = time.perf_counter()
    for _ in range(repeats):
        once(loss, logits)
    return (time.perf_counter() - start) / repeats


def timed(shape: tuple[int, ...], kind: str, rounds: int) -> dict[str, list[float]]:
    """Seconds of each loss, in turn."""
    logits, losses = logits_of(shape), rivals(shape, kind)
    repeats = max(1, 200_000 // logits.numel())
    for loss in losses:
        once(loss, logits)
    found: dict[str, list[float]] = {name: [] for name in PEERS}
    for _ in range(rounds):
        for name, loss in zip(PEERS, losses, strict=True):
            found[name].append(seconds(loss, logits, repeats))
    return found


def memory(name: str, size: str, kind: str) -> int:
    """Bytes that one call adds to the peak of a fresh process."""
    done = subprocess.run(
        [sys.executable, __file__, "--memory-of", name, size, kind], check=True, capture_output=True, text=True
    )
    return int(done.stdout)


def added_to_peak(name: str, size: str, kind: str) -> int:
    """Peak resident size after the call, less before it; the inputs and torch's threads are there already."""
    logits, losses = logits_of(SHAPES[size]), rivals(SHAPES[size], kind)
    once(getattr(rivals((4, 3), kind), name), logits_of((4, 3)))
    before = peak()
    once(getattr(losses, name), logits)
    return peak() - before


def peak() -> int:
    """Bytes; getrusage would count what this process was forked from."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def row(size: str, kind: str, rounds: int) -> dict[str, float | str]:
    """One line of the table."""
    found = timed(SHAPES[size], kind, rounds)
    ratios = [ours / theirs for ours, theirs in zip(found["labelsmooth"], found["torch"], strict=True)]
    line: dict[str, float | str] = {"size": size, "target": kind, "torch_ms": 1e3 * median(found["torch"])}
    line |= {"labelsmooth_ms": 1e3 * median(found["labelsmooth"]), "ratio": median(ratios)}
    if size in ("1024x32000", "8x21x512x512") and kind in ("indices", "probabilities"):
        line["memory_ratio"] = memory("labelsmooth", size, kind) / memory("torch", size, kind)
    return line


def main() -> None:
    """Print a table, or JSON."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rounds", type=int, default=15)
    asked.add_argument("--only", nargs="+", choices=KINDS, default=KINDS)
    asked.add_argument("--sizes", nargs="+", choices=SHAPES, default=tuple(SHAPES))
    asked.add_argument("--json", action="store_true")
    asked.add_argument("--memory-of", nargs=3, help=argparse.SUPPRESS)
    options = asked.parse_args()
    if options.memory_of:
        print(added_to_peak(*options.memory_of))
        return
    if not options.json:
        print(f"{torch.get_num_threads()} threads, torch {torch.__version__}")
    for kind in options.only:
        for size in options.sizes:
            if kind != "table" or SHAPES[size][1] <= LARGEST_TABLE:
                line = row(size, kind, options.rounds)
                print(json.dumps(line) if options.json else shown(line), flush=True)


def shown(line: dict[str, float | str]) -> str:
    """A line for people."""
    extra = f"   memory {line['memory_ratio']:.2f} x torch's" if "memory_ratio" in line else ""
    return f"{line['size']:>13} {line['target']:>13}   {line['ratio']:5.2f} x torch's time{extra}"


if __name__ == "__main__":
    main()
