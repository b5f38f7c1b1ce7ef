"""What the scenarios of use work on: logits, a loss, and the gradient that is right."""

from __future__ import annotations

from typing import Any

import torch
from agreement import evaluate
from torch import Tensor

from labelsmooth import cross_entropy

K = 5


class Subject:
    """Logits, indices, and the gradient of the mean that an evaluation of its own gave."""

    def __init__(self, rows: int) -> None:
        g = torch.Generator().manual_seed(rows)
        self.start = torch.randn(rows, K, generator=g, dtype=torch.float64)
        self.y = torch.randint(K, (rows,), generator=g)
        self.z = self.start.clone().requires_grad_()
        self.right = evaluate(self.start, self.y, label_smoothing=0.1).gradient

    def loss(self, z: Tensor | None = None, **options: Any) -> Tensor:
        return cross_entropy(self.z if z is None else z, self.y, label_smoothing=0.1, **options)

    def is_right(self, gradient: Tensor | None, times: float = 1.0, atol: float = 1e-16) -> None:
        assert gradient is not None
        torch.testing.assert_close(gradient, times * self.right, rtol=1e-11, atol=atol)
