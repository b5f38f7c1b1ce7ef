"""How much is smoothed: one ε for all, one by true class, or one by sample; checked when a scheme is built (T12)."""

from __future__ import annotations

from numbers import Real
from typing import Any, Literal, TypedDict

import torch
from torch import Tensor

from .. import _checks
from .._modes import visible
from ..targets import Amount, SoftTargets, along_classes
from ._tables import as_floats

By = Literal["all", "class", "sample"]
DEFAULT = 0.1


class AmountOptions(TypedDict, total=False):
    """What every scheme takes by name beside its amount."""

    per_class: Tensor | None
    per_sample: Tensor | None
    soft_targets: bool


def choose(
    amount: Amount | None, per_class: Tensor | None, per_sample: Tensor | None, *, negative: bool = False
) -> tuple[Amount, By]:
    """The one amount that was given, checked, and what it goes by."""
    if per_class is None and per_sample is None and type(amount) is float and 0 <= amount <= 1:
        return amount, "all"  # the everyday case, which every call of a loss with a number comes through
    given = {"amount": amount, "per_class": per_class, "per_sample": per_sample}
    named = [name for name, value in given.items() if value is not None]
    if len(named) > 1:
        raise ValueError(f"give one of amount, per_class= and per_sample=; got {' and '.join(named)}")
    if per_class is not None:
        return _many(per_class, "per_class", negative=negative), "class"
    if per_sample is not None:
        return _many(per_sample, "per_sample", negative=negative), "sample"
    return one(DEFAULT if amount is None else amount, negative=negative), "all"


def one(amount: Any, *, negative: bool = False) -> Amount:
    """One ε for all, a number or a tensor of one."""
    if isinstance(amount, Tensor):
        return _in_range(_scalar(amount), "label_smoothing", negative=negative)
    if isinstance(amount, Real) and not isinstance(amount, bool) and amount < 0 and not negative:
        raise ValueError(
            f"label_smoothing must be a number in [0, 1]; got {amount!r}. Negative smoothing has a loss without lower "
            f"bound and must be asked for: Uniform({amount!r}, allow_negative=True)"
        )
    return _checks.amount(amount, negative=negative)


def _scalar(amount: Tensor) -> Tensor:
    if amount.numel() != 1 or not amount.is_floating_point():
        raise ValueError(
            f"a tensor as label_smoothing must hold one floating-point number; got shape {tuple(amount.shape)} and "
            f"{amount.dtype}. For one amount a class or a sample pass per_class= or per_sample= to the scheme"
        )
    return amount.reshape(()) if amount.ndim else amount


def _many(amounts: Any, name: str, *, negative: bool) -> Tensor:
    values = amounts if isinstance(amounts, Tensor) else as_floats(amounts, name)
    if not values.is_floating_point():
        raise TypeError(f"{name} must be a floating-point tensor of amounts in [0, 1]; got {values.dtype}")
    if name == "per_class" and values.ndim != 1:
        raise ValueError(f"per_class must have one amount for each class, shape (K,); got {tuple(values.shape)}")
    return _in_range(values, name, negative=negative)


def _in_range(values: Tensor, name: str, *, negative: bool) -> Tensor:
    if not visible(values) or values.numel() == 0:
        return values
    low, high = (x.item() for x in values.detach().aminmax())
    if not (high <= 1 and (low >= 0 or negative)):
        came = f"{low:g}" if low == high or low != low else f"values from {low:g} to {high:g}"
        raise ValueError(f"{name} must be in [0, 1]; got {came}. Typical values are 0.05 to 0.2")
    return values


def of_rows(amount: Amount, by: By, targets: SoftTargets) -> Amount:
    """ε as a number, or for each row (N, d1, …); by class on given probabilities for each entry, (1, K, 1, …).

    Tensors come as float64, so that (1 − ε) + ε is 1 whatever the loss is computed in.
    """
    if not isinstance(amount, Tensor):
        return amount
    wide = widened(amount)
    if by == "all":
        return wide
    if by == "sample":
        return _by_sample(wide, targets.row_shape())
    return _by_class(wide, targets)


def widened(amount: Tensor) -> Tensor:
    """In float64, so that 1 − ε loses nothing."""
    return amount if amount.device.type == "mps" else amount.double()  # Metal has no float64


def _by_sample(amount: Tensor, shape: torch.Size) -> Tensor:
    if amount.numel() != shape.numel():
        raise ValueError(
            f"per_sample has shape {tuple(amount.shape)}, but the targets have {tuple(shape)}; "
            "pass one amount for each target"
        )
    return amount.reshape(shape)


def _by_class(amount: Tensor, targets: SoftTargets) -> Tensor:
    known = targets.num_classes if targets.given is None else targets.given.shape[1]
    if known is not None and known != amount.numel():
        raise ValueError(f"per_class holds {amount.numel()} amounts, but there are {known} classes; pass one for each")
    if targets.labels is not None:
        return amount.to(targets.labels.device)[targets.labels]
    given: Tensor = targets.given  # type: ignore[assignment]
    return along_classes(amount.to(given.device), given.ndim)
