"""Ranks that are processes: they equal one process, with the same bits on all ranks (T21, T22, T23)."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from parallel.checks import CHECKS
from parallel.configurations import drawn, off, one_process, spread_out
from parallel.spawned import in_world
from torch.distributed.device_mesh import init_device_mesh

MESHES = {2: [(1, 2), (2, 1)], 3: [(1, 3), (3, 1)], 4: [(1, 4), (2, 2), (4, 1)]}
EACH = {2: 16, 3: 10, 4: 8}
"""Configurations on each mesh. `python benchmarks/parallel_sweep.py` runs further ones."""


def everything(rank: int, size: int) -> tuple[list[str], dict[Any, Any]]:
    for check in CHECKS:
        check(rank, size)
    return compare(rank, size)


def compare(rank: int, size: int) -> tuple[list[str], dict[Any, Any]]:
    failures, bits = [], {}
    for shape in MESHES[size]:
        more = compare_on(shape, range(EACH[size]))
        failures += more[0]
        bits |= more[1]
    return failures, bits


def compare_on(shape: tuple[int, int], numbers: Iterable[int]) -> tuple[list[str], dict[Any, Any]]:
    """What is off in these configurations on a mesh, and the bits that other ranks must have as well."""
    warnings.simplefilter("ignore")
    failures, bits = [], {}
    mesh = init_device_mesh("cpu", shape, mesh_dim_names=("data", "classes"))
    place = mesh.get_coordinate()
    for number in numbers:
        case = drawn(number, *shape)
        want, gradient = one_process(case)
        loss, own, losses = spread_out(case, mesh)
        worst = off(loss, want), off(own, gradient[:, case.columns(place[1])])
        if max(worst) > 1:
            failures.append(f"{shape} {case}: loss {worst[0]:.3g}, gradient {worst[1]:.3g} of what is allowed")
        bits[shape, number, "loss", place[0]] = losses
        bits[shape, number, "gradient", place[1]] = own.numpy().tobytes()
    return failures, bits


def differing(every: list[dict[Any, Any]]) -> list[Any]:
    """The names under which ranks have different bits."""
    same: dict[Any, Any] = {}
    return [name for bits in every for name, value in bits.items() if same.setdefault(name, value) != value]


@pytest.mark.parametrize("size", MESHES)
def test_T21_T22_T23_many_processes_equal_one(size: int, tmp_path: Path) -> None:
    said = in_world(size, everything, tmp_path)
    failures = [text for each, _ in said for text in each]
    assert not failures, "\n".join([f"{len(failures)} fail", *failures[:10]])
    assert differing([bits for _, bits in said]) == []
