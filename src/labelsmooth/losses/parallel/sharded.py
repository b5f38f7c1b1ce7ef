"""`cross_entropy` of logits whose classes are spread over processes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.distributed import ProcessGroup

from .._inputs import Batch, prepare
from .._options import Options, check_names, options_of
from .._reduction import denominator, divided, weighted
from .._weights import loss_dtype, shaped_like_rows
from ._background import each_row, flat_rows
from ._loss import row_losses, total
from ._opening import greet, open_, shard_of
from ._rows import Rows
from ._world import World, world_of

if TYPE_CHECKING:
    from ...schemes._base import Scheme


def cross_entropy(
    input: Tensor,
    target: Tensor,
    *,
    group: ProcessGroup | World | None = None,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float | Tensor | Scheme = 0.0,
    **options: Any,
) -> Tensor:
    r"""Cross-entropy with smoothed targets where each process holds some of the classes: no process has whole rows.

    loss = m·lse(z) − ⟨q, z⟩ and gradient = m·p − q over all classes of all ranks, as
    :func:`labelsmooth.cross_entropy` has them in one process. The ranks' shards stand next to one another in the order
    of the ranks; they may differ in size, and some may be empty. Forward reduces twice (the largest logit of each row;
    then a few sums), backward sends nothing.

    Args:
        input: this rank's columns of the logits, (N, n, d1, …) with n ≥ 0, or with the classes in `class_dim`; float32,
            float64, bfloat16 or float16.
        target: class indices of all rows, (N, d1, …), counted over all classes, the same on every rank.
        group: the processes that share the classes; all of them by default.
        weight: (K,) factor of every class, the same on every rank.
        ignore_index, reduction, label_smoothing: as in :func:`labelsmooth.cross_entropy`; every scheme.
        options: as there, but `class_mask` is that of this rank's classes, (n,) or shaped like `input`; `strict` also
            has all ranks compare their shapes first, which they otherwise do in a group's first call.

    Returns:
        A scalar, or the row losses for reduction="none", with the same bits on every rank.

    Raises:
        TypeError, ValueError, IndexError: as :func:`labelsmooth.cross_entropy`; also when ranks differ in rows, dtype
        or targets. PeerLost: a rank of the group is gone.

    Example:
        >>> import torch, torch.distributed as dist
        >>> store = dist.HashStore()
        >>> dist.init_process_group("gloo", store=store, rank=0, world_size=1)
        >>> cross_entropy(torch.tensor([[2.0, 0.5, 0.3]]), torch.tensor([0]), label_smoothing=0.2)
        tensor(0.5539)
        >>> dist.destroy_process_group()

    Source: Shoeybi et al. 2019, Megatron-LM, section 3 (the hard-label loss over a split vocabulary).
    """
    check_names(options, "parallel.cross_entropy")
    made = options_of(ignore_index, reduction, label_smoothing, {"weight": weight, **options})
    return with_options(input, target, made, world_of(group))


def with_options(logits: Tensor, target: Tensor, options: Options, world: World) -> Tensor:
    """`cross_entropy` for options that are built already."""
    if options.reduction == "none":
        return rows_of(logits, target, options, world)
    whole, batch = total_of(logits, target, options, world)
    if options.reduction == "mean":
        whole = divided(whole, denominator(batch, options), options)
    return whole.to(loss_dtype(logits))


def total_of(logits: Tensor, target: Tensor, options: Options, world: World) -> tuple[Tensor, Batch]:
    """The sum of the weighted row losses in float64, and the batch that says what a mean divides by."""
    flat, known, batch = _ready(logits, target, options, world)
    factor = torch.ones_like(known.on_label) if batch.row_weights is None else each_row(batch.row_weights, target)
    return total(flat, known, world, factor), batch


def rows_of(logits: Tensor, target: Tensor, options: Options, world: World) -> Tensor:
    """The weighted row losses, (N, d1, …)."""
    flat, known, batch = _ready(logits, target, options, world)
    losses = row_losses(flat, known, world).view(batch.targets.row_shape())
    return losses if batch.row_weights is None else weighted(losses, batch.row_weights, batch.targets.keep)


def _ready(logits: Tensor, target: Tensor, options: Options, world: World) -> tuple[Tensor, Rows, Batch]:
    """This rank's columns as (rows, n), and what all ranks know after the first reduction."""
    check(logits, target, options)
    dim = 1 if options.class_dim is None else options.class_dim % logits.ndim
    wide = logits.movedim(dim, 1)
    keep = target != options.ignore_index
    if options.row_mask is not None:
        keep = keep & shaped_like_rows(options.row_mask, wide, "row_mask")
    mask = None if options.class_mask is None else local_mask(options.class_mask, wide, dim)
    flat = flat_rows(wide)
    shard = shard_of(flat.detach(), keep.reshape(-1), mask, options)
    greet(world, shard, strict=options.strict)
    opening = open_(world, shard, target)
    batch = batch_of(wide, target, opening.classes, options)
    return flat, Rows.of(shard, opening, batch.smoothed(options)), batch


def batch_of(wide: Tensor, target: Tensor, classes: int, options: Options) -> Batch:
    """The checked batch of rows of all classes, whose logits have a shape but no memory."""
    stand_in = wide.new_empty(()).expand(wide.shape[0], classes, *wide.shape[2:])
    return prepare(stand_in, target, replace(options, class_dim=None, class_mask=None, mask_below=None))


def check(logits: Tensor, target: Tensor, options: Options) -> None:
    """What only a shard can have wrong."""
    if not isinstance(logits, Tensor) or not isinstance(target, Tensor) or logits.ndim < 2:
        raise TypeError(
            "on class shards input must be a tensor of (N, classes of this rank, d1, …) and target one of (N, d1, …)"
        )
    check_options(target, options)


def check_options(target: Tensor, options: Options) -> None:
    """What whole rows would be needed for."""
    if target.is_floating_point():
        raise ValueError("on class shards the target must hold class indices; class probabilities need whole rows")
    trained = [options.weight, options.sample_weight, *_tensors(options.scheme)]
    if any(isinstance(x, Tensor) and x.requires_grad for x in trained):
        raise ValueError("on class shards only the logits can have a gradient; detach label_smoothing= and the weights")
    if options.kernel != "auto":
        raise ValueError(f"kernel={options.kernel!r} computes whole rows; on class shards leave kernel= out")


def _tensors(scheme: Scheme | None) -> list[Any]:
    return [] if scheme is None else list(vars(scheme).values())


def local_mask(mask: Tensor, wide: Tensor, dim: int) -> Tensor:
    """A class mask of this rank's columns, as (rows, n) or (n,)."""
    if mask.shape == (wide.shape[1],):
        return mask
    moved = mask.movedim(dim, 1) if mask.ndim == wide.ndim else mask
    if moved.shape != wide.shape:
        raise ValueError(
            f"on class shards class_mask is that of this rank's classes, of shape ({wide.shape[1]},) or the input's; "
            f"got {tuple(mask.shape)}"
        )
    return flat_rows(moved)
