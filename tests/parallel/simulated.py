"""A group of ranks as threads of this process: any number of them, no sockets, every byte counted."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from labelsmooth.losses.parallel._world import Operation, World


class Meeting:
    """Where threads exchange tensors."""

    def __init__(self, size: int) -> None:
        self.barrier = threading.Barrier(size, timeout=60)
        self.brought: list[Any] = [None] * size


class Simulated(World):
    """One rank of a meeting. `sent` lists what it gave to reductions: (operation, bytes)."""

    def __init__(self, rank: int, size: int, meeting: Meeting) -> None:
        self.rank, self.size, self.meeting = rank, size, meeting
        self.sent: list[tuple[str, int]] = []

    def reduce(self, x: Tensor, operation: Operation) -> Tensor:
        self.sent.append((operation, x.numel() * x.itemsize))
        self.meeting.brought[self.rank] = x
        self.meeting.barrier.wait()
        every = list(self.meeting.brought)
        self.meeting.barrier.wait()
        if len({each.shape for each in every}) > 1:
            raise RuntimeError("ranks reduce tensors of different sizes")
        found = every[0].clone()
        for each in every[1:]:  # in the order of the ranks: the same bits on all
            found = torch.maximum(found, each) if operation == "max" else found + each
        return found


def on_ranks(size: int, run: Callable[[Simulated], Any]) -> list[Any]:
    """`run` once for each rank, all at a time; what they return. The first error that is no consequence of another."""
    meeting, found, errors = Meeting(size), [None] * size, []

    def one(rank: int) -> None:
        try:
            found[rank] = run(Simulated(rank, size, meeting))
        except Exception as error:
            errors.append(error)
            meeting.barrier.abort()

    threads = [threading.Thread(target=one, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise min(errors, key=lambda error: isinstance(error, threading.BrokenBarrierError))
    return found


def cuts(classes: int, size: int, draw: int) -> list[int]:
    """How many classes each rank has: uneven, some none, drawn by a number."""
    generator = torch.Generator().manual_seed(draw)
    ends = torch.randint(0, classes + 1, (size - 1,), generator=generator).sort()[0].tolist()
    return [end - start for start, end in zip([0, *ends], [*ends, classes], strict=True)]
