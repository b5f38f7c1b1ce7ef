"""Bytes and reductions of the loss over a spread vocabulary, from 1 to 1024 ranks: the table of docs/scale.md.

python benchmarks/parallel_bytes.py                 the tables, in Markdown
python benchmarks/parallel_bytes.py --measure 2 3 4 beside them, what gloo sent here, by the kernel's own count
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import torch
from torch import distributed, multiprocessing

RANKS = (1, 2, 4, 8, 64, 1024)
VOCABULARIES = (32_000, 128_256, 1_000_000)
WIDE = {torch.float64: 8, torch.float32: 8, torch.bfloat16: 4, torch.float16: 4}


def volume(dtype: torch.dtype, reduction: str = "mean") -> int:
    """Bytes a token gives to reductions: the largest logit; Σ exp; and for row losses ⟨q, z⟩."""
    peak = 8 if dtype == torch.float64 else 4
    return peak + WIDE[dtype] + (peak if reduction == "none" else 0)


def moved(given: float, ranks: int) -> float:
    """Bytes that each rank sends in ring all-reduces of so many: a reduce-scatter and an all-gather."""
    return 2 * (ranks - 1) / ranks * given


def gathered(classes: int, ranks: int, itemsize: int) -> float:
    """Bytes that each rank sends when the logits themselves are gathered on all."""
    return (ranks - 1) / ranks * classes * itemsize


def header(ranks: int, itemsize: int) -> int:
    """Bytes of a call that do not depend on its rows: sizes and masks of the shards, a fingerprint of the targets, and
    three sums."""
    return (2 * ranks + 2) * itemsize + 3 * 8


def tables() -> str:
    """The tables of docs/scale.md."""
    lines = [
        "| ranks | mean, float32 | row losses, float32 | mean, bfloat16 | torch's `loss_parallel`, hard, float32 |"
    ]
    lines += ["|---|---|---|---|---|"]
    for ranks in RANKS:
        ours = [moved(volume(*which), ranks) for which in MEASURED]
        cells = [*ours, moved(12, ranks)]
        lines.append(f"| {ranks} | " + " | ".join(f"{x:.1f}" for x in cells) + " |")
    lines += [
        "",
        "| ranks | " + " | ".join(f"all logits gathered, {v // 1000}k classes" for v in VOCABULARIES) + " |",
    ]
    lines += ["|---|" + "---|" * len(VOCABULARIES)]
    for ranks in RANKS:
        cells = [gathered(v, ranks, 4) for v in VOCABULARIES]
        lines.append(f"| {ranks} | " + " | ".join(f"{x:,.0f}".replace(",", " ") for x in cells) + " |")
    return "\n".join(lines)


MEASURED = ((torch.float32, "mean"), (torch.float32, "none"), (torch.bfloat16, "mean"))


def sent() -> int:
    """Bytes this process has given to the kernel to send."""
    return int(Path("/proc/self/io").read_text().split("wchar: ")[1].split()[0])


def _rank(rank: int, ranks: int, rows: int, folder: str) -> None:
    from labelsmooth import parallel

    torch.set_num_threads(1)
    distributed.init_process_group("gloo", f"file://{folder}/store", rank=rank, world_size=ranks)
    target = torch.arange(rows) % 24
    for dtype, reduction in MEASURED:
        z = torch.randn(rows, 24 // ranks, dtype=torch.float64).add(rank * 1e-3).to(dtype)
        z[:, 0] += (rank + 1) * (torch.arange(rows) % ranks == rank)  # no two ranks have a row's largest logit
        parallel.cross_entropy(z, target, reduction=reduction, label_smoothing=0.1)
        before = sent()
        parallel.cross_entropy(z, target, reduction=reduction, label_smoothing=0.1)
        found = (sent() - before) / rows
        distributed.barrier()
        if rank == 0:
            said = moved(volume(dtype, reduction), ranks)
            print(f"{ranks} ranks, {reduction}, {dtype}: sent {found:.2f} bytes a token, {said:.2f} by the formula")
    distributed.destroy_process_group()


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--measure", type=int, nargs="*", default=[])
    asked.add_argument("--rows", type=int, default=50_000)
    options = asked.parse_args()
    print(tables())
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    for ranks in options.measure:
        with tempfile.TemporaryDirectory() as folder:
            multiprocessing.start_processes(_rank, (ranks, options.rows, folder), ranks, start_method="spawn")


if __name__ == "__main__":
    main()
