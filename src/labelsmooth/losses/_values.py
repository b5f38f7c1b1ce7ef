"""Checks of values, made where looking at a value neither breaks a graph nor waits for a device."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .._modes import visible as visible
from .._notices import once
from ..kernels import _probabilities
from ..targets import Amount, SoftTargets, out_of_range
from ._options import Options


def check_range(labels: Tensor, num_classes: int, ignore_index: int | None = None, *, what: str = "target") -> None:
    """Raise an IndexError that names the first label outside [0, K) that is not ignored (T31)."""
    outside = ((labels < 0) | (labels >= num_classes)) & (labels != ignore_index if ignore_index is not None else True)
    if not outside.any():
        return
    raise out_of_range(labels, int(outside.flatten().nonzero()[0]), num_classes, ignore_index, what)


def check_probabilities(given: Tensor, keep: Tensor | None, options: Options) -> None:
    """Say that the rows that count are not distributions over the class dimension (T14)."""
    given = _counted(given, keep)
    if given.numel() == 0:
        return
    off, low = _probabilities.spread_of(given) or _spread_of(given)
    if off <= 1e-2 and low >= 0:
        return
    complain(
        "probabilities",
        f"class probabilities must be ≥ 0 and sum to 1 over the class dimension; the target has a minimum of {low:.3g} "
        f"and sums up to {off:.3g} away from 1. Normalise it, or name its class dimension with class_dim=",
        options,
    )


def _spread_of(given: Tensor) -> tuple[float, float]:
    wide = torch.float32 if given.itemsize < 4 else given.dtype
    least, most = (x.item() for x in given.sum(1, dtype=wide).aminmax())
    return max(1 - least, most - 1), given.amin().item()


def check_softness(targets: SoftTargets, amount: Amount, options: Options) -> None:
    """Say that targets which are soft already are about to be softened again (T13).

    How soft they are is said as the ε that would have made them so from one-hot ones.
    """
    given = _counted(targets.given, targets.keep)  # type: ignore[arg-type]
    if given.numel() == 0:
        return
    classes = given.shape[1]
    already = (1 - given.amax(1).mean().item()) * classes / max(classes - 1, 1)
    again = amount.detach().mean().item() if isinstance(amount, Tensor) else amount
    if not already > 1e-3 or again == 0:
        return
    complain(
        "soft targets",
        f"smoothing twice: the target is soft already, as label_smoothing={already:.3g} would make it, and the loss "
        f"smooths it by {again:.3g} more, together {1 - (1 - already) * (1 - again):.3g}. Give hard targets, or use "
        "label_smoothing=0 here. Mixtures of hard targets (mixup, CutMix) are meant to be smoothed after mixing: say "
        "so with a scheme, as in label_smoothing=Uniform(0.1, soft_targets=True)",
        options,
    )


def check_sample_weights(weights: Tensor, keep: Tensor | None) -> None:
    """Raise a ValueError where a row that counts has a weight that is negative, infinite or NaN."""
    weights = weights.detach() if keep is None else weights.detach()[keep]
    if weights.numel() == 0:
        return
    low, high = (x.item() for x in weights.aminmax())
    if not (low >= 0 and high < math.inf):
        raise ValueError(
            "sample_weight must be finite and at least 0 in every row that counts; it is between "
            f"{low:.3g} and {high:.3g}. Weights of both signs are no weights of a mean: multiply the row losses of "
            'reduction="none" by them'
        )


def complain(what: str, message: str, options: Options) -> None:
    """An error when strict, else a warning."""
    if options.strict:
        raise ValueError(message)
    once(what, message)


def _counted(given: Tensor, keep: Tensor | None) -> Tensor:
    given = given.detach()
    return given if keep is None else given.movedim(1, -1)[keep]
