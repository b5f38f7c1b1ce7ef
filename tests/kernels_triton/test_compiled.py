"""The Triton kernel compiled to machine code for a GPU that this machine need not have."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

pytestmark = [
    pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed (it has no wheel for this system)"),
    pytest.mark.skipif(platform.machine() != "x86_64", reason="the assembler for GPUs was tried on x86-64 alone"),
    pytest.mark.timeout(600),
]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("compiled.py"))],
        env={**environment, "TRITON_CACHE_DIR": str(tmp_path_factory.mktemp("triton"))},
        capture_output=True,
        text=True,
        timeout=580,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report


def test_both_directions_assemble_for_a_gpu(compiled: dict[str, Any]) -> None:
    assert compiled["cubins"] == [True, True]


def test_T28_a_schedule_compiles_once(compiled: dict[str, Any]) -> None:
    assert compiled["over a schedule"] == [1, 1]


def test_long_rows_are_read_in_wide_loads_without_spilling(compiled: dict[str, Any]) -> None:
    assert min(compiled["wide loads"]) > 0
    assert compiled["spills"] == [0, 0]
