"""Is the result right? Before a contestant is timed its loss and gradients are held to float64."""

from __future__ import annotations

import torch
from torch import Tensor

from ._contestants import Contestant, Loss
from ._inputs import Inputs, Truth

LIMITS = {"float32": 2e-5, "float64": 1e-11, "bfloat16": 2.0**-6, "float16": 2.0**-9}
"""Of the loss, and of the largest gradient: wide enough for every honest computation in that precision."""


def fault(contestant: Contestant, loss: Loss, inputs: Inputs, truth: Truth) -> str | None:
    """What is wrong with a contestant's result, or None."""
    value = loss()
    gradients = torch.autograd.grad(value, inputs.leaves)
    expected = truth.loss - (truth.floor if contestant.divergence else 0)
    limit = LIMITS[inputs.size.dtype]
    if not abs(value.item() - expected) <= limit * max(1, abs(expected)):
        return f"loss {value.item():.7g}, but in float64 {expected:.7g}"
    for got, right in zip(gradients, truth.gradients, strict=True):
        error = _error(got, right)
        if not error <= limit:
            return f"gradient off by {error:.2g} of its largest entry"
    return None


def _error(got: Tensor, right: Tensor) -> float:
    """The largest error over the largest entry."""
    worst = max(float((a.to(b.dtype) - b).abs().max()) for a, b in zip(got.split(256), right.split(256), strict=True))
    return worst / float(right.abs().max())
