"""The second reduction, and the gradient that needs none: a few sums of each row over this rank's columns.

With M the largest logit of a row, d_k = z_k − M, and k* the class that has it, on one rank alone,

    loss = m·log1p(Σ_{k≠k*} exp d_k) − own·d_y − each·Σ w_k v_k d_k        gradient = m·p − q

The largest class is in no sum, and its gradient is minus the sum of all others', as in the other kernels. Everything is
float64 here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from ...targets import SoftTargets
from ._background import Background, background_of, each_row
from ._opening import Opening, Shard

BLOCK = 1 << 17
"""Elements that are worked on at once."""


@dataclass(frozen=True, eq=False)
class Rows:
    """All that is known before the second reduction. on_label, on_background, weight_y, keep: (rows,)."""

    shard: Shard
    opening: Opening
    background: Background
    on_label: Tensor
    on_background: Tensor
    weight_y: Tensor
    keep: Tensor

    @classmethod
    def of(cls, shard: Shard, opening: Opening, targets: SoftTargets) -> Rows:
        """From targets (N, d1, …) over all classes."""
        labels: Tensor = targets.labels  # type: ignore[assignment]
        background = background_of(targets, opening.first, shard.logits.shape[1], opening.classes, opening.allowed)
        weight = background.weight
        weight_y = torch.ones_like(opening.peak) if weight is None else weight[background.labels]
        keep = shard.keep if targets.keep is None else targets.keep.reshape(-1)
        amounts = each_row(targets.on_label, labels), each_row(targets.on_background, labels)
        return cls(shard, opening, background, *amounts, weight_y, keep)

    def cut(self, rows: slice, shard: Shard, peak: Tensor) -> Rows:
        """These rows, with their logits and their largest ones."""
        background, opening = self.background.cut(rows), self.opening._replace(peak=peak, own=peak)
        parts = (self.on_label[rows], self.on_background[rows], self.weight_y[rows], self.keep[rows])
        return Rows(shard, opening, background, *parts)

    def opened(self, opening: Opening, like: Tensor) -> Rows:
        """With what the first reduction told; no logits, `like` has their dtype."""
        background = replace(self.background, allowed=opening.allowed)
        return replace(self, opening=opening, background=background, shard=self.shard._replace(logits=like[:0]))

    def without_logits(self) -> Rows:
        """For autograd, which keeps the logits itself."""
        return replace(self, shard=self.shard._replace(logits=self.opening.peak))

    def with_logits(self, logits: Tensor) -> Rows:
        """Whole again."""
        return replace(self, shard=self.shard._replace(logits=logits))


class Sums(NamedTuple):
    """This rank's part of what is added over the ranks, (rows,) each.

    rest  Σ exp d without the largest class; tops: 1 where that class is here; at_label: d_y where y is here, −inf
    where it is forbidden; spread_d: Σ w·v·d; total, mass: Σ v and Σ w·v over the allowed classes;
    label_here: 1 where y is here
    """

    rest: Tensor
    tops: Tensor
    at_label: Tensor
    spread_d: Tensor
    total: Tensor
    mass: Tensor
    label_here: Tensor


class Found(NamedTuple):
    """What every rank knows of each row after the second reduction, (rows,) each; `top` is this rank's alone.

    rest   Σ exp d over all classes but the largest; +inf marks a row with mass on a forbidden class
    own, each, mass  q = own·e_y + each·w·v, of total m = mass
    top    this rank's column that holds the row's one largest logit; −1 where there is none
    total_mass  Σ w·v over the allowed classes, where it had to be asked of all ranks
    """

    rest: Tensor
    own: Tensor
    each: Tensor
    mass: Tensor
    top: Tensor
    total_mass: Tensor | None

    def cut(self, rows: slice) -> Found:
        """That of these rows."""
        return Found(*(None if x is None else x[rows] for x in self))  # type: ignore[arg-type]


class Block(NamedTuple):
    """A few rows of this rank's columns. d is 0 where a class is forbidden or the row does not count."""

    rows: slice
    d: Tensor
    allowed: Tensor | None
    good: Tensor
    column: Tensor
    here: Tensor


def blocks(known: Rows) -> Iterator[Block]:
    """Cut the rows into blocks of about BLOCK entries; none where this rank has no class."""
    columns = known.background.size
    step = max(1, BLOCK // max(columns, 1))
    for i in range(0, len(known.keep) if columns else 0, step):
        yield _block(known, slice(i, i + step))


def _block(known: Rows, rows: slice) -> Block:
    shard, peak = known.shard, known.opening.peak[rows].unsqueeze(1)
    good = known.keep[rows].unsqueeze(1) & peak.isfinite()
    d = shard.logits[rows].to(torch.float64, copy=True)
    d = d.sub_(peak) if bool(good.all()) else torch.where(good, d - torch.where(good, peak, 0), 0)
    allowed = None if shard.allowed is None else shard.allowed[rows]
    d = d if allowed is None else torch.where(allowed, d, 0)
    column = known.background.labels[rows] - known.background.first
    here = (column >= 0) & (column < known.background.size)
    return Block(rows, d, allowed, good.squeeze(1), torch.where(here, column, 0).unsqueeze(1), here)


def _shares(known: Rows, block: Block) -> tuple[Tensor | None, Tensor | None]:
    """v and w·v in a block's columns, 0 where a class is forbidden; None where it is 1 everywhere."""
    v, weight = known.background.here(block.rows)
    if known.background.spread == "others" or block.allowed is not None:
        v = torch.ones_like(block.d) if v is None else v.expand_as(block.d)
        v = v if block.allowed is None else torch.where(block.allowed, v, 0)
    if known.background.spread == "others":
        v = v.scatter(1, block.column, v.gather(1, block.column).masked_fill(block.here.unsqueeze(1), 0))  # type: ignore[union-attr]
    if weight is None:
        return v, v
    return v, weight.expand_as(block.d) if v is None else v * weight


def local_sums(known: Rows, *, masses: bool) -> tuple[Sums, Tensor]:
    """This rank's sums, `total` and `mass` only where they are asked for, and the column of each row's largest logit,
    −1 where that is elsewhere."""
    sums = Sums(*known.opening.peak.new_zeros((len(Sums._fields), len(known.keep))))
    top = torch.full_like(known.background.labels, -1)
    for block in blocks(known):
        _sum_label(block, sums)
        if known.background.spread != "none":
            v, weighted = _shares(known, block)
            sums.spread_d[block.rows] = (block.d if weighted is None else weighted * block.d).sum(1)
            if masses:
                every = torch.ones_like(block.d)
                sums.total[block.rows] = (every if v is None else v).sum(1)
                sums.mass[block.rows] = (every if weighted is None else weighted).sum(1)
        _sum_exponentials(known.opening, block, sums, top)
    return sums, top


def _sum_exponentials(opening: Opening, block: Block, sums: Sums, top: Tensor) -> None:
    """In place of d. The largest class is looked for in the rows alone that have it here."""
    reached = block.d if block.allowed is None else block.d.masked_fill_(~block.allowed, -torch.inf)
    mine = block.good & (opening.own[block.rows] == opening.peak[block.rows])
    whole = bool(mine.all())
    at = reached.argmax(1) if whole else reached[mine].argmax(1)
    e = reached.exp_()
    e[torch.arange(len(e), device=e.device) if whole else mine.nonzero().squeeze(1), at] = 0
    sums.rest[block.rows] = torch.where(block.good, e.sum(1), 0)
    sums.tops[block.rows] = mine.double()
    found = torch.full_like(top[block.rows], -1)
    found[mine] = at
    top[block.rows] = found


def _sum_label(block: Block, sums: Sums) -> None:
    d = block.d.gather(1, block.column).squeeze(1)
    if block.allowed is not None:
        d = torch.where(block.allowed.gather(1, block.column).squeeze(1), d, -torch.inf)
    sums.at_label[block.rows] = torch.where(block.here, d, 0)
    sums.label_here[block.rows] = block.here.double()


def gradient(known: Rows, found: Found, factor: Tensor) -> Tensor:
    """m·p − q times a factor of each row, in the logits' dtype, (rows, n)."""
    written = torch.empty_like(known.shard.logits)
    live = known.keep & found.rest.isfinite()
    parts = (found.mass / (1 + found.rest), found.each, found.own, _at_top(known, found))
    scale, each, own, at_top = (torch.where(live, part * factor, 0) for part in parts)
    spoiled = live & (known.opening.peak == torch.inf)
    for block in blocks(known):
        rows = block.rows
        weighted = None if known.background.spread == "none" else _shares(known, block)[1]
        p = block.d.exp_().mul_(scale[rows].unsqueeze(1))
        if known.background.spread != "none":
            p.sub_(each[rows].unsqueeze(1) if weighted is None else each[rows].unsqueeze(1) * weighted)
        p.scatter_add_(1, block.column, torch.where(block.here, -own[rows], 0).unsqueeze(1))
        mine = (found.top[rows] >= 0).nonzero().squeeze(1)
        p[mine, found.top[rows][mine]] = at_top[rows][mine]
        if bool(spoiled[rows].any()):
            p.masked_fill_(spoiled[rows].unsqueeze(1), torch.nan)
        written[rows] = p if block.allowed is None else torch.where(block.allowed, p, 0)
    return written


def _at_top(known: Rows, found: Found) -> Tensor:
    """m·p − q of each row's largest logit, from what all other classes have, where it is here."""
    rows = (found.top >= 0).nonzero().squeeze(1)
    at_top, background = torch.zeros_like(found.rest), known.background
    top = found.top[rows] + background.first
    others = torch.where(top == background.labels[rows], 0, found.own[rows])
    if background.spread != "none":
        if found.total_mass is None:
            left = background.without(rows, top)
        else:
            left = found.total_mass[rows] - background.at(rows, top)
        others = others + found.each[rows] * left
    rest = found.rest[rows]
    at_top[rows] = others - found.mass[rows] * (rest / (1 + rest))
    return at_top
