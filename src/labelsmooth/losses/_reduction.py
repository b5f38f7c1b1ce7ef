"""From row losses to one number: the weights of rows, what the mean divides by, and a sum in a fixed order."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd import forward_ad

from .._modes import visible
from ..kernels._sums import ordered as ordered_sum
from ._inputs import Batch
from ._options import Options
from ._weights import by_class, sample_weights


def reduce(losses: Tensor, batch: Batch, options: Options) -> Tensor:
    """Apply the rows' own weights, then `reduction`."""
    if batch.row_weights is not None:
        losses = weighted(losses, batch.row_weights, batch.targets.keep)
    if options.reduction == "none":
        return losses if batch.batched else losses.squeeze(0)
    if options.reduction == "sum":
        return ordered_sum(losses)
    return divided(losses, denominator(batch, options), options)


def plain_divisor(batch: Batch, options: Options) -> float | None:
    """What the sum of the row losses is divided by, where the reduction is nothing but that; else None."""
    if options.reduction == "none" or batch.row_weights is not None:
        return None
    return as_number(denominator(batch, options)) if options.reduction == "mean" else 1.0


def as_number(count: Tensor | float) -> float | None:
    """A count that is not 0, where it may be looked at and nobody asks for its derivative."""
    if isinstance(count, Tensor):
        if count.requires_grad or not visible(count) or forward_ad.unpack_dual(count).tangent is not None:
            return None
        count = count.item()
    return count or None


def weighted(losses: Tensor, weights: Tensor, keep: Tensor | None) -> Tensor:
    """Losses times weights; a dropped row's weight may be anything."""
    losses = losses * weights
    return losses if keep is None else torch.where(keep, losses, 0)


def divided(losses: Tensor, count: Tensor | float, options: Options) -> Tensor:
    """The sum over `count`; over nothing it is NaN or 0 as `empty` says, with a gradient of 0 either way (T7)."""
    if not isinstance(count, Tensor) and count != 0:
        return ordered_sum(losses, count)
    nothing = torch.as_tensor(count, device=losses.device) == 0
    mean = ordered_sum(losses, torch.where(nothing, 1, count))
    return torch.where(nothing, torch.nan if options.empty == "nan" else 0.0, mean)


def denominator(batch: Batch, options: Options) -> Tensor | float:
    """What the mean divides by.

    By default as torch: Σ w_y over the rows that count for class indices, the number of rows for probabilities.
    `normalizer="rows"` or `"weights"` makes both kinds of target the same; `num_items` is the global count.
    """
    if options.num_items is not None:
        return options.num_items
    weights, keep = _counted_weights(batch, options), batch.counted
    if weights is None:
        return batch.targets.row_shape().numel() if keep is None else keep.sum()
    return ordered_sum(weights if keep is None else torch.where(keep, weights, 0))


def _counted_weights(batch: Batch, options: Options) -> Tensor | None:
    """What each row adds to the count; None when each adds 1."""
    sample = sample_weights(batch.logits, options)
    by_weight = options.normalizer == "weights" or (options.normalizer is None and batch.targets.given is None)
    if options.weight is None or not by_weight:
        return sample
    own = by_class(batch.targets, options.weight)
    return own if sample is None else own * sample
