"""What `sanitize.sh` runs: random cases, on each instruction set, through a library that was built with a sanitizer."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch
from cases import draw
from judge import judge, library

from labelsmooth.kernels import _compiled


def run(built: Path, number: int, threads: int) -> None:
    """Judge the cases on every instruction set that this machine runs; exit with what failed."""
    _compiled.path = lambda: built
    torch.set_num_threads(threads)
    warnings.simplefilter("ignore")
    opened = _compiled.load()
    if not isinstance(opened, _compiled.Opened):
        sys.exit(f"{built} does not open: {opened}")
    for instruction_set in _compiled.instruction_sets(opened.calls):
        os.environ[_compiled.SWITCH] = instruction_set
        if isinstance(_compiled.load(), _compiled.Missing):
            print(f"{built.stem}, {instruction_set}: this machine does not run it")
            continue
        cases = [case for case in (draw(31, i) for i in range(number)) if case.exact.size < 30_000]
        failed = [str(case) for case in cases if judge(case, library) is not None]
        print(f"{built.stem}, {instruction_set}, {threads} threads: {len(cases)} cases, {len(failed)} fail", flush=True)
        if failed:
            sys.exit("\n".join(failed[:10]))


if __name__ == "__main__":
    run(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
