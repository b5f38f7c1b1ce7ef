"""The linear head beside torch's: forward and backward, float32, label_smoothing=0.1.

    python benchmarks/linear_head.py [--rounds 7] [--threads 2] [--json]

Each round times, in turn, labelsmooth ("mean" and "sum"), torch's chunked head without smoothing, torch's head with
smoothing, and the three matrix products of the head alone, in the chunks that labelsmooth makes. Shown are medians of
the ratios within a round, and the memory that one call adds to the peak of a fresh process. Last, 8192 tokens of 256
features against 128256 classes in a process of their own: what is added to the peak beyond the gradients themselves.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from statistics import median

import torch
from torch import Tensor

from labelsmooth import linear_cross_entropy
from labelsmooth.bench import _beside, _sizes
from labelsmooth.bench._contestants import named
from labelsmooth.bench._inputs import Inputs, make
from labelsmooth.bench._timing import Run, in_turns, ratio, stepper
from labelsmooth.losses._chunks import Chunks, slices

SIZES = ("head-4096x256x32000", "head-2048x512x32000")
TORCH, HARD = "torch", "torch's chunked head, unsmoothed"
HUGE = _sizes.Size("huge", (8192, 128256), features=256)


def products(inputs: Inputs) -> Run:
    """The products alone, with the buffers that they need."""
    hidden, matrix = (x.detach() for x in inputs.leaves)
    chunk = Chunks().rows(len(matrix), matrix.dtype)

    def once() -> None:
        of_hidden, of_matrix = torch.empty_like(hidden), torch.zeros_like(matrix)
        buffer = hidden.new_empty(min(chunk, len(hidden)), len(matrix))
        for place in slices(len(hidden), chunk):
            z = torch.mm(hidden[place], matrix.T, out=buffer[: place.stop - place.start])
            torch.mm(z, matrix, out=of_hidden[place])
            of_matrix.addmm_(z.T, hidden[place])

    def run(repeats: int) -> float:
        start = time.perf_counter()
        for _ in range(repeats):
            once()
        return (time.perf_counter() - start) / repeats

    return run


def runs(inputs: Inputs) -> dict[str, Run]:
    """Everything that takes its turn."""
    hidden, matrix = inputs.leaves

    def total() -> Tensor:
        return linear_cross_entropy(hidden, matrix, inputs.labels, label_smoothing=0.1, reduction="sum")

    heads = {name: stepper(named(name).build(inputs), inputs) for name in ("labelsmooth", HARD, TORCH)}
    return {**heads, "labelsmooth, sum": stepper(total, inputs), "products": products(inputs)}


def row(name: str, rounds: int) -> dict[str, float | str]:
    """One line."""
    size = _sizes.chosen((name,), False)[0]
    found = in_turns(runs(make(size)), rounds)
    ours, memory = found["labelsmooth"], _beside.added_memory([("labelsmooth", name), (TORCH, name), (HARD, name)])
    line: dict[str, float | str] = {"size": name, "seconds": median(ours), "products": median(found["products"])}
    line |= {"x_torch_hard_chunked": ratio(ours, found[HARD]), "x_torch_smoothed": ratio(ours, found[TORCH])}
    line |= {"sum_x_torch_hard_chunked": ratio(found["labelsmooth, sum"], found[HARD])}
    line |= {"x_products": ratio(ours, found["products"])}
    if None not in memory:
        mib = dict(zip(("ours", "torch", "hard"), memory, strict=True))
        own = sum(x.numel() * x.itemsize for x in make(size).leaves) / 2**20
        line |= {"x_torch_memory_beyond_gradients": (mib["ours"] - own) / (mib["torch"] - own)}  # type: ignore[operator]
        line |= {"mib": mib["ours"], "x_torch_memory": mib["ours"] / mib["torch"], "torch_hard_mib": mib["hard"]}  # type: ignore[operator, dict-item]
    return line


def beyond_gradients() -> float:
    """MiB added to this process's peak by one call at the huge size, less what the gradients take."""
    inputs = make(HUGE)
    before = _beside.forgotten_peak()
    gradients = torch.autograd.grad(named("labelsmooth").build(inputs)(), inputs.leaves)
    added = _beside.peak() - before
    return added / 1024 - sum(x.numel() * x.itemsize for x in gradients) / 2**20


def main() -> None:
    """Print a table, or JSON."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rounds", type=int, default=7)
    asked.add_argument("--threads", type=int, default=None)
    asked.add_argument("--json", action="store_true")
    asked.add_argument("--without-huge", action="store_true", help="leave the last size out")
    asked.add_argument("--huge", action="store_true", help=argparse.SUPPRESS)
    options = asked.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    if options.huge:
        print(beyond_gradients())
        return
    for name in SIZES:
        line = row(name, options.rounds)
        print(json.dumps(line) if options.json else shown(line), flush=True)
    if not options.without_huge:
        again = [sys.executable, __file__, "--huge", *(["--threads", str(options.threads)] if options.threads else [])]
        mib = float(subprocess.run(again, check=True, capture_output=True, text=True).stdout)
        print(json.dumps({"size": "8192x256x128256", "mib_beyond_gradients": mib}) if options.json else shown_huge(mib))


def shown(line: dict[str, float | str]) -> str:
    """A line for people."""
    return (
        f"{line['size']}: {line['seconds']:.2f} s (products {line['products']:.2f} s, {line['x_products']:.2f} x); "
        f"{line['x_torch_hard_chunked']:.2f} x torch's chunked head without smoothing "
        f"(sum: {line['sum_x_torch_hard_chunked']:.2f}), {line['x_torch_smoothed']:.2f} x torch's smoothed head"
        + (
            f"; {line['mib']:.0f} MiB, {line['x_torch_memory']:.3f} x torch's "
            f"({line['x_torch_memory_beyond_gradients']:.3f} x beyond the gradients)"
            if "mib" in line
            else ""
        )
    )


def shown_huge(mib: float) -> str:
    """The last line."""
    return f"8192 tokens, 256 features, 128256 classes: {mib:.0f} MiB beyond the gradients"


if __name__ == "__main__":
    main()
