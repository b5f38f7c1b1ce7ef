"""Many processes against one, more than the tests run: gloo worlds of 2, 3 and 4, and ranks that are threads.

    python benchmarks/parallel_sweep.py                   203 configurations, 1200 random cases on 2 to 64 ranks
    python benchmarks/parallel_sweep.py --each 100 --cases 2000

Configurations draw data-parallel × accumulation × class shards × ignored rows × uneven sizes: plain calls, DTensor
and torch's `loss_parallel`. Loss and gradient must be within 1e-12 (float64) or 4 units in the last place (float32) of
one process, with the same bits on all ranks. Random cases are judged against the extended-precision oracle.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from parallel.spawned import in_world
from parallel.test_simulated import faults
from parallel.test_worlds import MESHES, compare_on, differing

RANKS = {2: 8, 3: 8, 5: 4, 16: 2, 64: 1}
"""Ranks that are threads, and the share of the random cases they get."""


def work(rank: int, size: int, *, each: int) -> list[tuple[list[str], dict[Any, Any]]]:
    return [compare_on(shape, range(1000, 1000 + each)) for shape in MESHES[size]]


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--each", type=int, default=29, help="configurations on each of the 7 meshes")
    asked.add_argument("--cases", type=int, default=1200, help="random cases")
    options = asked.parse_args()
    failed = 0
    for size, meshes in MESHES.items():
        with tempfile.TemporaryDirectory() as folder:
            said = in_world(size, partial(work, each=options.each), Path(folder), seconds=3600)
        faults_here = [text for rank in said for failures, _ in rank for text in failures]
        bits = [name for at in range(len(meshes)) for name in differing([rank[at][1] for rank in said])]
        failed += len(faults_here) + len(bits)
        tried = options.each * len(meshes)
        print(f"{size} processes: {tried} configurations, {len(faults_here)} off, {len(bits)} differ in bits")
        print(*faults_here[:10], sep="\n", end="\n" if faults_here else "")
    for size, share in RANKS.items():
        cases = options.cases * share // sum(RANKS.values())
        found = faults(size, cases)
        failed += len(found)
        print(f"{size} ranks as threads: {cases} random cases, {len(found)} off")
        print(*found[:10], sep="\n", end="\n" if found else "")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
