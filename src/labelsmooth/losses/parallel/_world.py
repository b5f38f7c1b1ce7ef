"""Reductions over a group of processes, with one clear error where a peer is gone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Literal, final
from weakref import WeakSet

import torch
from torch import Tensor, distributed
from torch.distributed import ProcessGroup

Operation = Literal["max", "sum"]


class PeerLost(RuntimeError):
    """Another process of the group is gone, or did not answer in the time its group allows."""


class World(ABC):
    """Processes that reduce together. `acquainted`: they have compared their shapes, all in the same call."""

    rank: int
    size: int
    acquainted: bool = False

    @abstractmethod
    def reduce(self, x: Tensor, operation: Operation) -> Tensor:
        """The maximum or the sum of `x` over all ranks, with the same bits on each; `x` may be written into."""

    def remember(self) -> None:
        """Note that shapes were compared, for as long as the group lives."""
        self.acquainted = True

    def sum(self, fields: Sequence[Tensor]) -> list[Tensor]:
        """The sums of several tensors over all ranks, in one reduction for each dtype."""
        found: list[Tensor] = list(fields)
        for dtype in dict.fromkeys(x.dtype for x in fields):
            places = [i for i, x in enumerate(fields) if x.dtype == dtype]
            whole = self.reduce(torch.cat([fields[i].reshape(-1) for i in places]), "sum")
            ends = [0, *accumulate(fields[i].numel() for i in places)]
            for i, start, end in zip(places, ends, ends[1:], strict=False):
                found[i] = whole[start:end].view(fields[i].shape)
        return found


@final
class Alone(World):
    """One process that has all classes."""

    rank, size = 0, 1

    def reduce(self, x: Tensor, operation: Operation) -> Tensor:
        return x


@final
class Processes(World):
    """The processes of a group of ``torch.distributed``."""

    def __init__(self, group: ProcessGroup) -> None:
        self.group, self.acquainted = group, group in _acquainted
        self.rank, self.size = distributed.get_rank(group), distributed.get_world_size(group)

    def remember(self) -> None:
        super().remember()
        _acquainted.add(self.group)

    def reduce(self, x: Tensor, operation: Operation) -> Tensor:
        how = distributed.ReduceOp.MAX if operation == "max" else distributed.ReduceOp.SUM
        collective(self, lambda: distributed.all_reduce(x, op=how, group=self.group))
        return x


def collective(world: World, run: Callable[[], object]) -> None:
    """Run a collective; a PeerLost that says where to look when it fails."""
    try:
        run()
    except RuntimeError as error:
        raise PeerLost(
            f"rank {world.rank} of {world.size} got no answer from another rank of its group while a loss was reduced. "
            "That rank has stopped, or is in another collective: look for the first error in the logs of the other "
            f"ranks, then start all ranks again ({str(error).splitlines()[0]})"
        ) from error


_acquainted: WeakSet[ProcessGroup] = WeakSet()


def world_of(group: ProcessGroup | World | None) -> World:
    """The processes of `group`, all of them for None; a world is itself."""
    if isinstance(group, World):
        return group
    if not distributed.is_available() or not distributed.is_initialized():
        raise ValueError(
            "the classes are spread over processes, but torch.distributed is not initialised; call "
            "torch.distributed.init_process_group first, or give whole logits to labelsmooth.cross_entropy"
        )
    chosen: ProcessGroup = distributed.group.WORLD if group is None else group  # type: ignore[assignment]
    if distributed.get_rank(chosen) < 0:
        raise ValueError("this process is no member of the group; call the loss only on the ranks of its group")
    return Processes(chosen)
