"""Method: what is done differently in a trial, a frozen value that travels as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

from . import _checks, rivals, schemes

if TYPE_CHECKING:
    from torch import nn

    from .rivals.mixup import Mixup

HARD = "none"
DEFAULT_SMOOTHING = (("uniform", 0.05), ("uniform", 0.1), ("uniform", 0.2), ("others", 0.1))
BESIDE = 0.1
"""The amount of uniform smoothing that is tried together with mixup, and in the teacher of distillation."""


@dataclass(frozen=True)
class Method:
    """One way to train: the loss, and the regularisation beside it.

    rival, setting     what is used instead of smoothing, and its one number; "" for hard labels and smoothing
    teacher_smoothing  of the teacher, in distillation

    >>> Method("uniform 0.1", "smooth", "uniform", 0.1).family
    'smooth'
    """

    name: str
    family: str
    scheme: str = HARD
    label_smoothing: float = 0.0
    weight_decay: float = 0.01
    dropout: float = 0.0
    rival: str = ""
    setting: float = 0.0
    teacher_smoothing: float = 0.0

    def loss(self) -> nn.Module:
        """The loss this method trains with."""
        from .losses import CrossEntropyLoss

        if self.rival and self.rival != "mixup":
            loss: nn.Module = rivals.find(self.rival)(self.setting)
            return loss
        if self.scheme == HARD:
            return CrossEntropyLoss()
        scheme = schemes.make(self.scheme, self.label_smoothing)
        scheme.soft_targets = self.rival == "mixup"
        return CrossEntropyLoss(label_smoothing=scheme)

    def mixing(self) -> Mixup | None:
        """What is done to each batch before the loss sees it."""
        return rivals.find("mixup")(self.setting) if self.rival == "mixup" else None

    def teacher(self) -> Method | None:
        """How the teacher is trained, where there is one."""
        if self.rival != "distillation":
            return None
        scheme = "uniform" if self.teacher_smoothing else HARD
        return Method("teacher", "hard", scheme, self.teacher_smoothing, self.weight_decay, self.dropout)

    def caution(self) -> str:
        """What has to be known of this method where its figures are shown; mostly nothing."""
        if self.rival != "distillation" or not self.teacher_smoothing:
            return ""
        return (
            f"{self.name!r}: smoothing draws the teacher's logits of all wrong classes together, and at T > 1 a "
            "student learns from their differences; compare with a teacher trained on hard labels"
        )

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Method:
        """The inverse of :meth:`to_dict`."""
        return cls(**fields)


def grid(
    scheme: Sequence[str] | None,
    label_smoothing: Sequence[float] | None,
    weight_decay: Sequence[float],
    dropout: Sequence[float],
    against: Sequence[str] = (),
) -> tuple[Method, ...]:
    """Hard labels, every smoothed setting and every rival, over one grid of weight decay and dropout.

    With neither scheme nor amount given: uniform 0.05, 0.1, 0.2 and others 0.1. Amounts of 0 are hard labels, which
    are always there. `against` are words such as "focal" and "focal=2". Raises UsageError for an unknown scheme or
    rival, an amount outside [0, 1] or a setting out of range.
    """
    smoothed = _smoothed(scheme, label_smoothing)
    regularised = list(product(_distinct(weight_decay, "weight_decay"), _distinct(dropout, "dropout")))
    others = _against(against)
    ending = [_ending(wd, drop, weight_decay, dropout) for wd, drop in regularised]
    methods = []
    for (wd, drop), end in zip(regularised, ending, strict=True):
        methods.append(Method("hard" + end, "hard", weight_decay=wd, dropout=drop))
        for name, amount in smoothed:
            methods.append(Method(f"{name} {amount:g}{end}", "smooth", name, amount, wd, drop))
        methods.extend(replace(each, name=each.name + end, weight_decay=wd, dropout=drop) for each in others)
    return tuple(methods)


def _against(words: Sequence[str]) -> list[Method]:
    """Each rival and setting; mixup also with smoothing, distillation also from a smoothed teacher."""
    found = []
    for rival, setting in rivals.chosen(words):
        plain = Method(f"{rival} {setting:g}".replace("_", " "), "rival", rival=rival, setting=setting)
        found.append(plain)
        if rival == "mixup":
            name = f"{plain.name} + uniform {BESIDE:g}"
            found.append(replace(plain, name=name, scheme="uniform", label_smoothing=BESIDE))
        if rival == "distillation":
            found.append(replace(plain, name=f"{plain.name} from uniform {BESIDE:g}", teacher_smoothing=BESIDE))
    return found


def _smoothed(scheme: Sequence[str] | None, label_smoothing: Sequence[float] | None) -> list[tuple[str, float]]:
    if scheme is None and label_smoothing is None:
        return list(DEFAULT_SMOOTHING)
    chosen = [_known(name) for name in (scheme or ["uniform"])]
    amounts = [_amount(amount) for amount in (label_smoothing or (0.05, 0.1, 0.2))]
    pairs = [(name, amount) for name in chosen for amount in amounts if amount]
    if not pairs:
        raise _checks.UsageError("label_smoothing must hold an amount above 0 to compare with hard labels; got only 0")
    return list(dict.fromkeys(pairs))


def _known(name: str) -> str:
    try:
        schemes.make(name, 0.1)
    except (TypeError, ValueError) as error:
        raise _checks.UsageError(str(error)) from error
    return name


def _amount(amount: float) -> float:
    try:
        return _checks.amount(amount)
    except (TypeError, ValueError) as error:
        raise _checks.UsageError(str(error)) from error


def _distinct(values: Sequence[float], what: str) -> list[float]:
    if not values or any(not 0 <= value < float("inf") for value in values):
        raise _checks.UsageError(f"{what} must be one or more numbers of at least 0; got {list(values)}")
    return list(dict.fromkeys(float(value) for value in values))


def _ending(wd: float, drop: float, all_wd: Sequence[float], all_drop: Sequence[float]) -> str:
    parts = [f"wd {wd:g}"] if len(set(all_wd)) > 1 else []
    return ", ".join(["", *parts, *([f"dropout {drop:g}"] if len(set(all_drop)) > 1 else [])])
