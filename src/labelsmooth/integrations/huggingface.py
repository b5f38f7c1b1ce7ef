"""transformers' Trainer: its loss with smoothed labels, and its metrics against hard ones."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, final
from weakref import ref

import torch
from torch import Tensor, nn

from .._notices import once
from ..losses import binary_cross_entropy_with_logits, cross_entropy
from ..losses._binary import BinaryOptions
from ..losses._options import Options
from ..schemes._base import Scheme
from . import _heads, _trainer_memory
from ._heads import ALIGNED, MULTI_LABEL, SHIFTED, Told

if TYPE_CHECKING:
    from ._trainer_metrics import ComputeMetrics

CLASS_OPTIONS = ("weight", "weight_mode", "mask_below", "strict", "kernel")
BINARY_OPTIONS = ("weight", "pos_weight", "convention", "prior", "soft_targets", "strict")
FRAMES = 4
"""How far up the Trainer is looked for: compute_loss itself, or a method that somebody put around it."""


class TrainerNotice(UserWarning):
    """What was decided about a model where nobody said it; said once for each kind of model."""


def compute_loss_func(
    label_smoothing: float | Tensor | Scheme = 0.1,
    *,
    shift: bool | None = None,
    problem_type: str | None = None,
    ignore_index: int = -100,
    **options: Any,
) -> ComputeLoss:
    r"""The smoothed loss for ``Trainer(compute_loss_func=…)``: Σ over labels of (lse(z) − ⟨q, z⟩) / num_items_in_batch.

    While gradients are recorded it is the smoothed loss; under ``no_grad``, as in evaluation, the hard-label one, so
    that `eval_loss` compares across ε (T16). Divided by the labels of the whole accumulated batch, any number of
    accumulation steps gives the gradient of one big batch (T20).

    Args:
        label_smoothing: ε in [0, 1], or a scheme from :mod:`labelsmooth.schemes`. Schemes with a memory are told of
            batches, steps and epochs by the Trainer.
        shift: whether position i predicts label i + 1. None: as the model's kind says, and it is said once.
        problem_type: "single_label_classification" or "multi_label_classification". None: as the model's
            configuration says, else floating labels shaped like the logits are multi-label.
        ignore_index: labels that count nowhere; the Trainer pads with −100 and counts the others.
        options: weight, weight_mode, mask_below, strict, kernel of :func:`labelsmooth.cross_entropy`; for multi-label
            weight, pos_weight, convention, prior, soft_targets, strict of
            :func:`labelsmooth.binary_cross_entropy_with_logits`. With `weight` the divisor stays the count of labels.

    Returns:
        A function of (outputs, labels, num_items_in_batch) with ``.compute_metrics``, which logs the smoothed loss,
        NLL and ECE of an evaluation beside `eval_loss`.

    Raises:
        ValueError, TypeError: when it is made, an amount or option that does not fit; when it is called, labels that
        are missing or do not fit the head, a model that does not say whether it is causal, and a Trainer whose
        `label_smoothing_factor` is set as well.

    Example:
        >>> import torch
        >>> loss = compute_loss_func(0.1, shift=True)
        >>> logits, labels = torch.zeros(1, 3, 10), torch.tensor([[5, 2, -100]])
        >>> loss({"logits": logits}, labels, num_items_in_batch=1)
        tensor(2.3026)

    Source: Szegedy et al. 2016, section 7; the contract is transformers' `Trainer.compute_loss`.
    """
    return ComputeLoss(label_smoothing, Told(shift, _heads.checked_type(problem_type)), ignore_index, options)


def compute_metrics(loss: ComputeLoss, *, bins: int = 15) -> ComputeMetrics:
    """For ``Trainer(compute_metrics=…)``: figures of an evaluation against hard labels, the smoothed loss beside them.

    Logged with the prefix of the evaluation: smoothed_loss, nll, brier, accuracy, ece and ece_debiased (`bins` bins),
    signed_gap, and rows, the number of labels they rest on. They are means over labels, where the Trainer's own
    `eval_loss` is a mean of the means of batches. For multi-label models each yes-or-no question is a row.

    The Trainer keeps the logits of the whole evaluation for this, unless ``batch_eval_metrics=True`` in
    TrainingArguments, which works as well and needs the memory of one batch.

    Raises:
        ValueError, while evaluating: predictions that are no logits, labels that do not fit them.

    Example:
        >>> import numpy as np
        >>> from types import SimpleNamespace
        >>> found = compute_metrics(compute_loss_func(0.1))(
        ...     SimpleNamespace(predictions=np.array([[2.0, 0.5, 0.3]]), label_ids=np.array([0])))
        >>> round(found["nll"], 4), round(found["smoothed_loss"], 4), found["rows"]
        (0.3406, 0.4473, 1)
    """
    from ._trainer_metrics import ComputeMetrics

    return ComputeMetrics(loss, bins)


@final
@dataclass(eq=False)
class ComputeLoss:
    """What :func:`compute_loss_func` returns: called as transformers' Trainer calls its `compute_loss_func`."""

    label_smoothing: float | Tensor | Scheme
    told: Told
    ignore_index: int
    options: dict[str, Any]
    reading: str | None = field(default=None, init=False)
    watched: Any = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        _check_options(self)

    def __call__(self, outputs: Any, labels: Tensor | None, num_items_in_batch: Tensor | int | None = None) -> Tensor:
        """Σ of the losses over `num_items_in_batch`, or over the labels of this batch where it is None.

        `outputs` is what the model returned, with logits (B, K) or (B, L, K); `labels` are class indices (B,) or
        (B, L), or floating and shaped like the logits.
        """
        if labels is None:
            raise ValueError(
                "the batch has no labels, and compute_loss_func nothing to compare the logits with; add a column named "
                "labels to the data set, or return it from the data collator"
            )
        training, trainer = torch.is_grad_enabled(), _trainer_that_calls(self)
        told = self.told if trainer is None else _with_trainer(self.told, trainer)
        logits = _heads.logits_of(outputs)
        self.reading = _heads.reading(outputs, logits, labels, told)
        labels = labels.to(logits.device)
        _place(self.label_smoothing, logits.device)
        if trainer is not None and training:
            _say(self.reading, told, type(trainer.model).__name__)
            _teach(self, trainer, logits, labels)
        smoothing = self.label_smoothing if training else 0.0
        # an accumulated batch without any label adds nothing; an evaluation batch without any has no mean
        more = {"empty": "zero" if training else "nan", "num_items": _one_count(num_items_in_batch)}
        return loss_of(self, self.reading, logits, labels, smoothing, more)

    @property
    def compute_metrics(self) -> ComputeMetrics:
        """For ``Trainer(compute_metrics=…)``: see :func:`compute_metrics`."""
        return compute_metrics(self)


def loss_of(
    asked: ComputeLoss, reading: str, logits: Tensor, labels: Tensor, smoothing: Any, more: dict[str, Any]
) -> Tensor:
    """The loss of these logits as they were read, reduced as `more` says."""
    _place(smoothing, logits.device)
    if reading == MULTI_LABEL:
        mask = labels != asked.ignore_index
        more = {**_chosen(asked.options, BINARY_OPTIONS), **more, "mask": mask, "label_smoothing": smoothing}
        return binary_cross_entropy_with_logits(logits, torch.where(mask, labels, 0), **_beside(logits, more))
    if labels.is_floating_point() and more.get("num_items") is not None:
        more["num_items"] = more["num_items"] / logits.shape[-1]  # the Trainer counted every class of a row
    if reading == SHIFTED:
        labels = _heads.next_labels(labels, asked.ignore_index)
    more = {**_chosen(asked.options, CLASS_OPTIONS), **more, "ignore_index": asked.ignore_index}
    return cross_entropy(logits, labels, class_dim=-1, label_smoothing=smoothing, **_beside(logits, more))


def _beside(logits: Tensor, options: dict[str, Any]) -> dict[str, Any]:
    """The options, their tensors on the device of the logits."""
    return {name: x.to(logits.device) if isinstance(x, Tensor) else x for name, x in options.items()}


def _place(smoothing: Any, device: torch.device) -> None:
    """Move a scheme's tables to the logits: it is in no model that the Trainer moves, and metrics are on the CPU."""
    if isinstance(smoothing, nn.Module):
        smoothing.to(device)


def _chosen(options: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    alien = [name for name in options if name not in names]
    if alien:
        raise TypeError(f"{alien[0]}= does not fit the labels of this model, which takes: {', '.join(names)}")
    return options


def _check_options(asked: ComputeLoss) -> None:
    known = {*CLASS_OPTIONS, *BINARY_OPTIONS}
    for name in asked.options:
        if name not in known:
            raise TypeError(f"compute_loss_func has no option {name!r}; there are: {', '.join(sorted(known))}")
    if set(asked.options) <= set(CLASS_OPTIONS):
        Options(ignore_index=asked.ignore_index, label_smoothing=asked.label_smoothing, **asked.options)
    else:
        BinaryOptions(label_smoothing=asked.label_smoothing, **_chosen(asked.options, BINARY_OPTIONS))  # type: ignore[arg-type]


def _one_count(count: Tensor | int | None) -> Tensor | int | None:
    """One number. Under nn.DataParallel the Trainer repeats it for each GPU and multiplies the loss by their number."""
    return count.sum() if isinstance(count, Tensor) and count.numel() > 1 else count


def _trainer_that_calls(asked: ComputeLoss) -> Any:
    """The Trainer whose loss this is: its contract passes neither the model nor the arguments. None without one."""
    frame = sys._getframe(2)
    for _ in range(FRAMES):
        found = frame.f_locals.get("self")
        if getattr(found, "compute_loss_func", None) is asked:
            return found
        if frame.f_back is None:
            break
        frame = frame.f_back
    return None


def _with_trainer(told: Told, trainer: Any) -> Told:
    """What the Trainer knows of its model, after a look at whether it smooths as well."""
    factor = getattr(trainer.args, "label_smoothing_factor", 0)
    if factor:
        raise ValueError(
            f"label_smoothing_factor={factor} in TrainingArguments and compute_loss_func smooth both, and the Trainer "
            "would use one of them in silence; take label_smoothing_factor out of TrainingArguments"
        )
    config = getattr(trainer.model, "config", None)
    problem_type = told.problem_type or getattr(config, "problem_type", None)
    if problem_type == "regression":
        raise ValueError(
            'problem_type="regression" has no classes to smooth over; leave compute_loss_func out of the Trainer'
        )
    loss_type = getattr(trainer.model, "loss_type", None)
    return told._replace(problem_type=problem_type, causal=_causal(trainer), loss_type=loss_type)


def _causal(trainer: Any) -> bool | None:
    """Whether the Trainer's model is a causal one; None where its kind does not say."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    kind, config = type(trainer.model).__name__, getattr(trainer.model, "config", None)
    if getattr(config, "is_encoder_decoder", False):
        return False
    if getattr(trainer, "_loss_shifts_labels", False) or kind in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values():
        return True
    return False if any(part in kind for part in ("ForMaskedLM", "ForTokenClassification")) else None


def _teach(asked: ComputeLoss, trainer: Any, logits: Tensor, labels: Tensor) -> None:
    """Show a scheme with a memory the batch, and have the Trainer tell it of steps and epochs."""
    scheme = asked.label_smoothing
    if not isinstance(scheme, Scheme) or not _trainer_memory.learns(scheme):
        return
    if asked.watched is None or asked.watched() is not trainer:
        _trainer_memory.follow(trainer, scheme)
        asked.watched = ref(trainer)
    _place(scheme, logits.device)
    rows, of_rows = _heads.flat(str(asked.reading), logits, labels, asked.ignore_index)
    if not of_rows.is_floating_point():
        scheme.observe(rows.detach(), torch.where(of_rows == asked.ignore_index, -100, of_rows))


def _say(reading: str, told: Told, model: str) -> None:
    """What was decided, where it could have been otherwise and nobody said it."""
    if reading in (SHIFTED, ALIGNED) and told.shift is None:
        way = "shift="
    elif reading == MULTI_LABEL and told.problem_type is None:
        way = "problem_type="
    else:
        return
    message = f"{model} is read as {_heads.READINGS[reading]}. Pass {way} to compute_loss_func to say it yourself"
    once(f"{model} is read as {reading}", message, TrainerNotice)
