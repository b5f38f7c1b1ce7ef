"""The Triton kernel without a GPU: its code run by Triton's interpreter on the CPU, each group in its own process.

The interpreter has to be asked for before Triton is loaded, hence the processes.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TESTS = HERE.parent
CONFIDENT = "confident_true_class and not 1000 and not 32000 and not -100- and not -3- and not others and not 0.1"
pytestmark = [
    pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed (it has no wheel for this system)"),
    pytest.mark.timeout(900),
]


def interpreted(*arguments: str) -> str:
    """The end of what pytest says in a process in which the losses use the interpreted kernel."""
    path = os.pathsep.join([str(HERE), str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "plugged", "-p", "no:xdist", "--tb=short", *arguments],
        env={**os.environ, "TRITON_INTERPRET": "1", "LABELSMOOTH_NATIVE": "0", "PYTHONPATH": path},
        cwd=TESTS.parent,
        capture_output=True,
        text=True,
        timeout=880,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    return done.stdout


def taken(report: str) -> int:
    found = re.search(r"calls taken by the Triton kernel: (\d+)", report)
    assert found is not None, report
    return int(found[1])


def test_against_the_oracle_over_dtypes_backgrounds_layouts_masks_tiles_and_random_cases() -> None:
    assert taken(interpreted(str(HERE / "check_values.py"), str(HERE / "check_random_cases.py"))) > 50


def test_T1_to_T6_and_T19_with_the_gates_of_every_kernel() -> None:
    masks = "(T1_in or T2_no or T4_rows or T6_a_logit or T6_a_masked) and not transform and not large"
    files = [str(TESTS / "losses" / f"test_{name}.py") for name in ("confident_targets", "traps_masks")]
    assert taken(interpreted(*files, "-k", f"({CONFIDENT}) or ({masks})")) > 70
