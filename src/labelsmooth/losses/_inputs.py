"""Bring input and target into one shape: logits (N, K, d1, …), and labels (N, d1, …) or probabilities beside them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ..targets import SoftTargets
from ._options import Options
from ._values import check_probabilities, check_range, check_softness, visible
from ._weights import loss_dtype, row_weights, shaped_like_rows

FLOATS = (torch.float32, torch.float64, torch.bfloat16, torch.float16)
INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.uint16, torch.uint32, torch.uint64)


class Batch(NamedTuple):
    """Logits with the class dimension second, their hard or given targets, and what multiplies the row losses.

    counted  rows that the mean counts: those of weight 0 too, which the targets drop
    """

    logits: Tensor
    targets: SoftTargets
    row_weights: Tensor | None
    counted: Tensor | None
    batched: bool

    def smoothed(self, options: Options) -> SoftTargets:
        """The targets after the scheme."""
        if options.scheme is None:
            return self.targets
        softened = options.scheme.soften(self.targets)
        expected = options.scheme.soft_targets
        if softened.given is not None and not expected and visible(self.logits, strict=options.strict):
            check_softness(self.targets, softened.on_background, options)
        return softened


def prepare(logits: Tensor, target: Tensor, options: Options) -> Batch:
    """Check input and target and give them one shape."""
    _check_tensors(logits, target)
    by_index = not target.is_floating_point()
    dim = _class_dim(logits, options)
    _check_shapes(logits, target, dim, by_index)
    wide = _classes_second(logits, dim)
    targets = _by_index(wide, target, options) if by_index else _given(wide, target, dim, options)
    targets = _with_masks(targets, wide, dim, options)
    if targets.given is not None and visible(wide, strict=options.strict):
        check_probabilities(targets.given, targets.keep, options)
    weights, counted = row_weights(targets, wide, options), targets.keep
    if weights is not None:
        targets = _without(weights == 0, targets)
    return Batch(wide, targets, weights, counted, logits.ndim > 1)


def _check_tensors(logits: Tensor, target: Tensor) -> None:
    if not isinstance(logits, Tensor) or not isinstance(target, Tensor):
        name, x = ("target", target) if isinstance(logits, Tensor) else ("input", logits)
        raise TypeError(f"{name} must be a tensor; got {type(x).__name__}. Convert with torch.as_tensor")
    if logits.dtype not in FLOATS:
        if logits.dtype in INTEGERS and target.dtype in FLOATS:
            raise TypeError(
                f"input must hold logits; got {logits.dtype}, and a target of {target.dtype}. Are they the wrong way "
                "round? The logits come first: loss(logits, target)"
            )
        raise TypeError(
            f"input must hold logits in float32, float64, bfloat16 or float16; got {logits.dtype}. "
            "Convert with .float()"
        )
    if logits.layout is not torch.strided:
        raise TypeError(f"input must be a dense tensor; got {logits.layout}. Convert with .to_dense()")
    if not target.is_floating_point() and target.dtype not in INTEGERS:
        raise TypeError(
            "target must hold class indices (an integer dtype) or class probabilities (a floating one); "
            f"got {target.dtype}. Convert with .long() for indices, or .to(input.dtype) for probabilities"
        )
    if logits.ndim == 0:
        raise ValueError("input must have a class dimension: (K,), (N, K) or (N, K, d1, …); got a 0-dimensional tensor")


def _class_dim(logits: Tensor, options: Options) -> int:
    if options.class_dim is None:
        return 0 if logits.ndim == 1 else 1
    if not -logits.ndim <= options.class_dim < logits.ndim:
        raise IndexError(
            f"the class dimension must be in [{-logits.ndim}, {logits.ndim - 1}] for an input of shape "
            f"{tuple(logits.shape)}; got {options.class_dim}"
        )
    return options.class_dim % logits.ndim


def _classes_second(x: Tensor, dim: int) -> Tensor:
    if x.ndim == 1:
        return x.unsqueeze(0)
    return x if dim == 1 else x.movedim(dim, 1)


def _check_shapes(logits: Tensor, target: Tensor, dim: int, by_index: bool) -> None:
    if logits.shape[dim] == 0:
        raise ValueError(
            f"input must have at least one class; got shape {tuple(logits.shape)}, with 0 in dimension {dim}"
        )
    expected = logits.shape[:dim] + logits.shape[dim + 1 :]
    if target.shape == (expected if by_index else logits.shape):
        return
    rows = tuple(expected)
    raise ValueError(_index_advice(logits, target, dim, rows) if by_index else _given_advice(logits, target, rows))


def _index_advice(logits: Tensor, target: Tensor, dim: int, rows: tuple[int, ...]) -> str:
    came, have = tuple(target.shape), tuple(logits.shape)
    if target.ndim == logits.ndim == 2 and came == (have[0], 1):
        return f"target has shape {came} but class indices for an input of {have} must be {rows}; use target.squeeze(1)"
    if came == have:
        return (
            f"target has the input's shape {have} but is {target.dtype}; class indices must be {rows}, "
            "class probabilities (one-hot included) must be floating point: use target.to(input.dtype)"
        )
    if logits.ndim > 2 and came == have[:-1]:
        return (
            f"input {have} with target {came}: read as K = {have[dim]} classes in dimension {dim}, the target must be "
            f"{rows}; read as K = {have[-1]} classes in the last dimension it fits: pass class_dim=-1"
        )
    return f"target has shape {came}, but class indices for an input of shape {have} must have shape {rows}"


def _given_advice(logits: Tensor, target: Tensor, rows: tuple[int, ...]) -> str:
    came, have = tuple(target.shape), tuple(logits.shape)
    if came == rows:
        return (
            f"target of shape {came} is {target.dtype}: class indices must be integers, use target.long(); class "
            f"probabilities must have the input's shape {have}; for regression use nn.MSELoss"
        )
    if came == (*rows, 1):
        return (
            f"target of shape {came} is {target.dtype} and fits neither reading: class indices must be integers of "
            f"shape {rows}, use target.squeeze({len(rows)}).long(); class probabilities must have the input's shape "
            f"{have}; for regression use nn.MSELoss"
        )
    return (
        f"target is {target.dtype}, so it is read as class probabilities, which must have the input's shape {have}; "
        f"got {came}. For class indices use an integer tensor of shape {rows}; for regression use nn.MSELoss"
    )


_HARD = SoftTargets(on_label=1.0)


def _by_index(wide: Tensor, target: Tensor, options: Options) -> SoftTargets:
    labels = target.to(torch.int64) if target.dtype != torch.int64 else target
    labels = labels if labels.ndim else labels.unsqueeze(0)
    if visible(wide, strict=options.strict) and _all_valid(labels, wide.shape[1], options.ignore_index):
        return _HARD.changed(labels=labels, num_classes=wide.shape[1], dtype=loss_dtype(wide))
    keep = labels != options.ignore_index
    labels = torch.where(keep, labels, 0)
    return _HARD.changed(labels=labels, keep=keep, num_classes=wide.shape[1], dtype=loss_dtype(wide))


def _all_valid(labels: Tensor, num_classes: int, ignore_index: int) -> bool:
    """Whether every label is a class and none is ignored; a label that is neither raises."""
    if labels.numel() == 0:
        return True
    low, high = (x.item() for x in labels.aminmax())
    if low < 0 or high >= num_classes:
        check_range(labels, num_classes, ignore_index)
        return False
    return not low <= ignore_index <= high


def _given(wide: Tensor, target: Tensor, dim: int, options: Options) -> SoftTargets:
    if options.ignore_index >= 0:
        raise ValueError(
            f"ignore_index={options.ignore_index} has no index to meet when the target holds class probabilities; "
            "drop rows with row_mask= (True for rows that count)"
        )
    given, dtype = _classes_second(target, dim), loss_dtype(wide)
    return SoftTargets(given=given.to(dtype) if given.itemsize < dtype.itemsize else given, on_given=1.0, dtype=dtype)


def _with_masks(targets: SoftTargets, wide: Tensor, dim: int, options: Options) -> SoftTargets:
    changes: dict[str, object] = {}
    if options.class_mask is not None:
        changes["class_mask"] = _class_mask(options.class_mask, wide, dim)
    if options.mask_below is not None:
        changes["mask_below"] = float(options.mask_below)
    if options.row_mask is not None:
        keep = shaped_like_rows(options.row_mask, wide, "row_mask")
        changes["keep"] = keep if targets.keep is None else targets.keep & keep
    if options.weight is not None:
        _check_weight(options.weight, wide)
        if options.weight_mode == "torch":
            changes["class_weight"] = options.weight
    return targets.changed(**changes) if changes else targets


def _class_mask(mask: Tensor, wide: Tensor, dim: int) -> Tensor:
    if mask.shape == (wide.shape[1],):
        return mask
    moved = _classes_second(mask, dim)
    if moved.shape != wide.shape:
        raise ValueError(f"class_mask must have shape ({wide.shape[1]},) or the input's; got {tuple(mask.shape)}")
    return moved


def _check_weight(weight: Tensor, wide: Tensor) -> None:
    if weight.shape != (wide.shape[1],):
        raise ValueError(
            f"weight must have one entry for each of the {wide.shape[1]} classes, shape ({wide.shape[1]},); got shape "
            f"{tuple(weight.shape)}. For one weight a row use sample_weight="
        )


def _without(dropped: Tensor, targets: SoftTargets) -> SoftTargets:
    """The targets without these rows."""
    if visible(dropped) and not dropped.any():
        return targets
    return targets.changed(keep=~dropped if targets.keep is None else targets.keep & ~dropped)
