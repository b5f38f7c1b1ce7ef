"""The weights of rows: w_y under weight_mode="sample", and sample weights."""

from __future__ import annotations

import torch
from torch import Tensor

from ..targets import SoftTargets, along_classes
from ._options import Options
from ._values import check_sample_weights, visible


def row_weights(targets: SoftTargets, logits: Tensor, options: Options) -> Tensor | None:
    """What multiplies each row's loss, in the loss's dtype; None when every row weighs 1.

    The class weights of weight_mode="torch" are in the targets instead.
    """
    factor = None
    if options.weight is not None and options.weight_mode == "sample":
        factor = by_class(targets, options.weight)
    sample = sample_weights(logits, options)
    if sample is not None and visible(sample, strict=options.strict):
        check_sample_weights(sample, targets.keep)
    if sample is None or factor is None:
        return factor if sample is None else sample
    return factor * sample


def sample_weights(logits: Tensor, options: Options) -> Tensor | None:
    """`sample_weight` shaped like the rows, in the loss's dtype."""
    if options.sample_weight is None:
        return None
    return shaped_like_rows(options.sample_weight, logits, "sample_weight").to(loss_dtype(logits))


def by_class(targets: SoftTargets, weight: Tensor) -> Tensor:
    """w_y of each row, or ⟨t, w⟩ when probabilities were given, in the loss's dtype."""
    if targets.given is None:
        return weight.to(targets.precision())[targets.labels]
    wide = torch.promote_types(targets.given.dtype, targets.precision())
    return (targets.given * along_classes(weight.to(wide), targets.given.ndim)).sum(1).to(targets.precision())


def loss_dtype(logits: Tensor) -> torch.dtype:
    """float32 for half precisions, else the logits' own."""
    return torch.float32 if logits.itemsize < 4 else logits.dtype


def shaped_like_rows(x: Tensor, logits: Tensor, name: str) -> Tensor:
    """`x` as (N, d1, …)."""
    rows = (logits.shape[0], *logits.shape[2:])
    if x.shape == rows:
        return x
    if x.numel() != torch.Size(rows).numel():
        raise ValueError(f"{name} must have one entry for each row, shape {rows}; got shape {tuple(x.shape)}")
    return x.reshape(rows)
