"""`cross_entropy`: torch's function with smoothing done right, and what torch's does not take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from . import _dispatch, _mesh, _quick
from ._inputs import prepare
from ._options import Options, legacy_reduction, options_of
from ._reduction import plain_divisor
from ._reduction import reduce as _reduce

if TYPE_CHECKING:
    from ..schemes._base import Scheme


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float | Tensor | Scheme = 0.0,
    *,
    class_dim: int | None = None,
    class_mask: Tensor | None = None,
    mask_below: float | None = None,
    row_mask: Tensor | None = None,
    sample_weight: Tensor | None = None,
    weight_mode: str = "torch",
    normalizer: str | None = None,
    num_items: float | Tensor | None = None,
    empty: str = "nan",
    strict: bool = False,
    kernel: str = "auto",
) -> Tensor:
    r"""Cross-entropy of logits z with smoothed targets q: loss = lse(z) − ⟨q, z⟩, gradient = softmax(z) − q.

    A superset of :func:`torch.nn.functional.cross_entropy`, with the same result wherever that one is right. It
    differs on purpose where a logit is −inf (the mass goes to the allowed classes), in ignored rows (exactly 0
    whatever they hold), for ε outside [0, 1] (refused), for half-precision logits (the loss is float32), and for
    integer targets of any width (accepted).

    Args:
        input: logits, (K,), (N, K) or (N, K, d1, …), in float32, float64, bfloat16 or float16.
        target: class indices, () or (N,) or (N, d1, …), of any integer dtype; or class probabilities shaped like
            `input`, of a floating dtype.
        weight: (K,) factor of each class; see `weight_mode`.
        ignore_index: rows with this index count nowhere. With probabilities use `row_mask`.
        reduction: "mean", "sum" or "none". `size_average` and `reduce` are torch's deprecated spellings.
        label_smoothing: ε in [0, 1], a number or 0-dimensional tensor, spread uniformly; or a scheme from
            :mod:`labelsmooth.schemes`.
        class_dim: the class dimension of `input` where it is not the second.
        class_mask: bool, (K,) or shaped like `input`: False forbids a class, as a logit of −inf does.
        mask_below: logits under this number forbid their class.
        row_mask: bool, one for each row: False drops the row.
        sample_weight: a factor of at least 0 for each row; the mean divides by their sum.
        weight_mode: "torch" multiplies q_k by w_k, which moves the optimum; "sample" multiplies the row by w_y.
        normalizer: what the mean divides by: None as torch (Σ w_y for indices, rows for probabilities), "rows" or
            "weights" for both.
        num_items: a count to divide by instead, the same over accumulation steps or processes.
        empty: the mean over no rows, "nan" as torch or "zero".
        strict: raise where torch's reading is accepted with a warning, and check values on a GPU too.
        kernel: "auto" takes the fastest that fits (see :func:`labelsmooth.losses.explain`); "native_cpu",
            "native_operator", "triton_gpu", "portable" or "formula" takes that one, or raises a ValueError that says
            why not.

    Returns:
        A scalar, or the row losses for reduction="none"; float32 for half-precision logits.

    Raises:
        TypeError: logits that are not floating point, a target that is neither indices nor probabilities.
        ValueError: shapes that do not fit, an amount outside [0, 1], a weight of a row below 0 or NaN, an unknown
        option. IndexError: an index outside [0, K).

    Example:
        >>> import torch
        >>> logits = torch.tensor([[2.0, 0.5, 0.3]])
        >>> cross_entropy(logits, torch.tensor([0]))
        tensor(0.3406)
        >>> cross_entropy(logits, torch.tensor([0]), label_smoothing=0.2)
        tensor(0.5539)

    Source: Szegedy et al. 2016, Rethinking the Inception Architecture, section 7.
    """
    others = {
        "weight": weight,
        "class_dim": class_dim,
        "class_mask": class_mask,
        "mask_below": mask_below,
        "row_mask": row_mask,
        "sample_weight": sample_weight,
        "weight_mode": weight_mode,
        "normalizer": normalizer,
        "num_items": num_items,
        "empty": empty,
        "strict": strict,
        "kernel": kernel,
    }
    reduction = legacy_reduction(size_average, reduce, reduction)
    return with_options(input, target, options_of(ignore_index, reduction, label_smoothing, others))


def with_options(logits: Tensor, target: Tensor, options: Options) -> Tensor:
    """`cross_entropy` for options that are built already."""
    if (type(logits) is not Tensor or type(target) is not Tensor) and _mesh.is_spread((logits, target)):
        return _mesh.cross_entropy(logits, target, options)
    if _quick.takes(logits, target, options):
        loss = _quick.loss(logits, target, options)
        if loss is not None:
            return loss
    batch = prepare(logits, target, options)
    targets, divisor = batch.smoothed(options), plain_divisor(batch, options)
    if divisor is not None:
        return _dispatch.total(batch.logits, targets, divisor, options.kernel)
    return _reduce(_dispatch.row_losses(batch.logits, targets, options.kernel), batch, options)
