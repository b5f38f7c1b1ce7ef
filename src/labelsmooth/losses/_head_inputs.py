"""Bring what a linear head is given into one shape: input (N, D), weight (C·d1·…, D), bias (C·d1·…), targets."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from .._modes import visible
from ..kernels.portable import Block
from ..targets import SoftTargets
from ._chunks import Chunks
from ._head import Head, as_multiplied
from ._inputs import FLOATS, Batch, prepare
from ._options import Options


class Given(NamedTuple):
    """The tensors of a head as the user gave them."""

    input: Tensor
    weight: Tensor
    bias: Tensor | None
    target: Tensor

    @property
    def rows(self) -> tuple[int, ...]:
        """The shape of the row losses."""
        return (*self.input.shape[:-1], *self.weight.shape[1:-1])


class Ready(NamedTuple):
    """The tensors a head computes with, and the batch its losses are reduced by.

    counted  which of the rows (N, …) the head has; None when all
    """

    input: Tensor
    weight: Tensor
    bias: Tensor | None
    head: Head
    batch: Batch
    options: Options
    counted: Tensor | None


def ready(given: Given, options: Options, chunks: Chunks) -> Ready:
    """Check everything and give it one shape."""
    _check(given, options)
    given = _as_autocast_does(given)
    count, classes = given.input.shape[:-1].numel(), given.weight.shape[:-1]
    options = _flat(options, given)
    stand_in = given.input.new_empty(()).expand(count, *classes)  # the logits' shape without their memory
    batch = prepare(stand_in, _flat_target(given), options)
    x, targets, weights, counted = _only_counted(
        given.input.reshape(count, given.input.shape[-1]), batch, batch.smoothed(options)
    )
    chunk = chunks.rows(classes.numel(), as_multiplied(x[:0]).dtype)
    head = Head(targets, weights, tuple(classes), chunk, chunks.softcap, options.kernel)
    bias = None if given.bias is None else given.bias.reshape(-1)
    return Ready(x, given.weight.reshape(classes.numel(), given.weight.shape[-1]), bias, head, batch, options, counted)


def _check(given: Given, options: Options) -> None:
    named = {"input": given.input, "linear_weight": given.weight, "linear_bias": given.bias}
    for name, x in named.items():
        if x is not None and not isinstance(x, Tensor):
            raise TypeError(f"{name} must be a tensor; got {type(x).__name__}. Convert with torch.as_tensor")
        if x is not None and x.dtype not in FLOATS:
            raise TypeError(f"{name} must be float32, float64, bfloat16 or float16; got {x.dtype}")
    if not isinstance(given.target, Tensor):
        raise TypeError(f"target must be a tensor; got {type(given.target).__name__}. Convert with torch.as_tensor")
    if options.class_dim is not None:
        raise ValueError("class_dim= has no meaning for a linear head: its classes are dimension 0 of linear_weight")
    _check_shapes(given)
    _check_target(given)
    _check_alike(given)


def _check_shapes(given: Given) -> None:
    x, weight, bias = given.input, given.weight, given.bias
    if x.ndim < 1 or weight.ndim < 2 or x.shape[-1] != weight.shape[-1]:
        raise ValueError(
            "input must be (…, D) and linear_weight (C, D) or (C, d1, …, D), with one D; got "
            f"{tuple(x.shape)} and {tuple(weight.shape)}"
        )
    if bias is not None and bias.shape != weight.shape[:-1]:
        raise ValueError(
            f"linear_bias must have the shape of linear_weight without D, {tuple(weight.shape[:-1])}; got "
            f"{tuple(bias.shape)}"
        )
    if weight.ndim > 2 and x.ndim != 2:
        raise ValueError(
            f"a linear_weight of {tuple(weight.shape)} needs an input of shape (N, D); got {tuple(x.shape)}"
        )


def _check_target(given: Given) -> None:
    came, rows, classes = tuple(given.target.shape), given.rows, given.weight.shape[0]
    leading = given.input.shape[:-1]
    probabilities = (*leading, classes, *given.weight.shape[1:-1])
    if came == (probabilities if given.target.is_floating_point() else rows):
        return
    if given.target.is_floating_point():
        raise ValueError(
            f"target is {given.target.dtype}, so it is read as class probabilities, which must have shape "
            f"{probabilities}; got {came}. For class indices use an integer tensor of shape {rows}"
        )
    hint = f"; use target.squeeze({len(rows)})" if came == (*rows, 1) else ""
    raise ValueError(
        f"target has shape {came}, but class indices for an input of {tuple(given.input.shape)} and a linear_weight of "
        f"{tuple(given.weight.shape)} must have shape {rows}{hint}"
    )


def _check_alike(given: Given) -> None:
    """One device; one dtype, unless autocast makes it so."""
    for name, x in {"linear_weight": given.weight, "linear_bias": given.bias, "target": given.target}.items():
        if x is not None and x.device != given.input.device:
            raise ValueError(f"input is on {given.input.device} but {name} on {x.device}; move one with .to(device)")
    if torch.is_autocast_enabled(given.input.device.type):
        return
    for name, x in {"linear_weight": given.weight, "linear_bias": given.bias}.items():
        if x is not None and x.dtype != given.input.dtype:
            raise TypeError(
                f"input is {given.input.dtype} but {name} is {x.dtype}; convert one with .to(dtype), or use autocast"
            )


def _as_autocast_does(given: Given) -> Given:
    """The matrix product's arguments in autocast's dtype where it is on, as torch's own linear would take them."""
    device = given.input.device.type
    if not torch.is_autocast_enabled(device):
        return given
    dtype = torch.get_autocast_dtype(device)
    cast = {
        name: x.to(dtype)
        for name, x in given._asdict().items()
        if name != "target" and x is not None and x.dtype != torch.float64
    }
    return given._replace(**cast)


def _flat(options: Options, given: Given) -> Options:
    """Options over rows with the leading dimensions of the input as one."""
    count, dims = given.input.shape[:-1].numel(), given.weight.shape[1:-1]
    mask = options.class_mask
    if mask is None or mask.ndim < 2 or given.input.ndim == 2:
        return options
    return replace(options, class_mask=mask.reshape(count, given.weight.shape[0], *dims))


def _flat_target(given: Given) -> Tensor:
    count = given.input.shape[:-1].numel()
    kept = given.input.ndim - 1
    return given.target.reshape(count, *given.target.shape[kept:])


def _only_counted(
    x: Tensor, batch: Batch, targets: SoftTargets
) -> tuple[Tensor, SoftTargets, Tensor | None, Tensor | None]:
    """Input, targets and weights of the rows that count. Off the CPU the number of these is not asked for; then rows
    that do not count are 0, since nothing of what they hold may reach a matrix product."""
    if targets.keep is None:
        return x, targets, batch.row_weights, None
    keep = targets.keep.flatten(1).any(1) if targets.keep.ndim > 1 else targets.keep
    if not visible(x):
        return torch.where(keep.unsqueeze(1), x, 0), targets, batch.row_weights, None
    places = keep.nonzero().squeeze(1)
    block = Block((places,))  # type: ignore[arg-type]
    weights = None if batch.row_weights is None else batch.row_weights[places]
    return x[places], block.targets(targets), weights, places


def chunks_of(options: object, chunk_size: int | None, memory_budget: int | None, softcap: float | None) -> Chunks:
    """The chunks that were asked for; of torch's own options only the number of rows has a meaning here."""
    if options is not None and not hasattr(options, "batch_chunk_size"):
        raise TypeError(f"options must be a torch.nn.LinearCrossEntropyOptions, or None; got {type(options).__name__}")
    if chunk_size is None and memory_budget is None:
        chunk_size = getattr(options, "batch_chunk_size", None)
    return Chunks(chunk_size, memory_budget, softcap)
