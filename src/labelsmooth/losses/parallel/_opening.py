"""The first reduction: the largest logit of each row, and in the same message how the classes lie and who disagrees."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from .._options import Options
from .._weights import loss_dtype
from ._world import World

LARGEST = 1 << 24
"""Classes of one shard that a float32 counts exactly."""


class Shard(NamedTuple):
    """A process's columns: logits (rows, n), and which of them may have mass (None: all) in the rows that count."""

    logits: Tensor
    allowed: Tensor | None
    keep: Tensor


class Opening(NamedTuple):
    """What every rank knows after the first reduction.

    peak     (rows,) float64: the largest allowed logit; +inf where one is +inf or NaN, −inf where no class is allowed
    first, classes  where this rank's classes begin, and how many there are in all
    allowed  how many classes are allowed, the same in every row; None where rows differ
    own      (rows,) float64: the largest logit of this rank alone
    """

    peak: Tensor
    first: int
    classes: int
    allowed: int | None
    own: Tensor


def shard_of(logits: Tensor, keep: Tensor, class_mask: Tensor | None, options: Options) -> Shard:
    """Which classes may have mass; no mask is kept where all may."""
    low = logits.amin(1) if logits.shape[1] else logits.new_zeros(len(logits))
    if class_mask is None and options.mask_below is None and not bool((keep & ~(low > -torch.inf)).any()):
        return Shard(logits, None, keep)
    allowed = logits != -torch.inf
    if class_mask is not None:
        allowed &= class_mask
    if options.mask_below is not None:
        allowed &= ~(logits < options.mask_below)
    return Shard(logits, allowed | ~keep.unsqueeze(1), keep)


def greet(world: World, shard: Shard, *, strict: bool) -> None:
    """Before anything of a size that depends on the rows is sent: that all ranks have as many, of one dtype."""
    if strict or not world.acquainted:
        compare(world, len(shard.logits), shard.logits.shape[1], shard.logits)
        world.remember()


def compare(world: World, rows: int, columns: int, like: Tensor) -> list[int]:
    """How many classes each rank has; an error on every rank where they differ in rows or dtype."""
    mine = torch.zeros(4 + world.size, dtype=torch.int64, device=like.device)
    dtype = loss_dtype(like).itemsize
    mine[:4] = torch.tensor([rows, -rows, dtype, -dtype])
    mine[4 + world.rank] = columns
    most, least, wide, narrow, *sizes = world.reduce(mine, "max").tolist()
    if most != -least:
        raise ValueError(
            f"the ranks of the group have from {-least} to {most} rows, {rows} here; give each the same rows and "
            "its own classes, and let processes with other data form other groups"
        )
    if wide != -narrow:
        raise TypeError("some ranks have logits in float64 and others not; convert them to one dtype on every rank")
    return sizes


def open_(world: World, shard: Shard, labels: Tensor) -> Opening:
    """Reduce the maxima of the rows, with a header behind them."""
    return opened(world, local_peak(shard), shard.logits.shape[1], allowed_everywhere(shard), labels)


def opened(world: World, peak: Tensor, n: int, count: int, labels: Tensor) -> Opening:
    """The same of maxima that are found already; `count` classes of the n here are allowed in each row."""
    if n >= LARGEST:
        raise ValueError(f"a shard must have fewer than {LARGEST} classes; got {n}. Spread them over more ranks")
    rows = len(peak)
    header = peak.new_zeros(2 * world.size + 2)
    header[2 * world.rank] = n
    header[2 * world.rank + 1] = count + 1
    header[-2:] = _fingerprint(labels) * torch.tensor([1, -1], device=peak.device)
    found = world.reduce(torch.cat((peak, header)), "max")
    sizes = [int(x) for x in found[rows : rows + 2 * world.size : 2].tolist()]
    counts = [int(x) - 1 for x in found[rows + 1 : rows + 2 * world.size : 2].tolist()]
    most, least = found[-2:].tolist()
    if most != -least:
        raise ValueError(
            "the ranks of the group have different targets; give every rank the targets of all rows, the same on each, "
            "with class indices that count from 0 over all classes"
        )
    if sum(sizes) == 0:
        raise ValueError("no rank of the group has a class; input must be (N, classes of this rank, d1, …)")
    allowed = None if min(counts) < 0 else sum(counts)
    return Opening(found[:rows].double(), sum(sizes[: world.rank]), sum(sizes), allowed, peak.double())


def local_peak(shard: Shard) -> Tensor:
    """The largest allowed logit of each row here, in the dtype it is reduced in."""
    wide = torch.float64 if shard.logits.dtype == torch.float64 else torch.float32
    if not shard.logits.shape[1]:
        return shard.logits.new_full((len(shard.logits),), -torch.inf, dtype=wide)
    z = shard.logits if shard.allowed is None else shard.logits.masked_fill(~shard.allowed, -torch.inf)
    peak = z.amax(1).to(wide)
    return torch.where(peak.isnan(), torch.inf, peak)


def allowed_everywhere(shard: Shard) -> int:
    """How many classes each row that counts may give mass to; −1 where rows differ."""
    if shard.allowed is None:
        return shard.logits.shape[1]
    counts = shard.allowed.sum(1)[shard.keep]
    if not counts.numel():
        return shard.logits.shape[1]
    low, high = counts.aminmax()
    return int(low) if bool(low == high) else -1


def _fingerprint(labels: Tensor) -> Tensor:
    """A number under 2²⁰ that follows every label and its place."""
    flat = labels.reshape(-1).long()
    place = torch.arange(1, flat.numel() + 1, device=flat.device)
    return ((flat % 1000003) * (place % 8191) % 1048573).sum() % 1048573
