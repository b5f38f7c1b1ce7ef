"""The loss of DTensors: classes spread over one dimension of a mesh, rows over others, a replicated DTensor back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor, Replicate, Shard

from .. import functional
from .._inputs import prepare
from .._options import Options
from .._reduction import denominator, divided
from .._weights import loss_dtype
from . import sharded
from ._placed import Layout, layout_of
from ._world import world_of


def with_options(logits: Tensor, target: Tensor, options: Options) -> Tensor:
    """`labelsmooth.cross_entropy` where input or target is a DTensor."""
    if not isinstance(logits, DTensor):
        raise ValueError(
            "target is a DTensor but input a plain tensor; give both as DTensors on one mesh, or the target as "
            "target.full_tensor()"
        )
    dim = 0 if logits.ndim == 1 else 1 if options.class_dim is None else options.class_dim % logits.ndim
    layout = layout_of(logits, dim)
    part, local = logits.to_local(grad_placements=logits.placements), layout.of_rows(target, "target")
    options = local_options(options, logits, layout)
    if options.reduction == "none":
        return placed(_rows(part, local, options, layout), layout, logits.shape[:dim] + logits.shape[dim + 1 :])
    whole, count = _total(part, local, options, layout)
    whole, count = over_rows(whole, count, options, layout)
    if options.reduction == "mean":
        whole = divided(whole, count, options)
    return replicated(whole.to(loss_dtype(logits)), layout)


def replicated(loss: Tensor, layout: Layout) -> DTensor:
    """A loss that every rank has, as a DTensor."""
    return DTensor.from_local(loss, layout.mesh, (Replicate(),) * layout.mesh.ndim, run_check=False)


def placed(losses: Tensor, layout: Layout, shape: torch.Size) -> DTensor:
    """Row losses as a DTensor of this shape: rows may be spread unevenly."""
    stride = torch.empty(shape, device="meta").stride()
    return DTensor.from_local(losses, layout.mesh, layout.rows, run_check=False, shape=shape, stride=stride)


def _rows(part: Tensor, target: Tensor, options: Options, layout: Layout) -> Tensor:
    if layout.class_at is None:
        return functional.with_options(part, target, options)
    return sharded.rows_of(part, target, options, world_of(layout.mesh.get_group(layout.class_at)))


def _total(part: Tensor, target: Tensor, options: Options, layout: Layout) -> tuple[Tensor, Tensor | float]:
    """The sum over this rank's rows in float64, and what they add to the divisor of a mean."""
    if layout.class_at is None:
        batch = prepare(part, target, options)
        summed = replace(options, reduction="sum", num_items=None, normalizer=None)
        return functional.with_options(part, target, summed).double(), denominator(batch, options)
    whole, batch = sharded.total_of(part, target, options, world_of(layout.mesh.get_group(layout.class_at)))
    return whole, denominator(batch, options)


def over_rows(whole: Tensor, count: Tensor | float, options: Options, layout: Layout) -> tuple[Tensor, Tensor | float]:
    """Sum and count added up over the mesh dimensions that hold rows."""
    if not layout.row_dims:
        return whole, count
    both = torch.stack((whole, torch.as_tensor(count, dtype=whole.dtype, device=whole.device)))
    both = _AddUp.apply(both, layout)
    return both[0], count if options.num_items is not None else both[1].detach()


class _AddUp(torch.autograd.Function):
    """The sum over ranks, which each of them has; every rank's gradient is that of its own part."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, layout: Layout) -> Tensor:
        for at in layout.row_dims:
            x = world_of(layout.mesh.get_group(at)).reduce(x.clone(), "sum")
        return x

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None]:
        return upstream, None


def local_options(options: Options, logits: DTensor, layout: Layout) -> Options:
    """The tensors among the options as this rank has them."""
    local: dict[str, Any] = {}
    if options.weight is not None:
        local["weight"] = layout.whole(options.weight, "weight")
    for name in ("row_mask", "sample_weight"):
        if getattr(options, name) is not None:
            local[name] = layout.of_rows(getattr(options, name), name)
    if options.class_mask is not None:
        by_class = options.class_mask.ndim == 1 and logits.ndim > 1
        local["class_mask"] = (
            _columns(options.class_mask, layout) if by_class else layout.like(options.class_mask, "class_mask", logits)
        )
    if isinstance(options.num_items, DTensor):
        local["num_items"] = options.num_items.full_tensor()
    return replace(options, **local) if local else options


def _columns(mask: Tensor, layout: Layout) -> Tensor:
    """A mask of all classes, cut as the logits are."""
    if not isinstance(mask, DTensor):
        mask = DTensor.from_local(mask, layout.mesh, [Replicate()] * layout.mesh.ndim, run_check=False)
    return mask.redistribute(
        placements=[Shard(0) if at == layout.class_at else Replicate() for at in range(layout.mesh.ndim)]
    ).to_local()
