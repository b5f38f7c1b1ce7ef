"""`smooth_head`: smoothing with one shared background on top of somebody else's fused head for hard labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, final

import torch
from torch import Tensor

from .. import _checks
from ..kernels import formula
from ..kernels._sums import ordered, widen
from ..targets import SoftTargets
from ._options import REDUCTIONS, Options
from ._values import check_range, visible

if TYPE_CHECKING:
    from ..schemes._base import Scheme

CAPS = ("softcap", "soft_cap", "logit_softcap", "softcapping", "logit_softcapping", "final_logit_softcapping")
WEIGHTS = ("weight", "ce_weight", "class_weight", "class_weights")
TRIED = 4
"""Rows of the first batch that the hard loss is tried on."""


@final
class smooth_head:  # noqa: N801 (it is called like a function, and returns one)
    r"""Make a smoothed head of a fused head that knows hard labels alone.

    For one background r that all rows share, smoothed cross-entropy is exactly

        hard cross-entropy + ε(z_y − ⟨r, z⟩),   z_y − ⟨r, z⟩ = h·(W_y − Wᵀr) + c_y − ⟨r, c⟩

    so that smoothing costs one more mean over the rows of W and no logits. It needs z to be linear in h, and the rows
    to weigh alike: a head with soft-capped logits or class weights is refused, by its settings where they can be seen,
    and by its value on the first rows of the first batch.

    Args:
        hard_loss: called as ``hard_loss(input, linear_weight, target, **more)``, and with ``linear_bias=`` where one is
            given. Wrap one with another order: ``lambda h, W, y, **more: theirs(W, h, y, **more)``.
        label_smoothing: ε, or a scheme with one shared background: Uniform, Others, Prior.
        reduction: what `hard_loss` does over the rows that count: "mean", "sum" or "none".
        ignore_index: the index whose rows `hard_loss` leaves out.
        check: compare `hard_loss` with plain cross-entropy on up to four rows of the first batch.

    Raises:
        ValueError: a scheme whose background differs from row to row, soft-capping, class weights, or a hard loss that
        is not the cross-entropy of z = Wh + c.

    Example:
        >>> import torch
        >>> from torch.nn import functional as F
        >>> def hard(h, W, y):
        ...     return F.cross_entropy(h @ W.T, y)
        >>> head = smooth_head(hard, label_smoothing=0.2)
        >>> h, W = torch.tensor([[1.0, 0.5]]), torch.tensor([[2.0, 0.0], [0.0, 1.0], [0.0, 0.6]])
        >>> head(h, W, torch.tensor([0]))
        tensor(0.5539)

    Source: Szegedy et al. 2016, section 7; the smoothed loss is linear in ε.
    """

    def __init__(
        self,
        hard_loss: Callable[..., Tensor],
        label_smoothing: float | Scheme,
        *,
        reduction: str = "mean",
        ignore_index: int = -100,
        check: bool = True,
    ) -> None:
        if not callable(hard_loss):
            raise TypeError(f"hard_loss must be a function or module; got {type(hard_loss).__name__} {hard_loss!r}")
        self.hard_loss = hard_loss
        self.reduction = _checks.one_of(reduction, REDUCTIONS, "reduction")
        self.options = Options(ignore_index=ignore_index, reduction=reduction, label_smoothing=label_smoothing)
        self.unchecked = check
        _refuse_settings({**vars(hard_loss), **getattr(hard_loss, "keywords", {})} if _has_settings(hard_loss) else {})

    def __call__(
        self, input: Tensor, linear_weight: Tensor, target: Tensor, linear_bias: Tensor | None = None, **more: Any
    ) -> Tensor:
        """The smoothed loss: input (N, D), linear_weight (C, D), target (N,), linear_bias (C,) or None."""
        _check_call(input, linear_weight, target, more)
        if linear_bias is not None:
            more["linear_bias"] = linear_bias
        if self.unchecked and visible(input):
            self._try(input, linear_weight, target, more)
        hard = self.hard_loss(input, linear_weight, target, **more)
        if self.options.scheme is None:
            return hard
        return hard + self._reduced(self._added(input, linear_weight, target, linear_bias), target)

    def _added(self, x: Tensor, weight: Tensor, target: Tensor, bias: Tensor | None) -> Tensor:
        """ε(z_y − ⟨r, z⟩) of each row that counts, 0 elsewhere, in float32 for half precisions."""
        keep = target != self.options.ignore_index
        labels = torch.where(keep, target, 0)
        if visible(x):
            check_range(target, weight.shape[0], self.options.ignore_index)
        amount, shared = _shared(self.options, labels, weight)
        h = torch.where(keep.unsqueeze(1), widen(x), 0)
        towards = widen(weight[labels]) - shared @ widen(weight)
        gap = (h * towards).sum(1)
        if bias is not None:
            gap = gap + widen(bias)[labels] - shared @ widen(bias)
        return torch.where(keep, amount * gap, 0)

    def _reduced(self, rows: Tensor, target: Tensor) -> Tensor:
        if self.reduction == "none":
            return rows
        total = ordered(rows)
        return total if self.reduction == "sum" else total / (target != self.options.ignore_index).sum()

    def _try(self, x: Tensor, weight: Tensor, target: Tensor, more: dict[str, Any]) -> None:
        """Refuse a hard loss that is not what the formula needs."""
        places = (target != self.options.ignore_index).nonzero().squeeze(1)[:TRIED]
        if not len(places):
            return
        self.unchecked = False
        with torch.no_grad():
            x, target = x[places], target[places]
            z = torch.nn.functional.linear(x, weight, more.get("linear_bias"))
            rows = formula.row_losses(z, SoftTargets(labels=target, on_label=1.0, num_classes=len(weight)))
            expected = {"none": rows, "sum": rows.sum(), "mean": rows.mean()}[self.reduction]
            _compare(self.hard_loss(x, weight, target, **more), expected, x.dtype, self.reduction)


def _has_settings(hard_loss: Any) -> bool:
    return hasattr(hard_loss, "__dict__")


def _refuse_settings(settings: dict[str, Any]) -> None:
    settings = {**settings, **settings.get("_buffers", {})}
    for name, value in settings.items():
        if value is None:
            continue
        if name in CAPS:
            raise ValueError(
                f"{name}={value!r}: soft-capped logits are not linear in the input, and smoothing cannot be added to "
                "their hard loss; use labelsmooth.linear_cross_entropy(softcap=…)"
            )
        if name in WEIGHTS:
            raise ValueError(
                f"{name}=…: class weights change what smoothing is, and it cannot be added to a weighted hard loss; "
                "use labelsmooth.linear_cross_entropy(weight=…)"
            )
        if name == "label_smoothing" and value:
            raise ValueError(f"label_smoothing={value!r}: the hard loss smooths already; give it without")


def _check_call(x: Tensor, weight: Tensor, target: Tensor, more: dict[str, Any]) -> None:
    _refuse_settings(more)
    if x.ndim != 2 or weight.ndim != 2 or x.shape[1] != weight.shape[1]:
        raise ValueError(f"input must be (N, D) and linear_weight (C, D); got {tuple(x.shape)}, {tuple(weight.shape)}")
    if target.shape != x.shape[:1] or target.is_floating_point():
        raise ValueError(
            f"target must hold class indices of shape ({len(x)},); got {target.dtype} of shape {tuple(target.shape)}. "
            "For probabilities use labelsmooth.linear_cross_entropy"
        )


def _shared(options: Options, labels: Tensor, weight: Tensor) -> tuple[Any, Tensor]:
    """The amount (a number, or one for each row) and r, such that the target is (1 − amount)·e_y + amount·r."""
    classes, dtype = len(weight), widen(weight).dtype
    hard = SoftTargets(labels=labels, on_label=1.0, num_classes=classes, dtype=dtype)
    soft = options.scheme.soften(hard)  # type: ignore[union-attr]
    amount = soft.on_background
    if soft.spread == "shared":
        background = soft.background.to(dtype)  # type: ignore[union-attr]
        return amount, background / background.sum()
    if soft.spread == "others":
        amount = amount * classes / max(classes - 1, 1)
    elif soft.spread not in ("uniform", "none"):
        raise ValueError(
            f"{options.scheme!r} gives each row a background of its own; smoothing can be added to a hard loss only "
            "with one for all (Uniform, Others, Prior). Use labelsmooth.linear_cross_entropy, which takes any scheme"
        )
    return amount, weight.new_full((classes,), 1 / classes, dtype=dtype)


def _compare(got: Any, expected: Tensor, dtype: torch.dtype, reduction: str) -> None:
    if not isinstance(got, Tensor) or got.shape != expected.shape:
        came = tuple(got.shape) if isinstance(got, Tensor) else type(got).__name__
        raise ValueError(f"hard_loss gave {came} where reduction={reduction!r} makes {tuple(expected.shape)}")
    allowed = 64 * torch.finfo(dtype).eps * (1 + expected.abs())
    if not bool(((got.to(expected.dtype) - expected).abs() <= allowed).all()):
        raise ValueError(
            f"hard_loss gave {got.tolist()} on the first rows where the cross-entropy of input @ linear_weight.T is "
            f"{expected.tolist()}. Smoothing can be added only to a plain hard-label loss: no soft-capping, class "
            f"weights, smoothing, or other reduction than {reduction!r}. Otherwise use labelsmooth.linear_cross_entropy"
        )
