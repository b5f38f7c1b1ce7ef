"""The example of data-parallel training, as its first lines say it is run."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "data_parallel.py"


def test_T21_ddp_and_fsdp_end_with_the_weights_of_one_process() -> None:
    told = ast.get_docstring(ast.parse(EXAMPLE.read_text(encoding="utf-8")))
    assert told is not None
    command = shlex.split(next(line for line in told.splitlines() if "torchrun" in line))
    assert command == ["torchrun", "--nproc-per-node", "2", "examples/data_parallel.py"]
    words = [sys.executable, "-m", "torch.distributed.run", "--standalone", *command[1:]]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=240, env=environment)
    assert done.returncode == 0, done.stderr
    off = dict(re.findall(r"(\w+) on 2 ranks: weights differ from one process by (\S+) at most", done.stdout))
    assert off.keys() == {"DDP", "FSDP2"}
    assert max(map(float, off.values())) < 1e-6
