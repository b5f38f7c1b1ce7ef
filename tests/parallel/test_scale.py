"""docs/scale.md holds the tables that its command prints."""

from __future__ import annotations

from pathlib import Path

import torch
from parallel.checks import paper

PAGE = (Path(__file__).parents[2] / "docs" / "scale.md").read_text(encoding="utf-8")


def test_the_tables_of_the_page_are_those_of_the_command() -> None:
    for table in paper.tables().split("\n\n"):
        assert table in PAGE, "run: python benchmarks/parallel_bytes.py"
    wide, single, half = torch.float64, torch.float32, torch.bfloat16
    assert [paper.volume(dtype) for dtype in (single, wide, half)] == [12, 16, 8]
    assert "| **mean or sum: bytes a token** | **12** | **16** | **8** | **2** |" in PAGE
    assert [paper.volume(dtype, "none") for dtype in (single, wide, half)] == [16, 24, 12]
    assert "| row losses: bytes a token | 16 | 24 | 12 | 2, float32 3 |" in PAGE
