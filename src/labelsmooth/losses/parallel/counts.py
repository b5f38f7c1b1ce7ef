"""What a mean divides by when its rows are spread over processes and over steps."""

from __future__ import annotations

import torch
from torch import Tensor, distributed
from torch.distributed import ProcessGroup

from ._world import World, world_of


def num_items(
    *targets: Tensor,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    group: ProcessGroup | World | None = None,
    averaged: bool = True,
) -> Tensor:
    r"""The `num_items` that makes the loss of many processes, over several steps, the mean over all their rows.

    n = Σ over ranks and targets of the rows that count, or of their w_y; over W ranks whose gradients are averaged, as
    DistributedDataParallel and FSDP do, n/W. Then the average over the ranks of Σ loss/num_items is the global mean,
    however unevenly rows and ignored rows are spread; a rank without any row that counts adds 0.

    Args:
        targets: class indices of this rank's batches, one for each step of accumulation; any shape, none at all.
        ignore_index: rows that do not count.
        weight: (K,) class weights, when the loss has them.
        group: the ranks that have different rows; all by default, this process alone where nothing is distributed.
        averaged: whether the gradients are averaged over the ranks afterwards; False when they are added.

    Returns:
        A 0-dimensional float64 tensor, on the device of the targets. One small reduction; no value is looked at.

    Raises:
        TypeError: targets that are no class indices. PeerLost: a rank of the group is gone.

    Example:
        >>> import torch
        >>> from labelsmooth import cross_entropy
        >>> steps = [torch.tensor([0, 1, -100]), torch.tensor([2])]
        >>> items = num_items(*steps)
        >>> items
        tensor(3., dtype=torch.float64)
        >>> sum(cross_entropy(torch.zeros(len(y), 3), y, num_items=items) for y in steps)  # log 3
        tensor(1.0986)

    Source: none; the arithmetic of means.
    """
    device = targets[0].device if targets else torch.device("cpu")
    count = torch.zeros((), dtype=torch.float64, device=device)
    for target in targets:
        count += _counted(target, ignore_index, weight)
    if group is None and not (distributed.is_available() and distributed.is_initialized()):
        return count
    world = world_of(group)
    return world.reduce(count, "sum") / (world.size if averaged else 1)


def _counted(target: Tensor, ignore_index: int, weight: Tensor | None) -> Tensor:
    if target.is_floating_point() or target.is_complex() or target.dtype == torch.bool:
        raise TypeError(f"num_items counts class indices, of an integer dtype; got {target.dtype}")
    keep = target != ignore_index
    if weight is None:
        return keep.sum()
    return torch.where(keep, weight.double()[torch.where(keep, target, 0).long()], 0).sum()
