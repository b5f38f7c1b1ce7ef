"""Configurations of data-parallel × accumulation × class shards × ignored rows × uneven sizes, drawn by number."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, distributed, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Replicate, Shard
from torch.nn.parallel import DistributedDataParallel

import labelsmooth
from labelsmooth import parallel, schemes

SCHEMES = ("number", "uniform", "others", "prior", "matrix", "ordinal", "per_class", "composed", "online", "hard")
UNIT = {torch.float64: 1e-12, torch.float32: 4.0}


@dataclass
class Configuration:
    """rows: how many each data-parallel rank has in each of its steps; sizes: how many classes each shard has."""

    number: int
    dtype: torch.dtype
    face: str
    rows: list[list[int]]
    sizes: list[int]
    logits: Tensor
    target: Tensor
    call: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.number}: {self.face} {self.dtype}, rows {self.rows}, classes {self.sizes}, {self.call}"

    def steps(self, replica: int) -> list[slice]:
        """Where the rows of a replica's steps are."""
        ends = np.cumsum([0, *(n for each in self.rows for n in each)])
        first = sum(len(each) for each in self.rows[:replica])
        return [slice(*map(int, ends[i : i + 2])) for i in range(first, first + len(self.rows[replica]))]

    def columns(self, shard: int) -> slice:
        return slice(sum(self.sizes[:shard]), sum(self.sizes[: shard + 1]))


def drawn(number: int, replicas: int, shards: int) -> Configuration:
    rng = np.random.default_rng([9, number, replicas, shards])
    face = str(rng.choice(["plain", "dtensor", "loss_parallel"]))
    dtype = torch.float64 if rng.random() < 0.5 else torch.float32
    K, accumulation = int(rng.integers(3, 40)), int(rng.integers(1, 5))
    rows = [[int(rng.integers(0, 6)) for _ in range(accumulation)] for _ in range(replicas)]
    rows[0][0] += 1
    N = sum(map(sum, rows))
    ends = [0, *sorted(int(x) for x in rng.integers(0, K + 1, shards - 1)), K]
    even = [len(part) for part in np.array_split(np.arange(K), shards)] if K % shards == 0 else None
    chunk = -(-K // shards)
    chunks = [max(0, min(chunk, K - i * chunk)) for i in range(shards)]
    sizes = [b - a for a, b in pairwise(ends)] if face == "plain" else even or chunks
    z = torch.from_numpy(rng.normal(size=(N, K)) * rng.choice([1, 5, 60])).to(dtype)
    target = torch.from_numpy(rng.integers(0, K, N))
    if rng.random() < 0.3:
        z[torch.arange(N), target] = z.amax(1) + 25
    if rng.random() < 0.3 and K > 4:
        z[:, K - 2 :], target = -torch.inf, target % (K - 2)
    target[torch.from_numpy(rng.random(N) < rng.choice([0.0, 0.4]))] = -100
    if rng.random() < 0.3:
        target[: sum(rows[0])] = -100
    return Configuration(number, dtype, face, rows, sizes, z, target, _call(rng, K))


def _call(rng: np.random.Generator, K: int) -> dict[str, Any]:
    table = torch.from_numpy(rng.dirichlet(np.ones(K), K))
    name = str(rng.choice(SCHEMES))
    smoothing: Any = {
        "number": 0.1,
        "uniform": schemes.Uniform(0.2),
        "others": schemes.Others(0.3),
        "prior": schemes.Prior(0.1, table[0]),
        "matrix": schemes.ClassMatrix(0.4, table),
        "ordinal": schemes.Ordinal(1.0, K),
        "per_class": schemes.Uniform(per_class=table[1]),
        "composed": schemes.Uniform(0.1).then(schemes.Others(0.2)),
        "online": schemes.Online(0.5, K),
        "hard": 0.0,
    }[name]
    call = {"label_smoothing": smoothing}
    if rng.random() < 0.3:
        call["weight"] = torch.from_numpy(rng.uniform(0.1, 2, K))
    return call


class Table(nn.Module):
    """Free logits for each row: the simplest model, whose gradient is the loss's own."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = nn.Parameter(logits.clone(memory_format=torch.contiguous_format))

    def forward(self, rows: slice) -> Tensor:
        return self.logits[rows]


def one_process(case: Configuration) -> tuple[Tensor, Tensor]:
    z = case.logits.clone().requires_grad_()
    loss = labelsmooth.cross_entropy(z, case.target, empty="zero", **case.call)
    loss.backward()
    return loss.detach(), z.grad  # type: ignore[return-value]


def spread_out(case: Configuration, mesh: DeviceMesh) -> tuple[Tensor, Tensor, list[bytes]]:
    """The mean loss over all replicas and steps, this rank's gradient, and the bits of each step's loss."""
    replica, shard = mesh.get_local_rank("data"), mesh.get_local_rank("classes")
    columns, data = case.columns(shard), mesh.get_group("data")
    model = Table(case.logits[:, columns])
    wrapped = DistributedDataParallel(model, process_group=data) if model.logits.numel() else model
    steps = case.steps(replica)
    weight = case.call.get("weight")
    count = parallel.num_items(*(case.target[step] for step in steps), group=data, weight=weight)
    losses = []
    for at, step in enumerate(steps):
        wrapped.require_backward_grad_sync = at == len(steps) - 1
        losses.append(_loss(case, wrapped(step), case.target[step], mesh, count))
    whole = torch.stack(losses).sum()
    distributed.all_reduce(whole, group=data)
    gradient = model.logits.grad
    assert gradient is not None
    return whole / mesh.size(0), gradient, [loss.numpy().tobytes() for loss in losses]


def _loss(case: Configuration, z: Tensor, target: Tensor, mesh: DeviceMesh, count: Tensor) -> Tensor:
    call = {**case.call, "num_items": count, "empty": "zero"}
    if case.face == "plain":
        loss = parallel.cross_entropy(z, target, group=mesh.get_group("classes"), **call)
        loss.backward()
        return loss.detach()
    classes = mesh["classes"]
    shape = (len(z), case.logits.shape[1])
    spread = DTensor.from_local(z, classes, [Shard(1)], run_check=False, shape=shape, stride=(shape[1], 1))
    if case.face == "dtensor":
        loss = labelsmooth.cross_entropy(spread, target, **call)
        loss.backward()
    else:
        from torch.distributed.tensor.parallel import loss_parallel

        with loss_parallel():
            loss = labelsmooth.CrossEntropyLoss(empty="zero", **case.call)(spread, target, num_items=count)
            loss.backward()
    assert isinstance(loss, DTensor) and tuple(loss.placements) == (Replicate(),)
    return loss.to_local().detach()


def off(got: Tensor, want: Tensor) -> float:
    """The largest difference as a share of what is allowed: 1e-12 of 1 + |x|, or 4 units in the last place."""
    if got.dtype != want.dtype or not bool((got.isfinite() == want.isfinite()).all()):
        return float("inf")
    if not got.numel():
        return 0.0
    error = (got.double() - want.double()).abs()
    if want.dtype == torch.float64:
        return float((error / (UNIT[want.dtype] * (1 + want.abs()))).max())
    spacing = torch.as_tensor(np.spacing(want.abs().numpy())).double()
    return float((error / (UNIT[want.dtype] * spacing)).max())
