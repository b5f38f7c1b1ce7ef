"""The tensors of a size, and its result in float64, by the formula, a few rows at a time."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ._sizes import AMOUNT, Size

STRETCH = 1 << 22
"""Logits that are looked at in float64 at once."""


class Inputs(NamedTuple):
    """What a loss is given, and what it is differentiated by.

    logits   (N, K, d1, …); None for a head
    hidden, matrix  (N, D) and (K, D) of a head
    labels   (N, d1, …)
    given    probabilities (N, K), where the size has them
    prior    (K,); table (K, K); amounts (N,): what the size's scheme needs
    """

    size: Size
    logits: Tensor | None
    hidden: Tensor | None
    matrix: Tensor | None
    labels: Tensor
    given: Tensor | None = None
    prior: Tensor | None = None
    table: Tensor | None = None
    amounts: Tensor | None = None

    @property
    def leaves(self) -> list[Tensor]:
        """What the gradient is taken by."""
        return [x for x in (self.logits, self.hidden, self.matrix) if x is not None]


class Truth(NamedTuple):
    """The loss and its gradients; `floor` is the mean entropy of the targets, what a divergence leaves out."""

    loss: float
    floor: float
    gradients: list[Tensor]


def make(size: Size, device: str = "cpu") -> Inputs:
    """The same numbers every time."""
    generator = torch.Generator().manual_seed(0)
    dtype, (n, k, *dims) = getattr(torch, size.dtype), size.shape
    labels = torch.randint(k, (n, *dims), generator=generator).to(device)
    empty = Inputs(size, None, None, None, labels)
    if size.features is None:
        logits = torch.randn(size.shape, generator=generator).to(device, dtype).requires_grad_()
        return _with_scheme(empty._replace(logits=logits), generator)
    hidden = torch.randn(n, size.features, generator=generator).to(device, dtype).requires_grad_()
    matrix = (torch.randn(k, size.features, generator=generator) / size.features**0.5).to(device, dtype)
    return empty._replace(hidden=hidden, matrix=matrix.requires_grad_())


def _with_scheme(inputs: Inputs, generator: torch.Generator) -> Inputs:
    size, device = inputs.size, inputs.labels.device
    n, k = size.shape[:2]
    if size.target == "probabilities":
        return inputs._replace(given=torch.rand(n, k, generator=generator).softmax(1).to(device))
    if size.scheme == "prior":
        prior = torch.rand(k, generator=generator).add_(0.1)
        return inputs._replace(prior=(prior / prior.sum()).to(device))
    if size.scheme == "matrix":
        table = torch.rand(k, k, generator=generator).fill_diagonal_(0)
        return inputs._replace(table=(table / table.sum(1, keepdim=True)).to(device))
    if size.scheme == "rows":
        return inputs._replace(amounts=torch.rand(n, generator=generator).mul_(0.2).to(device))
    return inputs


def written_targets(inputs: Inputs, rows: slice, dtype: torch.dtype, spread: str = "uniform") -> Tensor:
    """q of some rows, (n, K, d1, …): "hard" is not smoothed, with "others" the mass goes to the other classes alone."""
    k = inputs.size.shape[1]
    hard = F.one_hot(inputs.labels[rows], k).movedim(-1, 1).to(dtype)
    amount: Tensor | float = AMOUNT
    background: Tensor | float = 1 / k
    if inputs.given is not None:
        hard = inputs.given[rows].to(dtype)
    if inputs.amounts is not None:
        amount = inputs.amounts[rows].to(dtype).unsqueeze(1)
    if inputs.prior is not None:
        background = inputs.prior.to(dtype)
    if inputs.table is not None:
        background = inputs.table[inputs.labels[rows]].to(dtype)
    if spread == "hard":
        return hard
    if spread == "others":
        background = (1 - hard) / (k - 1)
    return (1 - amount) * hard + amount * background


def truth(inputs: Inputs, spread: str = "uniform") -> Truth:
    """The mean loss and its gradients, computed in float64."""
    size = inputs.size
    step = max(1, STRETCH // (size.entries // size.shape[0]))
    count = inputs.labels.numel()
    loss = floor = 0.0
    gradients = [
        torch.zeros_like(x, dtype=torch.float32 if x is inputs.logits else torch.float64) for x in inputs.leaves
    ]
    for start in range(0, size.shape[0], step):
        rows = slice(start, start + step)
        z = _logits(inputs, rows)
        q, logp = written_targets(inputs, rows, torch.float64, spread), z.log_softmax(1)
        loss -= float((q * logp).sum()) / count
        floor -= float(torch.special.xlogy(q, q).sum()) / count
        _add(gradients, inputs, rows, (logp.exp_() * q.sum(1, keepdim=True) - q) / count)
    return Truth(loss, floor, gradients)


def _logits(inputs: Inputs, rows: slice) -> Tensor:
    if inputs.logits is not None:
        return inputs.logits.detach()[rows].double()
    hidden, matrix = (x.detach() for x in inputs.leaves)
    return hidden[rows].double() @ matrix.double().T


def _add(gradients: list[Tensor], inputs: Inputs, rows: slice, of_logits: Tensor) -> None:
    if inputs.logits is not None:
        gradients[0][rows] = of_logits.float()
        return
    hidden, matrix = (x.detach() for x in inputs.leaves)
    gradients[0][rows] = of_logits @ matrix.double()
    gradients[1] += of_logits.T @ hidden[rows].double()
