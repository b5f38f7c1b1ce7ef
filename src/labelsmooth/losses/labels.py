"""Smoothed targets by hand, and the exact conversion between the conventions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .. import _checks
from ..schemes._tables import as_indices
from ..targets import SoftTargets
from ._inputs import INTEGERS
from ._options import as_scheme
from ._values import check_range

if TYPE_CHECKING:
    from ..schemes._base import Scheme

CONVENTIONS = ("uniform", "others", "classy_vision")


def smooth_labels(
    labels: Tensor | Sequence[int],
    num_classes: int,
    label_smoothing: float | Tensor | Scheme = 0.1,
    *,
    dtype: torch.dtype | None = None,
) -> Tensor:
    r"""Write the smoothed targets out: q = (1 − ε)·e_y + ε·r for each label.

    Args:
        labels: class indices of any shape (…), an integer tensor or a list.
        num_classes: K.
        label_smoothing: ε in [0, 1], spread uniformly as in torch, or a scheme such as ``Others(0.1)``.
        dtype: of the result; torch's default floating dtype when not given.

    Returns:
        (…, K), each row summing to 1.

    Raises:
        TypeError: labels that are not integers. IndexError: a label outside [0, K).
        ValueError: an amount outside [0, 1].

    Example:
        >>> smooth_labels([0, 2], 3, 0.1)
        tensor([[0.9333, 0.0333, 0.0333],
                [0.0333, 0.0333, 0.9333]])

    Source: Szegedy et al. 2016, Rethinking the Inception Architecture, section 7.
    """
    y = as_indices(labels, "labels")
    if y.dtype not in INTEGERS:
        raise TypeError(f"labels must be class indices of an integer dtype; got {y.dtype}. Use .long()")
    if isinstance(num_classes, bool) or not isinstance(num_classes, int) or num_classes < 1:
        raise ValueError(f"num_classes must be an int of at least 1; got {num_classes!r}")
    check_range(y.long(), num_classes, what="label")
    scheme = as_scheme(label_smoothing)
    wanted = dtype or torch.get_default_dtype()
    if not isinstance(wanted, torch.dtype) or not wanted.is_floating_point:
        raise TypeError(f"dtype must be a floating one, such as torch.float32; got {wanted!r}")
    rows = y.long() if y.ndim else y.long().reshape(1)
    hard = SoftTargets(labels=rows, on_label=1.0, num_classes=num_classes, dtype=wanted)
    targets = hard if scheme is None else scheme.soften(hard)
    n, *dims = rows.shape
    every = torch.ones((n, num_classes, *dims), dtype=torch.bool, device=y.device)
    return targets.probabilities(every, wanted).movedim(1, -1).reshape(*y.shape, num_classes)


def convert_smoothing(label_smoothing: float, num_classes: int, *, source: str, to: str) -> float:
    r"""The amount that means under one convention what `label_smoothing` means under another, exactly.

    With ε for "uniform" (torch, Keras, timm: ε/K on every class), "others" (fairseq: ε/(K − 1) on every other one)
    and "classy_vision" ((e_y + ε/K)/(1 + ε)):  ε_uniform = ε_others·K/(K − 1) = ε_cv/(1 + ε_cv).

    Args:
        label_smoothing: the amount under `source`; in [0, 1], for "classy_vision" any number ≥ 0.
        num_classes: K ≥ 2.
        source, to: "uniform", "others" or "classy_vision".

    Raises:
        ValueError: an unknown convention, or an amount that the other convention cannot express in [0, 1].

    Example:
        >>> convert_smoothing(0.1, num_classes=5, source="others", to="uniform")
        0.125

    Source: Szegedy et al. 2016, section 7 (uniform); fairseq's label_smoothed_cross_entropy (others).
    """
    _checks.one_of(source, CONVENTIONS, "source")
    _checks.one_of(to, CONVENTIONS, "to")
    if isinstance(num_classes, bool) or not isinstance(num_classes, int) or num_classes < 2:
        raise ValueError(f"num_classes must be an int of at least 2 for a conversion; got {num_classes!r}")
    if source == to:
        return _amount_of(label_smoothing, source)
    uniform = _to_uniform(_amount_of(label_smoothing, source), num_classes, source)
    converted = _from_uniform(uniform, num_classes, to)
    if to == "classy_vision" and uniform >= 1:
        raise ValueError(
            f"{source} {label_smoothing:g} with {num_classes} classes leaves the label nothing of its own, and "
            f"classy_vision leaves it 1/(1 + ε) whatever ε is: it cannot express it. Pass a smaller amount"
        )
    if to != "classy_vision" and not converted <= 1:
        raise ValueError(
            f"{source} {label_smoothing:g} with {num_classes} classes would be {to} {converted:g}, outside [0, 1]: "
            f"{to} cannot express it"
        )
    return converted


def _amount_of(label_smoothing: float, source: str) -> float:
    if source != "classy_vision":
        return _checks.amount(label_smoothing)
    if isinstance(label_smoothing, bool) or not isinstance(label_smoothing, (int, float)):
        came = f"{type(label_smoothing).__name__} {label_smoothing!r}"
        raise TypeError(f"label_smoothing must be a finite number ≥ 0 under classy_vision; got {came}")
    if not 0 <= label_smoothing < float("inf"):
        raise ValueError(f"label_smoothing must be a finite number ≥ 0 under classy_vision; got {label_smoothing!r}")
    return float(label_smoothing)


def _to_uniform(amount: float, k: int, source: str) -> float:
    if source == "others":
        return amount * k / (k - 1)
    return amount / (1 + amount) if source == "classy_vision" else amount


def _from_uniform(amount: float, k: int, to: str) -> float:
    if to == "others":
        return amount * (k - 1) / k
    if to == "classy_vision":
        return amount / (1 - amount) if amount < 1 else float("inf")
    return amount
