"""One torch thread in every test process: the machine's cores are shared by the workers."""

from __future__ import annotations

import os

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")


@pytest.fixture
def plain_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernels of plain torch, also where the compiled one would run."""
    monkeypatch.setenv("LABELSMOOTH_NATIVE", "0")
