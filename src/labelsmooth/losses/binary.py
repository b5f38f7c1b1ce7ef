"""Binary cross-entropy with logits: torch's function and module, with label smoothing in its five conventions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, final

import torch
from torch import Tensor, nn

from ..targets import Amount
from . import _binary, _binary_elements
from ._binary import BinaryOptions
from ._options import legacy_reduction
from .modules import LossReport


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
    *,
    label_smoothing: Amount = 0.0,
    convention: str = "uniform",
    prior: Tensor | None = None,
    class_dim: int = 1,
    mask: Tensor | None = None,
    num_items: float | Tensor | None = None,
    empty: str = "nan",
    soft_targets: bool = False,
    strict: bool = False,
) -> Tensor:
    r"""Binary cross-entropy of logits z: loss = q·softplus(−z) + (1 − q)·softplus(z), q the smoothed target y.

    A superset of :func:`torch.nn.functional.binary_cross_entropy_with_logits`. `convention` says where ε goes:

    ===========  ======================  =======================================================================
    uniform      (1 − ε)y + ε/2          Keras' BinaryCrossentropy, YOLO: the uniform of two classes
    others       (1 − ε)y + ε(1 − y)     MMPretrain's multi_label: a label is wrong with probability ε; = uniform 2ε
    positives    (1 − ε)y                one-sided, GAN discriminators (Salimans et al. 2016, section 3.4)
    classes      (1 − ε)y + ε/K          timm's BinaryCrossEntropy: one right class among K, as K yes-or-no questions
    prior        (1 − ε)y + ε·π          π the frequency of yes, for each label
    ===========  ======================  =======================================================================

    Args:
        input: logits of any shape, in float32, float64, bfloat16 or float16.
        target: the same shape: probabilities of yes, or 0 and 1 in any integer dtype or bool.
        weight: a factor for each element; broadcast. The mean does not divide by it, as in torch.
        reduction: "mean", "sum" or "none". `size_average` and `reduce` are torch's deprecated spellings.
        pos_weight: a factor for the loss of yes; broadcast, usually (K,) for input (N, K).
        label_smoothing: ε in [0, 1], a number or 0-dimensional tensor (differentiable when it asks for a gradient).
        convention: one of the five above.
        prior: π for convention="prior", broadcast, in [0, 1].
        class_dim: the dimension that K is the size of, for convention="classes".
        mask: bool, broadcast: False drops an element, whatever it holds.
        num_items: a count for the mean to divide by, the same over accumulation steps or processes.
        empty: the mean over nothing, "nan" as torch or "zero".
        soft_targets: True where targets that are soft already are meant to be smoothed: no warning.
        strict: raise where torch's reading is accepted with a warning, and check values on a GPU too.

    Returns:
        A scalar, or the element losses for reduction="none"; float32 for half-precision logits.

    Raises:
        TypeError: logits that are not floating point, a scheme as label_smoothing. ValueError: shapes that differ,
        an amount outside [0, 1], an unknown convention.

    Example:
        >>> z, y = torch.tensor([2.0, -1.0]), torch.tensor([1.0, 0.0])
        >>> binary_cross_entropy_with_logits(z, y)
        tensor(0.2201)
        >>> binary_cross_entropy_with_logits(z, y, label_smoothing=0.1)
        tensor(0.2951)

    Source: Szegedy et al. 2016, Rethinking the Inception Architecture, section 7, for two classes.
    """
    options = BinaryOptions(
        weight=weight,
        reduction=legacy_reduction(size_average, reduce, reduction),
        pos_weight=pos_weight,
        label_smoothing=label_smoothing,
        convention=convention,
        prior=prior,
        class_dim=class_dim,
        mask=mask,
        num_items=num_items,
        empty=empty,
        soft_targets=soft_targets,
        strict=strict,
    )
    return _with_options(input, target, options)


def _with_options(logits: Tensor, target: Tensor, options: BinaryOptions) -> Tensor:
    elements = _binary.prepare(logits, target, options)
    divisor = _binary.plain_divisor(elements, options)
    if divisor is not None:
        return _binary_elements.total(elements, divisor)
    return _binary.reduce(_binary_elements.losses(elements), elements, options)


@final
class BCEWithLogitsLoss(nn.BCEWithLogitsLoss):
    r"""Binary cross-entropy with label smoothing: a drop-in for :class:`torch.nn.BCEWithLogitsLoss`.

    loss = q·softplus(−z) + (1 − q)·softplus(z), q = (1 − ε)y + ε/2 in the convention "uniform"; the other four are
    named in :func:`labelsmooth.binary_cross_entropy_with_logits`. It smooths in training and in evaluation, unless
    `smooth_in_eval` is False. Its floor is the entropy of q, not 0: see :meth:`report`.

    Args:
        weight, reduction, pos_weight, label_smoothing: as in the function.
        smooth_in_eval: False gives the hard-label loss after ``.eval()``.
        options: convention, prior, class_dim, empty, soft_targets, strict.

    Shapes: input of any shape, target the same; output a scalar, or the input's shape for reduction="none".

    Raises:
        ValueError, TypeError: an amount outside [0, 1] or an unknown option, when the loss is built.

    Example:
        >>> criterion = BCEWithLogitsLoss(label_smoothing=0.1)
        >>> criterion(torch.tensor([2.0, -1.0]), torch.tensor([1.0, 0.0]))
        tensor(0.2951)

    Source: Szegedy et al. 2016, Rethinking the Inception Architecture, section 7, for two classes.
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        pos_weight: Tensor | None = None,
        label_smoothing: Amount = 0.0,
        *,
        smooth_in_eval: bool = True,
        prior: Tensor | None = None,
        **options: Any,
    ) -> None:
        reduction = legacy_reduction(size_average, reduce, reduction)
        BinaryOptions(weight, reduction, pos_weight, label_smoothing, prior=prior, **options)
        super().__init__(weight=weight, reduction=reduction, pos_weight=pos_weight)
        self.register_buffer("prior", prior, persistent=False)
        self.label_smoothing = label_smoothing
        self.smooth_in_eval = smooth_in_eval
        self.options = options

    def _options(self, **more: Any) -> BinaryOptions:
        smoothing = self.label_smoothing if self.training or self.smooth_in_eval else 0.0
        named = {"prior": self.prior, **self.options, **more}
        return BinaryOptions(self.weight, self.reduction, self.pos_weight, smoothing, **named)

    def forward(self, input: Tensor, target: Tensor, **per_batch: Any) -> Tensor:
        """The loss of a batch; `per_batch` may give mask and num_items for this one."""
        return _with_options(input, target, self._options(**per_batch))

    @torch.no_grad()
    def report(self, input: Tensor, target: Tensor, **per_batch: Any) -> LossReport:
        """{loss, nll, floor, excess} of a batch, reduced as the loss is, without a graph.

        Example:
            >>> report = BCEWithLogitsLoss(label_smoothing=0.1).report(torch.zeros(1), torch.ones(1))
            >>> print(*(f"{x:.4f}" for x in report))
            0.6931 0.6931 0.1985 0.4946
        """
        options = self._options(**per_batch)
        elements = _binary.prepare(input, target, options)
        loss = _binary.reduce(_binary_elements.losses(elements), elements, options)
        lowest = _binary.reduce(_binary.floor(elements), elements, options)
        nll = _with_options(input, target, replace(options, label_smoothing=0.0))
        return LossReport(loss, nll, lowest, loss - lowest)

    def extra_repr(self) -> str:
        """What was asked for, shown in ``print(model)``."""
        shown = {"label_smoothing": self.label_smoothing, "reduction": self.reduction, **self.options}
        return ", ".join(f"{name}={value!r}" for name, value in shown.items())
