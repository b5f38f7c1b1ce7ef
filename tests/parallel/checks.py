"""Checks that every rank of a world runs, one after another, in one start of the world."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, distributed, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor, Partial, Replicate, Shard, distribute_tensor
from torch.distributed.tensor.parallel import loss_parallel
from torch.utils._python_dispatch import TorchDispatchMode

import labelsmooth
from labelsmooth import losses, parallel, schemes

K, N = 11, 6
_spec = spec_from_file_location("parallel_bytes", Path(__file__).parents[2] / "benchmarks" / "parallel_bytes.py")
assert _spec is not None and _spec.loader is not None
paper = module_from_spec(_spec)
_spec.loader.exec_module(paper)


def batch(seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(N, K, generator=generator, dtype=torch.float64) * 4
    y = torch.randint(0, K, (N,), generator=generator)
    y[1] = -100
    return z, y


def close(got: Tensor, want: Tensor) -> None:
    torch.testing.assert_close(got, want, rtol=1e-12, atol=1e-12)


def against_one_process(placements: Any, mesh: Any, target: Any, z: Tensor, y: Tensor, **call: Any) -> None:
    """Loss and gradient of a DTensor laid out so, against the plain call."""
    spread = distribute_tensor(z, mesh, placements).requires_grad_()
    loss = labelsmooth.cross_entropy(spread, target, **call)
    whole = z.clone().requires_grad_()
    want = labelsmooth.cross_entropy(whole, y, **call)
    assert isinstance(loss, DTensor)
    if call.get("reduction") != "none":
        assert all(placement.is_replicate() for placement in loss.placements)
    close(loss.full_tensor(), want)
    loss.backward(torch.ones_like(loss))
    want.backward(torch.ones_like(want))
    assert tuple(spread.grad.placements) == tuple(placements)
    close(spread.grad.full_tensor(), whole.grad)


def check_T23_dtensors_of_every_layout(rank: int, size: int) -> None:
    if size == 3:
        return
    z, y = batch()
    line = init_device_mesh("cpu", (size,))
    calls: list[dict[str, Any]] = [
        {"reduction": "mean", "label_smoothing": 0.1},
        {"reduction": "sum", "label_smoothing": schemes.Others(0.2)},
        {"reduction": "none", "label_smoothing": schemes.Ordinal(0.5, K)},
        {"weight": torch.linspace(0.5, 2, K).double(), "label_smoothing": 0.1},
        {"sample_weight": torch.linspace(0, 1, N).double(), "num_items": 7.0},
        {"class_mask": torch.arange(K) < K - 2, "label_smoothing": 0.3},
    ]
    for call in calls if size == 2 else calls[2:3]:
        against_one_process([Shard(1)], line, y % 9 if "class_mask" in call else y, z, _in(y, call), **call)
        against_one_process([Replicate()], line, _in(y, call), z, _in(y, call), **call)
    for call in calls[:4] if size == 2 else calls[:3]:
        target = distribute_tensor(y, line, [Shard(0)])
        against_one_process([Shard(0)], line, target, z, y, **call)


def _in(y: Tensor, call: dict[str, Any]) -> Tensor:
    return y % 9 if "class_mask" in call else y


def check_T23_rows_and_classes_on_one_mesh(rank: int, size: int) -> None:
    if size != 4:
        return
    z, y = batch(1)
    mesh = init_device_mesh("cpu", (2, 2))
    for reduction in ("mean", "sum", "none"):
        target = distribute_tensor(y, mesh, [Shard(0), Replicate()])
        call = {"reduction": reduction, "label_smoothing": 0.1}
        against_one_process([Shard(0), Shard(1)], mesh, target, z, y, **call)
        against_one_process(
            [Shard(1), Shard(0)], mesh, distribute_tensor(y, mesh, [Replicate(), Shard(0)]), z, y, **call
        )
        against_one_process([Replicate(), Shard(1)], mesh, y, z, y, **call)


def check_T23_label_maps_and_class_dim(rank: int, size: int) -> None:
    z, _ = batch(2)
    maps = torch.stack((z, -z, z * 2), 2)
    y = torch.arange(3 * N).view(N, 3) % K
    mesh = init_device_mesh("cpu", (size,))
    against_one_process([Shard(1)], mesh, y, maps, y, label_smoothing=schemes.Spatial(0.4))
    last = maps.movedim(1, -1).contiguous()
    against_one_process([Shard(2)], mesh, y, last, y, label_smoothing=0.1, class_dim=-1)


def check_T23_what_is_refused(rank: int, size: int) -> None:
    z, y = batch()
    mesh = init_device_mesh("cpu", (size,))
    spread, target = distribute_tensor(z, mesh, [Shard(1)]), distribute_tensor(y, mesh, [Replicate()])
    with pytest.raises(ValueError, match="target is a DTensor but input a plain tensor; give both"):
        labelsmooth.cross_entropy(z, target)
    with pytest.raises(ValueError, match="whose rows are spread over its mesh, but target is a plain tensor"):
        labelsmooth.cross_entropy(distribute_tensor(z, mesh, [Shard(0)]), y)
    partial = DTensor.from_local(z, mesh, [Partial()])
    with pytest.raises(ValueError, match=r"DTensor of partial sums, .* add them up first"):
        labelsmooth.cross_entropy(partial, y)
    with pytest.raises(ValueError, match="target must hold class indices; class probabilities need whole rows"):
        labelsmooth.cross_entropy(spread, torch.zeros(N, K).double())
    with pytest.raises(ValueError, match="kernel='portable' computes whole rows"):
        labelsmooth.cross_entropy(spread, y, kernel="portable")
    with pytest.raises(ValueError, match="only the logits can have a gradient"):
        labelsmooth.cross_entropy(spread, y, label_smoothing=torch.tensor(0.1, requires_grad=True))
    with pytest.raises(IndexError, match=f"target at row 0 is {K}"):
        labelsmooth.cross_entropy(spread, torch.full((N,), K))
    with pytest.raises(TypeError, match="the loss of a DTensor has no choice of kernels"):
        losses.explain(spread, y)
    with pytest.raises(TypeError, match="report needs whole rows"):
        labelsmooth.CrossEntropyLoss(label_smoothing=0.1).report(spread, y)


def check_T23_unequal_worlds(rank: int, size: int) -> None:
    z, y = batch()
    if size == 4:
        whole, half = init_device_mesh("cpu", (4,)), init_device_mesh("cpu", (2, 2))
        target = distribute_tensor(y, half, [Replicate(), Replicate()])
        with pytest.raises(ValueError, match="input lies on a mesh of 4 ranks but target on a mesh of 2×2 ranks"):
            labelsmooth.cross_entropy(distribute_tensor(z, whole, [Shard(1)]), target)
    mine = z.tensor_split(size, 1)[rank]
    with pytest.raises(ValueError, match=f"from {N - 1} to {N} rows, .* give each the same rows and its own classes"):
        parallel.cross_entropy(mine[: N - (rank == 1)], y[: N - (rank == 1)], strict=True)
    with pytest.raises(TypeError, match="convert them to one dtype on every rank"):
        parallel.cross_entropy(mine.float() if rank == 1 else mine, y, strict=True)
    with pytest.raises(ValueError, match="different targets; give every rank the targets of all rows"):
        parallel.cross_entropy(mine, y + (rank == 1))
    close(parallel.cross_entropy(mine, y), labelsmooth.cross_entropy(z, y))
    if size > 2:
        pair = distributed.new_group([0, 1])
        if rank > 1:
            with pytest.raises(ValueError, match="no member of the group"):
                parallel.cross_entropy(mine, y, group=pair)


def check_T22_a_gap_of_120(rank: int, size: int) -> None:
    for dtype in (torch.float64, torch.float32, torch.bfloat16):
        z = torch.zeros(4, 8, dtype=dtype)
        z[0, 7], z[1, 0], z[2, 3] = 120, -120, 120
        y = torch.tensor([0, 0, 3, 5])
        whole, mine = z.clone().requires_grad_(), z.tensor_split(size, 1)[rank].clone().requires_grad_()
        want = labelsmooth.cross_entropy(whole, y, label_smoothing=0.1, reduction="none")
        got = parallel.cross_entropy(mine, y, label_smoothing=0.1, reduction="none")
        assert bool(got.isfinite().all())
        torch.testing.assert_close(got, want, rtol=4e-7 if dtype != torch.float64 else 1e-12, atol=0)
        want.sum().backward()
        got.sum().backward()
        torch.testing.assert_close(mine.grad, whole.grad.tensor_split(size, 1)[rank], rtol=4e-7, atol=0)


def check_T21_a_rank_without_rows_that_count(rank: int, size: int) -> None:
    torch.manual_seed(0)
    model = nn.parallel.DistributedDataParallel(nn.Linear(5, K).double())
    y = torch.full((4,), -100) if rank == 0 else torch.arange(4) + rank
    x = torch.ones(4, 5).double() * (rank + 1)
    loss = labelsmooth.cross_entropy(model(x), y, label_smoothing=0.1, num_items=parallel.num_items(y))
    loss.backward()
    assert bool(loss.isfinite()) and all(bool(p.grad.isfinite().all()) for p in model.parameters())
    everyone = [torch.zeros_like(model.module.weight.grad) for _ in range(size)]
    distributed.all_gather(everyone, model.module.weight.grad)
    assert all(torch.equal(each, everyone[0]) for each in everyone)
    again = nn.Linear(5, K).double()
    again.load_state_dict(model.module.state_dict())
    xs = torch.cat([torch.ones(4, 5).double() * (r + 1) for r in range(size)])
    ys = torch.cat([torch.full((4,), -100), *(torch.arange(4) + r for r in range(1, size))])
    labelsmooth.cross_entropy(again(xs), ys, label_smoothing=0.1).backward()
    close(model.module.weight.grad, again.weight.grad)


def check_T7_no_rank_has_a_row_that_counts(rank: int, size: int) -> None:
    z, y = batch()
    mine = z.tensor_split(size, 1)[rank].clone().requires_grad_()
    loss = parallel.cross_entropy(mine, torch.full_like(y, -100), label_smoothing=0.1)
    loss.backward()
    assert bool(loss.isnan()) and not mine.grad.any()
    assert float(parallel.cross_entropy(mine, torch.full_like(y, -100), empty="zero").detach()) == 0


def check_T21_online_is_reduced_over_ranks(rank: int, size: int) -> None:
    z, y = batch(3)
    z[torch.arange(N), y.clamp(min=0)] += 30  # all right
    one, many = schemes.Online(0.5, K), schemes.Online(0.5, K)
    one.observe(z, y)
    many.observe(z[rank::size], y[rank::size])
    many.advance()
    p = torch.where((y >= 0).unsqueeze(1), z.softmax(1), 0)
    counts = torch.zeros(K).double().index_add(0, y.clamp(min=0), (y >= 0).double())
    table = torch.zeros(K, K).double().index_add(0, y.clamp(min=0), p)
    want = torch.where(counts.unsqueeze(1) > 0, table / counts.clamp(min=1).unsqueeze(1), 1 / K)
    close(many.table, want)
    assert not bool(torch.equal(one.sums, many.sums))
    mine = z.tensor_split(size, 1)[rank]
    close(parallel.cross_entropy(mine, y, label_smoothing=many), labelsmooth.cross_entropy(z, y, label_smoothing=many))


def check_T23_a_head_of_dtensors(rank: int, size: int) -> None:
    generator = torch.Generator().manual_seed(7)
    h, W, c = (torch.randn(shape, generator=generator).double() for shape in ((N, 5), (K, 5), (K,)))
    y = batch()[1]
    line = init_device_mesh("cpu", (size,))
    layouts: list[Any] = [(line, [Replicate()], [Shard(0)]), (line, [Shard(0)], [Replicate()])]
    if size == 4:
        square = init_device_mesh("cpu", (2, 2))
        layouts.append((square, [Shard(0), Replicate()], [Replicate(), Shard(0)]))
    for mesh, of_h, of_W in layouts:
        for call in ({"label_smoothing": 0.1}, {"reduction": "sum", "chunk_size": 2}, {"reduction": "none"}):
            spread = [distribute_tensor(t, mesh, p).requires_grad_() for t, p in ((h, of_h), (W, of_W), (c, of_W))]
            plain = [t.clone().requires_grad_() for t in (h, W, c)]
            target = distribute_tensor(y, mesh, of_h)
            got = labelsmooth.linear_cross_entropy(spread[0], spread[1], target, linear_bias=spread[2], **call)
            want = labelsmooth.linear_cross_entropy(plain[0], plain[1], y, linear_bias=plain[2], **call)
            close(got.full_tensor(), want)
            got.backward(torch.ones_like(got))
            want.backward(torch.ones_like(want))
            for own, one in zip(spread, plain, strict=True):
                close(own.grad.full_tensor(), one.grad)
    with pytest.raises(ValueError, match="a head of DTensors needs all of input, linear_weight and linear_bias"):
        labelsmooth.linear_cross_entropy(h, distribute_tensor(W, line, [Shard(0)]), y)
    both = distribute_tensor(h, line, [Shard(1)]), distribute_tensor(W, line, [Shard(1)])
    with pytest.raises(ValueError, match="either linear_weight is spread by Shard"):
        labelsmooth.linear_cross_entropy(*both, y)


class Given(TorchDispatchMode):
    """Counts what is given to reductions: (reductions, bytes)."""

    def __init__(self) -> None:
        super().__init__()
        self.reductions, self.bytes = 0, 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if DTensor in types:
            return NotImplemented  # so that what it is made of is seen
        if func in REDUCTIONS:
            tensors = args[0] if isinstance(args[0], list) else [args[0]]
            self.reductions += 1
            self.bytes += sum(x.numel() * x.itemsize for x in tensors)
        return func(*args, **(kwargs or {}))


REDUCTIONS = (torch.ops.c10d.allreduce_.default, torch.ops._c10d_functional.all_reduce.default)


def given(spread: DTensor, target: Tensor, ours: bool, **call: Any) -> tuple[int, float]:
    """How many reductions a loss and its gradient take, and bytes for each row."""
    spread = spread.detach().requires_grad_()
    with loss_parallel(), Given() as seen:
        loss = (labelsmooth.cross_entropy if ours else nn.functional.cross_entropy)(spread, target, **call)
        loss.sum().backward()
    return seen.reductions, seen.bytes / len(target)


def check_T22_bytes_for_each_row(rank: int, size: int) -> None:
    rows, classes = 4096, 60
    generator = torch.Generator().manual_seed(1)
    mesh = init_device_mesh("cpu", (size,))
    y = torch.randint(0, classes, (rows,), generator=generator)
    wide = torch.randn(rows, classes, generator=generator, dtype=torch.float64)
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        spread = distribute_tensor(wide.to(dtype), mesh, [Shard(1)])
        labelsmooth.cross_entropy(spread, y)  # the first call of a group compares shapes as well
        for reduction in ("mean", "none"):
            theirs = given(spread, y, False, reduction=reduction)
            ours = given(spread, y, True, reduction=reduction, label_smoothing=0.1)
            expected = paper.volume(dtype, reduction)
            ties = dtype == torch.bfloat16
            once = paper.header(size, 8 if dtype == torch.float64 else 4) / rows  # of a call, not of a row
            assert expected <= ours[1] <= expected + ties + once, (dtype, reduction, ours)
            assert ours[1] - once <= theirs[1] + 4, (dtype, reduction, ours, theirs)
            split = reduction == "none" and dtype == torch.float32
            assert ours[0] == 2 + split + ties <= theirs[0] + ties, (dtype, reduction, ours, theirs)


def check_what_is_sent_is_what_the_page_says(rank: int, size: int) -> None:
    rows = 20_000
    y = torch.arange(rows) % size
    z = torch.randn(rows, 1) + 5.0 * (torch.arange(rows) % size == rank).unsqueeze(1) + rank * 1e-3
    for reduction in ("mean", "none"):
        parallel.cross_entropy(z, y, reduction=reduction, label_smoothing=0.1)
        before = paper.sent()
        parallel.cross_entropy(z, y, reduction=reduction, label_smoothing=0.1)
        found = (paper.sent() - before) / rows
        expected = paper.moved(paper.volume(z.dtype, reduction), size)
        assert abs(found - expected) < 0.02 * expected, (reduction, found, expected)


CHECKS = [check for name, check in globals().items() if name.startswith("check_")]
