"""`LinearCrossEntropyLoss`: the last linear layer of a classifier and its smoothed loss as one module."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, final

import torch
from torch import Tensor, nn

from ._head_inputs import Given, chunks_of
from ._options import Options, check_names, check_per_batch, flag, options_of
from .linear import with_options

if TYPE_CHECKING:
    from ..schemes._base import Scheme

OWN = ("chunk_size", "memory_budget", "softcap")


@final
class LinearCrossEntropyLoss(nn.Module):
    r"""A linear layer z = Wh + c and the smoothed cross-entropy of its logits, which never exist all at once.

    Takes what torch 2.13's module of this name takes, and by name everything
    :func:`labelsmooth.linear_cross_entropy` takes. The layer is `self.linear`, so that states are exchanged with
    torch's module and weights can be tied.

    Args:
        in_features: D. num_classes: C. out_features: (d1, …) for losses (N, d1, …). bias: whether there is a c.
        device, dtype: of the layer.
        weight, reduction, ignore_index, label_smoothing, options: as in :func:`labelsmooth.linear_cross_entropy`.
        smooth_in_eval: False gives the hard-label loss after ``.eval()``.
        others: chunk_size, memory_budget, softcap, class_mask, mask_below, weight_mode, normalizer, empty, strict and
            kernel.

    Shapes: input (D,), (N, D) or (…, D); target indices (…) or (N, d1, …), or probabilities (…, C) or (N, C, d1, …).

    Raises:
        ValueError, TypeError: an amount outside [0, 1] or an unknown option, when the module is built.

    Example:
        >>> import torch
        >>> loss = LinearCrossEntropyLoss(8, 1000, label_smoothing=0.1)
        >>> print(f"{loss(torch.zeros(4, 8), torch.tensor([0, 1, 2, 3])):.4f}")
        6.9078

    Source: Szegedy et al. 2016, Rethinking the Inception Architecture, section 7.
    """

    weight: Tensor | None

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        out_features: tuple[int, ...] = (),
        bias: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        reduction: str = "mean",
        weight: Tensor | None = None,
        ignore_index: int | None = None,
        label_smoothing: float | Tensor | Scheme = 0.0,
        options: Any = None,
        smooth_in_eval: bool = True,
        **others: Any,
    ) -> None:
        super().__init__()
        self.num_classes, self.out_features = num_classes, tuple(out_features)
        self.reduction, self.ignore_index = reduction, ignore_index
        self.label_smoothing = label_smoothing
        self.smooth_in_eval = flag(smooth_in_eval, "smooth_in_eval")
        self.chunks = chunks_of(options, *(others.pop(name, None) for name in OWN))
        check_names(others, "LinearCrossEntropyLoss")
        self.options = others
        self.register_buffer("weight", weight)
        self._options()
        outputs = prod(self.out_features, start=num_classes)
        self.linear = nn.Linear(in_features, outputs, bias=bias, device=device, dtype=dtype)

    def __setattr__(self, name: str, value: Any) -> None:
        """A number may take the place of a scheme with state, and back, as trainers do that switch smoothing off."""
        if name == "label_smoothing" and not isinstance(value, nn.Module):
            self.__dict__.get("_modules", {}).pop(name, None)
        super().__setattr__(name, value)

    def _options(self, **more: Any) -> Options:
        check_per_batch(more, "LinearCrossEntropyLoss")
        smoothing = self.label_smoothing if self.training or self.smooth_in_eval else 0.0
        index = -100 if self.ignore_index is None else self.ignore_index
        return options_of(index, self.reduction, smoothing, {"weight": self.weight, **self.options, **more})

    def forward(self, input: Tensor, target: Tensor, **per_batch: Any) -> Tensor:
        """The loss of a batch; `per_batch` may give class_mask, row_mask, sample_weight, num_items for this one."""
        shape = (self.num_classes, *self.out_features)
        bias = None if self.linear.bias is None else self.linear.bias.reshape(shape)
        given = Given(input, self.linear.weight.reshape(*shape, -1), bias, target)
        return with_options(given, self._options(**per_batch), self.chunks)

    def extra_repr(self) -> str:
        """What was asked for, shown in ``print(model)``."""
        shown: dict[str, Any] = {"label_smoothing": self.label_smoothing, "reduction": self.reduction}
        shown |= {"ignore_index": self.ignore_index, "out_features": self.out_features, **self.options}
        asked = {name: getattr(self.chunks, name) for name in OWN}
        return ", ".join(f"{name}={value!r}" for name, value in {**shown, **asked}.items() if value not in (None, ()))
