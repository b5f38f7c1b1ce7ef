"""Binary targets: the options, what each convention spreads ε by, the checks, and the reduction."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .. import _checks
from .._modes import visible
from .._notices import once
from ..schemes._amounts import choose, widened
from ..targets import Amount
from ._binary_elements import Elements
from ._inputs import FLOATS, INTEGERS
from ._options import EMPTY, REDUCTIONS
from ._reduction import as_number, ordered_sum

CONVENTIONS = ("uniform", "others", "positives", "classes", "prior")


@dataclass(frozen=True, eq=False)
class BinaryOptions:
    """What `binary_cross_entropy_with_logits` takes beside input and target; see there for what each one means."""

    weight: Tensor | None = None
    reduction: str = "mean"
    pos_weight: Tensor | None = None
    label_smoothing: Amount = 0.0
    convention: str = "uniform"
    prior: Tensor | None = None
    class_dim: int = 1
    mask: Tensor | None = None
    num_items: float | Tensor | None = None
    empty: str = "nan"
    soft_targets: bool = False
    strict: bool = False

    def __post_init__(self) -> None:
        _checks.one_of(self.reduction, REDUCTIONS, "reduction")
        _checks.one_of(self.convention, CONVENTIONS, "convention")
        _checks.one_of(self.empty, EMPTY, "empty")
        if hasattr(self.label_smoothing, "soften"):
            raise TypeError(
                "binary targets take label_smoothing as a number, and convention= for how it is spread, one of "
                f"{list(CONVENTIONS)}; got the scheme {self.label_smoothing!r}"
            )
        choose(self.label_smoothing, None, None)
        self._check_prior()
        if self.mask is not None and (not isinstance(self.mask, Tensor) or self.mask.dtype != torch.bool):
            came = self.mask.dtype if isinstance(self.mask, Tensor) else type(self.mask).__name__
            raise TypeError(f"mask must be a bool tensor, True for elements that count; got {came}")

    def _check_prior(self) -> None:
        if (self.convention == "prior") != (self.prior is not None):
            raise ValueError('convention="prior" and prior= (the frequency of yes, for each label) go together')
        if self.prior is None:
            return
        if not isinstance(self.prior, Tensor) or not self.prior.is_floating_point():
            raise TypeError(f"prior must be a floating-point tensor of frequencies in [0, 1]; got {self.prior!r}")
        if visible(self.prior) and not bool(((self.prior >= 0) & (self.prior <= 1)).all()):
            raise ValueError(f"prior must hold frequencies in [0, 1]; got {self.prior.min():g} to {self.prior.max():g}")


def prepare(logits: Tensor, target: Tensor, options: BinaryOptions) -> Elements:
    """Check input and target, and give everything their shape."""
    _check_tensors(logits, target)
    amount, yes = _spread(logits, options)
    elements = Elements(
        logits,
        target,
        amount,
        yes.expand(logits.shape) if isinstance(yes, Tensor) else yes,
        None if options.pos_weight is None else options.pos_weight.expand(logits.shape),
        None if options.mask is None else options.mask.expand(logits.shape),
    )
    if visible(target, strict=options.strict):
        _check_values(target if elements.keep is None else target[elements.keep], options)
    return elements


def _check_tensors(logits: Tensor, target: Tensor) -> None:
    for name, x in (("input", logits), ("target", target)):
        if not isinstance(x, Tensor):
            raise TypeError(f"{name} must be a tensor; got {type(x).__name__}")
    if logits.dtype not in FLOATS:
        raise TypeError(f"input must hold logits in float32, float64, bfloat16 or float16; got {logits.dtype}")
    if not target.is_floating_point() and target.dtype not in (torch.bool, *INTEGERS):
        raise TypeError(f"target must hold probabilities of yes, or 0 and 1; got {target.dtype}")
    if target.shape != logits.shape:
        raise ValueError(_shape_advice(tuple(logits.shape), tuple(target.shape)))


def _shape_advice(have: tuple[int, ...], came: tuple[int, ...]) -> str:
    message = f"target has shape {came}, but must have the input's shape {have}, a yes or no for each logit"
    if have == (*came, 1):
        return f"{message}: use input.squeeze(-1) or target.unsqueeze(-1)"
    if came == (*have, 1):
        return f"{message}: use target.squeeze(-1)"
    if len(have) > 1 and came == (have[0], *have[2:]):
        return f"{message}. For one right class among {have[1]} use cross_entropy, or one-hot targets here"
    return message


def _spread(logits: Tensor, options: BinaryOptions) -> tuple[Amount, float | Tensor]:
    """ε, and the probability of yes that it goes to: every convention is q = (1 − ε)y + ε·yes."""
    amount, _ = choose(options.label_smoothing, None, None)
    amount = widened(amount) if isinstance(amount, Tensor) else amount
    if options.convention == "others":
        return 2 * amount, 0.5
    if options.convention == "classes":
        return amount, 1 / _class_count(logits, options.class_dim)
    if options.prior is not None:
        return amount, options.prior.to(device=logits.device, dtype=torch.promote_types(logits.dtype, torch.float32))
    return amount, 0.5 if options.convention == "uniform" else 0.0


def _class_count(logits: Tensor, class_dim: int) -> int:
    if logits.ndim < 2 or not -logits.ndim <= class_dim < logits.ndim:
        raise ValueError(
            f'convention="classes" spreads ε over the classes of dimension {class_dim}, which an input of shape '
            f"{tuple(logits.shape)} does not have; pass (N, K, …), or class_dim="
        )
    return logits.shape[class_dim]


def _check_values(y: Tensor, options: BinaryOptions) -> None:
    if y.numel() == 0 or y.dtype == torch.bool:
        return
    y = y.detach()
    low, high = (x.item() for x in y.aminmax())
    if not (low >= 0 and high <= 1):
        _complain("probabilities", f"targets must be in [0, 1]; got {low:g} to {high:g}", options)
    amount = options.label_smoothing
    if options.soft_targets or not y.is_floating_point() or (not isinstance(amount, Tensor) and amount == 0):
        return
    if (already := _softness(y)) > 1e-3:
        _complain("soft targets", _twice(already, float(amount)), options)


def _softness(y: Tensor) -> float:
    """The ε that would have made the targets as soft as they are; hard ones are told by Σy = Σy², without a copy."""
    flat = y.reshape(-1) if y.itemsize >= 4 else y.reshape(-1).float()
    if abs((flat.sum() - flat.dot(flat)).item()) < 1e-4 * flat.numel():
        return 0.0
    return 1 - 2 * (flat - 0.5).abs_().mean().item()


def _twice(already: float, again: float) -> str:
    return (
        f"smoothing twice: the target is soft already, as label_smoothing={already:.3g} would make it, and the loss "
        f"smooths it by {again:.3g} more, together {1 - (1 - already) * (1 - again):.3g}. Give hard targets, or use "
        "label_smoothing=0 here, or say that this is meant with soft_targets=True"
    )


def _complain(what: str, message: str, options: BinaryOptions) -> None:
    if options.strict:
        raise ValueError(message)
    once(what, message)


def floor(elements: Elements) -> Tensor:
    """The least value each element's loss can take: (q + q̄)·H(q, q̄)."""
    on, off = elements.targets()
    lowest = torch.xlogy(on + off, on + off) - torch.xlogy(on, on) - torch.xlogy(off, off)
    return elements.masked(lowest)


def reduce(losses: Tensor, elements: Elements, options: BinaryOptions) -> Tensor:
    """Weigh, then `reduction`; as in torch, the mean divides by the number of elements, not by their weights."""
    if options.weight is not None:
        losses = elements.masked(losses * options.weight.to(losses.dtype))
    if options.reduction == "none":
        return losses
    if options.reduction == "sum":
        return ordered_sum(losses)
    count = _count(losses, elements, options)
    mean = ordered_sum(losses, count)
    if options.empty == "nan":
        return mean
    return torch.where(torch.as_tensor(count, device=mean.device) == 0, 0, mean)


def plain_divisor(elements: Elements, options: BinaryOptions) -> float | None:
    """What the sum of the losses is divided by, where the reduction is nothing but that; else None."""
    if options.reduction == "none" or options.weight is not None:
        return None
    return as_number(_count(elements.logits, elements, options)) if options.reduction == "mean" else 1.0


def _count(losses: Tensor, elements: Elements, options: BinaryOptions) -> float | Tensor:
    if options.num_items is not None:
        return options.num_items
    return float(losses.numel()) if elements.keep is None else elements.keep.sum().to(elements.dtype)
