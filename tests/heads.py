"""A linear head on one input, through labelsmooth and through the oracle with the matrix products in longdouble."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import oracle
import torch
from judge import numbers
from oracle import REAL, Array
from torch import Tensor

from labelsmooth import linear_cross_entropy


class Case(NamedTuple):
    """Input (N, D), weight (C, d1, …, D), bias (C, d1, …) or None, target."""

    x: Tensor
    weight: Tensor
    bias: Tensor | None
    target: Tensor

    @property
    def parameters(self) -> list[Tensor]:
        return [each for each in self[:3] if each is not None]


class Found(NamedTuple):
    loss: Any
    gradients: list[Any]


def make(n: int = 37, d: int = 8, c: int = 11, dims: tuple[int, ...] = (), *, bias: bool = True, **more: Any) -> Case:
    """A seeded case; more: dtype, ignored (rows with the index −100), seed."""
    generator = torch.Generator().manual_seed(more.get("seed", 0))
    dtype = more.get("dtype", torch.float64)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    x, weight, offset = normal(n, d), normal(c, *dims, d) / d**0.5 * 2, normal(c, *dims)
    target = torch.randint(c, (n, *dims), generator=generator)
    target[torch.randperm(n, generator=generator)[: more.get("ignored", 0)]] = -100
    tensors = [each.to(dtype).requires_grad_() for each in (x, weight, offset)]
    return Case(*tensors[:2], tensors[2] if bias else None, target)


def ours(case: Case, upstream: Any = 1.0, **options: Any) -> Found:
    """Loss and gradients of labelsmooth."""
    loss = linear_cross_entropy(case.x, case.weight, case.target, linear_bias=case.bias, **options)
    return Found(loss.detach(), gradients(loss, case, upstream))


def gradients(loss: Tensor, case: Case, upstream: Any = 1.0, **more: Any) -> list[Tensor]:
    weights = torch.as_tensor(upstream, dtype=loss.dtype).expand(loss.shape)
    return list(torch.autograd.grad(loss, case.parameters, weights, **more))


def truth(case: Case, upstream: Any = 1.0, softcap: float | None = None, **options: Any) -> Found:
    """The oracle's loss and gradients; options in the oracle's words."""
    x, weight = (numbers(each).astype(REAL) for each in case[:2])
    flat = weight.reshape(-1, weight.shape[-1])
    z = x @ flat.T + (0 if case.bias is None else numbers(case.bias).astype(REAL).reshape(-1))
    slope = 1 if softcap is None else 1 - np.tanh(z / softcap) ** 2
    z = z if softcap is None else softcap * np.tanh(z / softcap)
    answer = oracle.cross_entropy(
        z.reshape(len(x), *weight.shape[:-1]), numbers(case.target), upstream=upstream, **options
    )
    g = answer.gradient.reshape(z.shape) * slope
    of_bias = [] if case.bias is None else [g.sum(0).reshape(weight.shape[:-1])]
    return Found(answer.loss, [g @ flat, (g.T @ x).reshape(weight.shape), *of_bias])


def distance(got: Tensor, expected: Array | Tensor) -> float:
    """The largest error over the largest entry."""
    reference = np.asarray(numbers(expected) if isinstance(expected, Tensor) else expected).astype(REAL)
    error = np.abs(numbers(got).astype(REAL) - reference).max(initial=0)
    return float(error / max(np.abs(reference).max(initial=0), REAL(1e-300)))


def agree(got: Found, expected: Found, limit: float) -> None:
    """Loss and every gradient within `limit` of the largest entry."""
    assert distance(got.loss, expected.loss) <= limit
    assert len(got.gradients) == len(expected.gradients)
    for ours, theirs in zip(got.gradients, expected.gradients, strict=True):
        assert tuple(ours.shape) == tuple(theirs.shape)
        assert distance(ours, theirs) <= limit
