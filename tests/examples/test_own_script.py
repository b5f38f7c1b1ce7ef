"""The example of a training script of one's own, as its first lines say it is run."""

from __future__ import annotations

import ast
import shlex
import sys
from pathlib import Path

from labelsmooth import compare

EXAMPLE = Path(__file__).parents[2] / "examples" / "own_script.py"


def test_S5_a_script_of_ones_own_is_compared(tmp_path: Path) -> None:
    told = ast.get_docstring(ast.parse(EXAMPLE.read_text(encoding="utf-8")))
    assert told is not None
    _, command, option, script = shlex.split(next(line for line in told.splitlines() if "--script" in line))
    assert (command, option) == ("compare", "--script")
    words = script.replace("python examples/own_script.py", f"{sys.executable} {EXAMPLE} --epochs 20")
    result = compare(script=words, smoothing=0.1, seeds=2, jobs=2, out=tmp_path / "run", progress=False)
    assert result.results["failed"] == []
    assert {row["method"] for row in result.table} == {"hard", "uniform 0.1"}
    assert min(row["after"]["accuracy"]["mean"] for row in result.table) > 0.9
    assert result.verdict["rows"] == 240
