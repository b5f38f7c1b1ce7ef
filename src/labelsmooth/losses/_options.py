"""Every option of the cross-entropy, written once: a frozen record that travels whole."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from functools import lru_cache
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from .. import _checks
from ..schemes._amounts import one
from ..schemes._base import Scheme
from ..schemes.uniform import Uniform
from . import _dispatch

REDUCTIONS = ("mean", "sum", "none")
EMPTY = ("nan", "zero")
CHOICES: dict[str, tuple[str | None, ...]] = {
    "reduction": REDUCTIONS,
    "weight_mode": ("torch", "sample"),
    "normalizer": (None, "rows", "weights"),
    "empty": EMPTY,
    "kernel": _dispatch.NAMES,
}


@dataclass(frozen=True, eq=False)
class Options:
    """What `cross_entropy` takes beside input and target; see there for what each one means."""

    weight: Tensor | None = None
    ignore_index: int = -100
    reduction: str = "mean"
    label_smoothing: float | Tensor | Scheme = 0.0
    class_dim: int | None = None
    class_mask: Tensor | None = None
    mask_below: float | None = None
    row_mask: Tensor | None = None
    sample_weight: Tensor | None = None
    weight_mode: str = "torch"
    normalizer: str | None = None
    num_items: float | Tensor | None = None
    empty: str = "nan"
    strict: bool = False
    kernel: str = "auto"
    scheme: Scheme | None = field(init=False, default=None)
    everyday: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                _checks.one_of(getattr(self, name), [choice for choice in choices if choice], name)
        if type(self.ignore_index) is not int:
            _integer(self.ignore_index, "ignore_index")
        if self.class_dim is not None:
            _integer(self.class_dim, "class_dim")
        flag(self.strict, "strict")
        self._check_masks()
        self._check_factors()
        object.__setattr__(self, "scheme", as_scheme(self.label_smoothing))

    def _check_masks(self) -> None:
        for name in ("class_mask", "row_mask"):
            mask = getattr(self, name)
            if mask is not None and (not isinstance(mask, Tensor) or mask.dtype != torch.bool):
                kind = mask.dtype if isinstance(mask, Tensor) else type(mask).__name__
                raise TypeError(f"{name} must be a bool tensor, True for what counts; got {kind}")
        if self.mask_below is not None and (not _real(self.mask_below) or self.mask_below != self.mask_below):
            raise TypeError(f"mask_below must be a number, logits under it forbid their class; got {self.mask_below!r}")

    def _check_factors(self) -> None:
        for name in ("weight", "sample_weight"):
            factor = getattr(self, name)
            if factor is not None and (not isinstance(factor, Tensor) or factor.is_complex()):
                kind = factor.dtype if isinstance(factor, Tensor) else type(factor).__name__
                raise TypeError(f"{name} must be a tensor of real numbers; got {kind}")
        if self.num_items is None:
            return
        if self.normalizer is not None:
            raise ValueError("num_items= is the normalizer already; give num_items= or normalizer=, not both")
        _count(self.num_items)


def options_of(
    ignore_index: int, reduction: str, label_smoothing: float | Tensor | Scheme, others: dict[str, Any]
) -> Options:
    """The options; those of an everyday call are kept, since building them takes a tenth of a small loss's time."""
    hashable = type(label_smoothing) is float and type(ignore_index) is int and type(reduction) is str
    everyday = hashable and all(value is DEFAULTS[name] for name, value in others.items())
    if everyday and not torch.compiler.is_compiling():
        return _everyday(ignore_index, reduction, label_smoothing)
    _check_divisor(reduction, others)
    return Options(ignore_index=ignore_index, reduction=reduction, label_smoothing=label_smoothing, **others)


def _check_divisor(reduction: str, others: dict[str, Any]) -> None:
    """What would divide nothing is a mistake, and a silent one."""
    named = [name for name in ("num_items", "normalizer") if others.get(name) is not None]
    if named and reduction in ("sum", "none"):
        raise ValueError(
            f"{named[0]}= says what the mean divides by, but reduction={reduction!r} divides by nothing. Use "
            f'reduction="mean", or leave {named[0]}= out'
        )


@lru_cache(maxsize=64, typed=True)
def _everyday(ignore_index: int, reduction: str, label_smoothing: float) -> Options:
    options = Options(ignore_index=ignore_index, reduction=reduction, label_smoothing=label_smoothing)
    object.__setattr__(options, "everyday", True)
    return options


def as_scheme(label_smoothing: float | Tensor | Scheme) -> Scheme | None:
    """The scheme that `label_smoothing` names: a number is Uniform, 0 is none."""
    if isinstance(label_smoothing, Scheme):
        return label_smoothing
    if isinstance(label_smoothing, Tensor):
        return Uniform(label_smoothing)
    if isinstance(label_smoothing, str | type):
        came = (
            f"the class {label_smoothing.__name__}" if isinstance(label_smoothing, type) else f"str {label_smoothing!r}"
        )
        raise TypeError(
            "label_smoothing must be a number in [0, 1], or a scheme that is built, such as Uniform(0.1) or "
            f"labelsmooth.schemes.Others(0.1); got {came}"
        )
    amount = one(label_smoothing)
    return Uniform(amount) if amount else None


def check_names(given: Iterable[str], what: str) -> None:
    """A TypeError that lists the options there are, when a name is none of them."""
    for name in given:
        if name not in NAMES:
            raise TypeError(f"{what} has no option {name!r}; there are: {', '.join(NAMES)}")


def check_per_batch(given: Iterable[str], what: str) -> None:
    """As `check_names`, for options that are given with a batch."""
    for name in given:
        if name in BUILT_IN:
            raise TypeError(
                f"{what} takes {name} when it is built, not with a batch; for a batch: {', '.join(PER_BATCH)}"
            )
        check_names((name,), what)


DEFAULTS = {f.name: f.default for f in fields(Options) if f.init}
NAMES = tuple(DEFAULTS)
BUILT_IN = ("ignore_index", "reduction", "label_smoothing")
PER_BATCH = ("class_mask", "row_mask", "sample_weight", "num_items")


def _integer(value: Any, name: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an int; got {type(value).__name__} {value!r}")


def flag(value: Any, name: str) -> bool:
    """True or False; a text such as "no" would count as True."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False; got {type(value).__name__} {value!r}")
    return value


def _real(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _count(num_items: Any) -> None:
    if isinstance(num_items, Tensor):
        if num_items.numel() != 1:
            raise ValueError(f"num_items must be one number; got a tensor of shape {tuple(num_items.shape)}")
        return
    if not _real(num_items):
        raise TypeError(f"num_items must be a number of at least 0, or a tensor of one; got {num_items!r}")
    if not num_items >= 0:
        raise ValueError(f"num_items must be a number of at least 0, or a tensor of one; got {num_items!r}")


def legacy_reduction(size_average: bool | None, reduce: bool | None, reduction: str) -> str:
    """torch's pre-1.0 arguments, with torch's meaning and a deprecation warning."""
    if size_average is None and reduce is None:
        return reduction
    average = size_average is None or size_average
    meant = "none" if reduce is False else ("mean" if average else "sum")
    warnings.warn(
        f"size_average and reduce are deprecated; pass reduction={meant!r} instead", DeprecationWarning, stacklevel=4
    )
    return meant
