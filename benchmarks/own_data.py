"""How long a person waits with data of their own: a table of 10 000 rows, a folder of 20 000 images.

    python benchmarks/own_data.py table [--rows 10000] [--columns 20] [--seeds 10]
    python benchmarks/own_data.py images [--count 20000]

table: `labelsmooth compare made.csv --label y` as a whole process, with its default ten seeds: seconds to the verdict;
then the same once more in one process and one thread, in processor seconds, of which the trainings (data in,
predictions out) are one part and everything else (start, reading, splitting, files, statistics, page) is the
machinery's.

images: 20 000 JPEG files of 64x64 pixels in ten folders, seconds from the start of a fresh process until the first
batch of training has been put together.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

WHOLE = "from labelsmooth.cli import main; main()"
PARTS = """
import sys, time
from labelsmooth import workflows
from labelsmooth.comparison.engines import _trial
spent, train = [], _trial.run_trial
def timed(*arguments):
    start = time.process_time()
    try:
        return train(*arguments)
    finally:
        spent.append(time.process_time() - start)
_trial.run_trial = timed
workflows.compare(sys.argv[1], label="y", seeds=int(sys.argv[3]), engine="inline", out=sys.argv[2], progress=False)
print(sum(spent), time.process_time())
"""
FIRST_BATCH = """
import sys, time
from labelsmooth.data import load
from labelsmooth.training import Settings, _epochs
data = load(sys.argv[1])
inputs, labels = next(next(_epochs(data.train, Settings("conv", 1, 256, 1e-3), 0)))
print(tuple(inputs.shape), round(time.process_time(), 1))
"""


def write_table(path: Path, rows: int, columns: int) -> None:
    """Half numbers, half categories, one cell in twenty empty; five classes that depend on both."""
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(rows, columns - columns // 2))
    codes = rng.integers(0, 8, (rows, columns // 2))
    score = numbers[:, :5] + rng.normal(size=(8, 5))[codes[:, 0]] + rng.gumbel(size=(rows, 5))
    names = [*(f"n{i}" for i in range(numbers.shape[1])), *(f"c{i}" for i in range(codes.shape[1])), "y"]
    lines = [",".join(names)]
    for number, code, label in zip(numbers, codes, score.argmax(1), strict=True):
        cells = [f"{each:.4f}" for each in number] + [f"v{each}" for each in code]
        cells = ["" if empty else cell for cell, empty in zip(cells, rng.random(len(cells)) < 0.05, strict=True)]
        lines.append(",".join([*cells, f"class {label}"]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_images(folder: Path, count: int) -> None:
    """Noise about the grey of their class."""
    from PIL import Image

    rng = np.random.default_rng(0)
    for i in range(count):
        path = folder / f"class {i % 10}" / f"{i}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.normal(20 * (i % 10) + 30, 20, (64, 64, 3)).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(path, quality=85)


def run(program: str, *arguments: str) -> tuple[float, str]:
    """Seconds of a whole process, and what it printed."""
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", program, *arguments], check=True, capture_output=True, text=True)
    return time.perf_counter() - start, done.stdout


def table(rows: int, columns: int, seeds: int) -> None:
    """Seconds to the verdict, and the machinery's share."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.csv"
        write_table(path, rows, columns)
        given = ["compare", str(path), "--label", "y", "--seeds", str(seeds), "--out", f"{folder}/whole"]
        seconds, printed = run(WHOLE, *given)
        print(next(line for line in printed.splitlines() if line.startswith("Verdict")))
        print(f"{rows} rows, {columns} columns, {seeds} seeds: {seconds:.1f} s to the verdict")
        _, parts = run(PARTS, str(path), f"{folder}/parts", str(seeds))
        training, whole = map(float, parts.split())
        print(f"processor seconds: {whole:.1f}, of these {training:.1f} for trainings; ", end="")
        print(f"machinery {100 * (whole - training) / training:.1f} % of the trainings")


def images(count: int) -> None:
    """Seconds to the first batch."""
    with tempfile.TemporaryDirectory() as folder:
        write_images(Path(folder) / "made", count)
        seconds, printed = run(FIRST_BATCH, f"{folder}/made")
        print(f"{count} images: first batch {printed.strip()} processor seconds; {seconds:.1f} s on the clock")


def main() -> None:
    """Print one of the two."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("what", choices=["table", "images"])
    asked.add_argument("--rows", type=int, default=10_000)
    asked.add_argument("--columns", type=int, default=20)
    asked.add_argument("--seeds", type=int, default=10)
    asked.add_argument("--count", type=int, default=20_000)
    options = asked.parse_args()
    if options.what == "table":
        table(options.rows, options.columns, options.seeds)
    else:
        images(options.count)


if __name__ == "__main__":
    main()
