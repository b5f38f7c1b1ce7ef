"""The linear head of DTensors: its classes spread over one dimension of a mesh, its rows over others."""

from __future__ import annotations

from torch import Tensor
from torch.distributed.tensor import DTensor, Partial, Placement, Replicate, Shard

from .._chunks import Chunks
from .._head_inputs import Given
from .._options import Options
from .._reduction import denominator, divided, weighted
from .._weights import loss_dtype
from ._placed import Layout, on_mesh
from ._world import Alone, world_of
from .dtensor import local_options, over_rows, placed, replicated
from .linear import solved


def with_options(given: Given, options: Options, chunks: Chunks) -> Tensor:
    """`labelsmooth.linear_cross_entropy` where input and weight are DTensors."""
    x, w, bias = given.input, given.weight, given.bias
    if not isinstance(x, DTensor) or not isinstance(w, DTensor) or (bias is not None and not isinstance(bias, DTensor)):
        raise ValueError(
            "a head of DTensors needs all of input, linear_weight and linear_bias as DTensors on one mesh; distribute "
            "the plain ones with distribute_tensor"
        )
    on_mesh(x.device_mesh, w, "linear_weight")
    layout = _layout(x, w)
    target = layout.of_rows(given.target, "target")
    local = (_local(x, layout, True), _local(w, layout, False), None if bias is None else _bias(bias, w, layout))
    options = local_options(options, x, layout)
    world = Alone() if layout.class_at is None else world_of(layout.mesh.get_group(layout.class_at))
    loss, batch = solved(local, target, options, chunks, world, add=False)
    if options.reduction == "none":
        losses = loss if batch.row_weights is None else weighted(loss, batch.row_weights, batch.targets.keep)
        return placed(losses.view(target.shape), layout, x.shape[:-1])
    whole, count = over_rows(loss, denominator(batch, options), options, layout)
    if options.reduction == "mean":
        whole = divided(whole, count, options)
    return replicated(whole.to(loss_dtype(x)), layout)


def _layout(x: DTensor, w: DTensor) -> Layout:
    rows: list[Placement] = []
    class_at = None
    for at, (of_x, of_w) in enumerate(zip(x.placements, w.placements, strict=True)):
        if of_w == Shard(0) and of_x.is_replicate() and class_at is None and w.ndim == 2:
            class_at = at
            rows.append(Replicate())
        elif of_w.is_replicate() and (of_x.is_replicate() or (type(of_x) is Shard and of_x.dim < x.ndim - 1)):
            rows.append(of_x)
        else:
            raise ValueError(
                f"input has the placements {x.placements} and linear_weight {w.placements}; over a dimension of the "
                "mesh either linear_weight is spread by Shard(0) and input replicated, or input is spread by its rows "
                "and linear_weight replicated: use .redistribute(placements=[…])"
            )
    return Layout(x.device_mesh, class_at, tuple(rows))


def _local(x: DTensor, layout: Layout, by_row: bool) -> Tensor:
    """This rank's part, whose gradient is a part of a sum over the ranks that have the same."""
    summed = [layout.class_at] if by_row else layout.row_dims
    return x.to_local(grad_placements=[Partial() if at in summed else p for at, p in enumerate(x.placements)])


def _bias(bias: DTensor, w: DTensor, layout: Layout) -> Tensor:
    on_mesh(w.device_mesh, bias, "linear_bias")
    if tuple(bias.placements) != tuple(w.placements):
        bias = bias.redistribute(placements=w.placements)
    return _local(bias, layout, False)
