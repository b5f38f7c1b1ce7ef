"""`linear_cross_entropy` with a head whose classes are spread over processes, a few rows of logits at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.distributed import ProcessGroup

from .._chunks import Chunks, capped, slices, slope_of_cap
from .._head import as_multiplied
from .._inputs import FLOATS, Batch
from .._options import Options, check_names, options_of
from .._reduction import denominator, divided, weighted
from .._weights import loss_dtype, shaped_like_rows
from ._background import each_row
from ._loss import solve
from ._opening import Opening, Shard, allowed_everywhere, compare, local_peak, opened, shard_of
from ._rows import Rows, Sums, gradient, local_sums
from ._world import World, world_of
from .sharded import batch_of, check_options

if TYPE_CHECKING:
    from ...schemes._base import Scheme


def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    group: ProcessGroup | World | None = None,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float | Tensor | Scheme = 0.0,
    chunk_size: int | None = None,
    memory_budget: int | None = None,
    softcap: float | None = None,
    add_input_gradients: bool = True,
    **options: Any,
) -> Tensor:
    r"""Cross-entropy of z = Wh + c where each process holds some rows of W, that is some classes.

    As :func:`labelsmooth.linear_cross_entropy` in one process. A rank makes the logits of a chunk of rows for its own
    classes, in forward and once more in backward, and keeps none. Forward reduces three times: the shapes, the
    largest logit of each row, then a few sums. In backward the gradients of h, each rank's from its own classes, are
    added up.

    Args:
        input: h, (…, D), the same on every rank; float32, float64, bfloat16 or float16.
        linear_weight: this rank's rows of W, (n, D) with n ≥ 0. linear_bias: its part of c, (n,).
        target: class indices (…) of all rows, counted over all classes, the same on every rank.
        group: the processes that share the classes; all of them by default.
        weight, ignore_index, reduction, label_smoothing: as in :func:`labelsmooth.parallel.cross_entropy`.
        chunk_size, memory_budget, softcap: as in :func:`labelsmooth.linear_cross_entropy`.
        add_input_gradients: False leaves each rank its own part of h's gradient, for somebody else to add up.
        options: as in :func:`labelsmooth.parallel.cross_entropy`; `class_mask` is (n,).

    Returns:
        A scalar, or the row losses (…) for reduction="none", with the same bits on every rank.

    Raises:
        TypeError, ValueError, IndexError, PeerLost: as :func:`labelsmooth.parallel.cross_entropy`.

    Example:
        >>> import torch, torch.distributed as dist
        >>> dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
        >>> h, W = torch.tensor([[1.0, 0.5]]), torch.tensor([[2.0, 0.0], [0.0, 1.0], [0.0, 0.6]])
        >>> linear_cross_entropy(h, W, torch.tensor([0]), label_smoothing=0.2)  # the logits are [2, 0.5, 0.3]
        tensor(0.5539)
        >>> dist.destroy_process_group()

    Source: Shoeybi et al. 2019, Megatron-LM, section 3 (a split vocabulary); in chunks: Hsu et al. 2024, Liger Kernel.
    """
    check_names(options, "parallel.linear_cross_entropy")
    made = options_of(ignore_index, reduction, label_smoothing, {"weight": weight, **options})
    chunks = Chunks(chunk_size, memory_budget, softcap)
    given = (input, linear_weight, linear_bias)
    return with_options(given, target, made, chunks, world_of(group), add_input_gradients)


Given = tuple[Tensor, Tensor, Tensor | None]


def with_options(
    given: Given, target: Tensor, options: Options, chunks: Chunks, world: World, add: bool = True
) -> Tensor:
    """`linear_cross_entropy` for options that are built already."""
    loss, batch = solved(given, target, options, chunks, world, add)
    if options.reduction == "none":
        losses = loss if batch.row_weights is None else weighted(loss, batch.row_weights, batch.targets.keep)
        return losses.view(target.shape)
    if options.reduction == "mean":
        loss = divided(loss, denominator(batch, options), options)
    return loss.to(loss_dtype(given[0]))


def solved(
    given: Given, target: Tensor, options: Options, chunks: Chunks, world: World, add: bool
) -> tuple[Tensor, Batch]:
    """The row losses, or their weighted sum in float64, and the batch."""
    _check(given, target, options)
    x, w, bias = given
    x = x.reshape(target.numel(), x.shape[-1])
    keep = target.reshape(-1) != options.ignore_index
    if options.row_mask is not None:
        keep = keep & shaped_like_rows(options.row_mask.reshape(-1), x, "row_mask")
    sizes = compare(world, len(x), len(w), x)
    first, classes = sum(sizes[: world.rank]), sum(sizes)
    batch = batch_of(x, target.reshape(-1), classes, options)
    zero = x.new_zeros(len(x), dtype=torch.float64)
    before = Opening(zero, first, classes, None, zero)
    known = Rows.of(Shard(x.new_empty(len(x), len(w), device="meta"), None, keep), before, batch.smoothed(options))
    rows = chunks.rows(max(len(w), 1), as_multiplied(x[:0]).dtype)
    head = _Head(known, options, chunks.softcap, rows, world, add, target.reshape(-1))
    factor = None
    if options.reduction != "none":
        factor = torch.ones_like(known.on_label) if batch.row_weights is None else each_row(batch.row_weights, target)
    x = torch.where(known.keep.unsqueeze(1), x, 0)
    loss: Tensor = _Linear.apply(x, w, bias, head, factor)
    return loss, batch


@dataclass(frozen=True, eq=False)
class _Head:
    """Everything but the tensors that get a gradient; `known` without logits and largest ones."""

    known: Rows
    options: Options
    softcap: float | None
    rows: int
    world: World
    add: bool
    labels: Tensor

    def chunk(self, given: Given, rows: slice) -> tuple[Shard, Tensor]:
        """The logits of these rows in this rank's classes, and before the cap."""
        x, w, bias = given
        made = torch.nn.functional.linear(x[rows], w, bias)
        return shard_of(capped(made, self.softcap), self.known.keep[rows], self.options.class_mask, self.options), made


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, bias: Tensor | None, head: _Head, factor: Tensor | None) -> Tensor:
        peak, count, sums, top = _local(_multiplied(x, w, bias), head)
        opening = opened(head.world, peak, len(w), count, head.labels)
        known = head.known.opened(opening, x)
        sums, top = shifted(sums, top, peak.double(), known)
        loss, ctx.found = solve(known, head.world, factor, sums, top)
        ctx.save_for_backward(x, w, bias)
        ctx.head, ctx.known, ctx.factor = head, known, factor
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Any, ...]:
        x, w, bias = ctx.saved_tensors
        factor = upstream.double() if ctx.factor is None else upstream * ctx.factor
        found = _gradients(_multiplied(x, w, bias), ctx, factor)
        if ctx.head.add and ctx.needs_input_grad[0]:
            found[0] = ctx.head.world.reduce(found[0], "sum")
        given = (x, w, bias)
        return *(None if g is None else g.to(own.dtype) for g, own in zip(found, given, strict=True)), None, None


def _multiplied(x: Tensor, w: Tensor, bias: Tensor | None) -> Given:
    return as_multiplied(x), as_multiplied(w), None if bias is None else as_multiplied(bias)


def _local(given: Given, head: _Head) -> tuple[Tensor, int, Sums, Tensor]:
    """This rank's maxima and sums over its own classes, a chunk of rows at a time, relative to its own maxima; and how
    many of its classes are allowed, −1 where rows differ."""
    peaks, parts, tops, counts = [], [], [], set()
    for rows in slices(len(given[0]), head.rows):
        shard, _ = head.chunk(given, rows)
        peak = local_peak(shard)
        known = head.known.cut(rows, shard, peak.double())
        sums, top = local_sums(known, masses=True)
        peaks.append(peak)
        parts.append(torch.stack(sums))
        tops.append(top)
        counts.add(allowed_everywhere(shard))
    if not peaks:
        none = given[0].new_zeros(0)
        return none.double() if none.dtype == torch.float64 else none.float(), len(given[1]), *_nothing(head.known)
    count = counts.pop() if len(counts) == 1 else -1
    return torch.cat(peaks), count, Sums(*torch.cat(parts, 1)), torch.cat(tops)


def _nothing(known: Rows) -> tuple[Sums, Tensor]:
    return Sums(*known.opening.peak.new_zeros((len(Sums._fields), 0))), known.background.labels


def shifted(sums: Sums, top: Tensor, own: Tensor, known: Rows) -> tuple[Sums, Tensor]:
    """Sums relative to a rank's own largest logits, made relative to the largest of all."""
    peak = known.opening.peak
    reached = own.isfinite() & peak.isfinite() & known.keep
    down = torch.where(reached, own - torch.where(reached, peak, 0), 0)
    mine = reached & (down == 0)
    rest = torch.where(mine, sums.rest, torch.where(reached, (sums.rest + 1) * down.exp(), 0))
    has_label = sums.label_here > 0
    return sums._replace(
        rest=rest,
        tops=mine.double(),
        at_label=torch.where(has_label, sums.at_label + down, sums.at_label),
        spread_d=sums.spread_d + down * sums.mass,
    ), torch.where(mine, top, -1)


def _gradients(given: Given, ctx: Any, factor: Tensor) -> list[Tensor | None]:
    """Those of h, W and c from this rank's classes, in the dtype they are multiplied in."""
    x, w, bias = given
    head, known, wanted = ctx.head, ctx.known, ctx.needs_input_grad
    of_x = torch.zeros_like(x) if wanted[0] else None
    of_w = torch.zeros_like(w) if wanted[1] else None
    of_bias = torch.zeros_like(w[:, 0]) if bias is not None and wanted[2] else None
    for rows in slices(len(x), head.rows):
        shard, _ = head.chunk(given, rows)
        g = gradient(known.cut(rows, shard, known.opening.peak[rows]), ctx.found.cut(rows), factor[rows])
        if head.softcap is not None:
            g = g * slope_of_cap(shard.logits, head.softcap)
        if of_x is not None:
            of_x[rows] = g.to(w.dtype) @ w
        if of_w is not None:
            of_w.addmm_(g.to(x.dtype).T, x[rows])
        if of_bias is not None:
            of_bias.add_(g.sum(0))
    return [of_x, of_w, of_bias]


def _check(given: Given, target: Tensor, options: Options) -> None:
    named = {"input": given[0], "linear_weight": given[1], "linear_bias": given[2]}
    for name, x in named.items():
        if x is not None and (not isinstance(x, Tensor) or x.dtype not in FLOATS or x.dtype != given[0].dtype):
            kind = x.dtype if isinstance(x, Tensor) else type(x).__name__
            raise TypeError(
                f"{name} must be a float32, float64, bfloat16 or float16 tensor of the input's dtype; got {kind}"
            )
    x, w, bias = given
    if x.ndim < 1 or w.ndim != 2 or x.shape[-1] != w.shape[1]:
        raise ValueError(
            "input must be (…, D) and linear_weight this rank's rows (n, D), with one D; got "
            f"{tuple(x.shape)} and {tuple(w.shape)}"
        )
    if bias is not None and bias.shape != w.shape[:1]:
        raise ValueError(f"linear_bias must have this rank's {len(w)} entries; got shape {tuple(bias.shape)}")
    if not isinstance(target, Tensor) or target.shape != x.shape[:-1]:
        came = tuple(target.shape) if isinstance(target, Tensor) else type(target).__name__
        raise ValueError(
            f"target must hold one class index for each row of the input, {tuple(x.shape[:-1])}; got {came}"
        )
    if options.class_mask is not None and options.class_mask.shape != w.shape[:1]:
        raise ValueError(
            f"class_mask is that of this rank's {len(w)} classes; got shape {tuple(options.class_mask.shape)}"
        )
    check_options(target, options)
