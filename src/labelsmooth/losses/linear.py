"""`linear_cross_entropy`: a linear head and its smoothed loss together, without the logits in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor

from . import _head, _mesh
from ._chunks import Chunks
from ._head_inputs import Given, Ready, chunks_of, ready
from ._options import Options, check_names, options_of
from ._reduction import denominator, divided

if TYPE_CHECKING:
    from ..schemes._base import Scheme


def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float | Tensor | Scheme = 0.0,
    options: Any = None,
    chunk_size: int | None = None,
    memory_budget: int | None = None,
    softcap: float | None = None,
    **others: Any,
) -> Tensor:
    r"""Cross-entropy of z = Wh + c with smoothed targets, where no more than a few rows of z exist at a time.

    A superset of :func:`torch.nn.functional.linear_cross_entropy` (torch 2.13), on every torch since 2.6, with
    smoothing of any scheme. loss = lse(z) − ⟨q, z⟩; the gradients (p − q)ᵀh of W and W ᵀ(p − q) of h are summed up
    chunk by chunk: in the forward pass for "mean" and "sum", in the backward pass, which makes the logits once more,
    for "none". A second backward and a second derivative work; under transforms (``torch.func``, compile, export) and
    where ε or the weights of rows need a gradient all logits are made at once.

    Args:
        input: h, (D,), (N, D) or (…, D); float32, float64, bfloat16 or float16.
        linear_weight: W, (C, D), or (C, d1, …, D) for logits (N, C, d1, …); dtype of `input`, or autocast.
        target: class indices (…) or (N, d1, …), of any integer dtype; or probabilities (…, C) or (N, C, d1, …).
        linear_bias: c, (C,) or (C, d1, …).
        weight, reduction, ignore_index, label_smoothing: as in :func:`labelsmooth.cross_entropy`.
        options: torch's ``LinearCrossEntropyOptions``: its `batch_chunk_size` is the `chunk_size`; the rest of it
            steers torch's own implementation and means nothing here.
        chunk_size: most rows of logits held at once; under 8 there is room for 8.
        memory_budget: or how many bytes these may take. By default 64 MiB, or 256 rows where that is more.
        softcap: s in z ← s·tanh(z/s), applied to the logits before the loss.
        others: class_mask, mask_below, row_mask, sample_weight, weight_mode, normalizer, num_items, empty, strict and
            kernel, as in :func:`labelsmooth.cross_entropy`.

    Returns:
        A scalar, or the row losses for reduction="none"; float32 for half-precision inputs.

    Raises:
        TypeError: tensors of other or of mixed dtypes. ValueError: shapes that do not fit, an unknown option, an
        amount outside [0, 1]. IndexError: an index outside [0, C).

    Example:
        >>> import torch
        >>> h, W = torch.tensor([[1.0, 0.5]]), torch.tensor([[2.0, 0.0], [0.0, 1.0], [0.0, 0.6]])
        >>> linear_cross_entropy(h, W, torch.tensor([0]), label_smoothing=0.2)  # the logits are [2, 0.5, 0.3]
        tensor(0.5539)

    Source: Szegedy et al. 2016, section 7; in chunks, gradients in forward: Hsu et al. 2024, Liger Kernel, section 3.2.
    """
    check_names(others, "linear_cross_entropy")
    index = -100 if ignore_index is None else ignore_index
    made = options_of(index, reduction, label_smoothing, {"weight": weight, **others})
    given = Given(input, linear_weight, linear_bias, target)
    return with_options(given, made, chunks_of(options, chunk_size, memory_budget, softcap))


def with_options(given: Given, options: Options, chunks: Chunks) -> Tensor:
    """`linear_cross_entropy` for options that are built already."""
    if _mesh.is_spread(given):
        return _mesh.linear_cross_entropy(given, options, chunks)
    made = ready(given, options, chunks)
    if options.reduction == "none":
        return _in_place(_head.row_losses(made.input, made.weight, made.bias, made.head), made).reshape(given.rows)
    total = _head.total(made.input, made.weight, made.bias, made.head)
    return total if options.reduction == "sum" else divided(total, denominator(made.batch, made.options), options)


def _in_place(losses: Tensor, made: Ready) -> Tensor:
    """The losses of all rows, 0 where a row does not count."""
    if made.counted is None:
        return losses
    return losses.new_zeros(made.batch.targets.row_shape()).index_copy(0, made.counted, losses)
