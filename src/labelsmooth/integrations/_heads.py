"""What a transformers model predicts, told from its outputs, its labels and, where it is known, the model itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from torch import Tensor
from torch.nn import functional

from .. import _checks
from ._figures import yes_or_no

PROBLEM_TYPES = ("single_label_classification", "multi_label_classification")
SHIFTED, ALIGNED, ROWS, MULTI_LABEL = "shifted", "aligned", "rows", "multi-label"
UNALIGNED = ("ForCTC", "ParakeetForRNNT", "ParakeetForTDT")
READINGS = {
    SHIFTED: "causal language model: the logits at position i are scored against the label at i + 1",
    ALIGNED: "one label for each position, not shifted",
    ROWS: "one label for each row",
    MULTI_LABEL: "multi-label: K yes-or-no questions a row, the binary form of smoothing",
}


class Told(NamedTuple):
    """What is known beside outputs and labels.

    shift         whether labels are shifted, as the user said; None to find out
    problem_type  as the user or the model's configuration said; None to find out
    causal        whether the model is a causal one by its own kind; None where that is not known
    loss_type     how transformers calls the model's own loss
    """

    shift: bool | None = None
    problem_type: str | None = None
    causal: bool | None = None
    loss_type: str | None = None


def logits_of(outputs: Any) -> Tensor:
    """The logits of a model's outputs: by name, else the first that is not a loss."""
    if isinstance(outputs, Tensor):
        return outputs
    if isinstance(outputs, Mapping):
        found, have = outputs.get("logits"), f"the outputs hold {', '.join(map(str, outputs)) or 'nothing'}"
    else:
        parts = outputs if isinstance(outputs, (tuple, list)) else ()
        found = next((part for part in parts if isinstance(part, Tensor) and part.ndim >= 2), None)
        have = f"got {type(outputs).__name__}"
    if not isinstance(found, Tensor):
        raise ValueError(
            f"the model must return logits, one score for each class; {have}. Use a model with a classification or "
            "language-model head, or give the Trainer a loss of your own in place of compute_loss_func"
        )
    return found


def reading(outputs: Any, logits: Tensor, labels: Tensor, told: Told) -> str:
    """How labels and logits belong together: shifted, aligned, rows or multi-label."""
    if labels.is_floating_point() or told.problem_type == "multi_label_classification":
        return _soft_reading(logits, labels, told)
    if logits.ndim == 2 and labels.shape == logits.shape[:1]:
        return ROWS
    if logits.ndim == 3 and labels.shape == logits.shape[:2]:
        return SHIFTED if _shifts(outputs, told) else ALIGNED
    raise ValueError(_misfit(logits, labels))


def next_labels(labels: Tensor, ignore_index: int) -> Tensor:
    """Each position's label moved to the position that predicts it; the last position has none. The logits stay."""
    return functional.pad(labels[..., 1:], (0, 1), value=ignore_index)


def flat(reading: str, logits: Tensor, labels: Tensor, ignore_index: int) -> tuple[Tensor, Tensor]:
    """Rows of logits (n, K) and their labels (n,): positions become rows, a yes-or-no question a row of two classes."""
    if reading == MULTI_LABEL:
        return yes_or_no(logits), labels.reshape(-1)
    if reading == SHIFTED:
        labels = next_labels(labels, ignore_index)
    labels = labels.reshape(-1, logits.shape[-1]) if labels.is_floating_point() else labels.reshape(-1)
    return logits.reshape(-1, logits.shape[-1]), labels


def _soft_reading(logits: Tensor, labels: Tensor, told: Told) -> str:
    if labels.shape != logits.shape:
        if logits.shape[-1] == 1 and labels.is_floating_point():
            raise ValueError(
                f"logits {tuple(logits.shape)} with {labels.dtype} labels {tuple(labels.shape)} are a regression, "
                "which has no classes to smooth over; leave compute_loss_func out, or give integer labels"
            )
        raise ValueError(_misfit(logits, labels))
    if told.problem_type == "single_label_classification":
        return ROWS if logits.ndim == 2 else ALIGNED
    return MULTI_LABEL


def _shifts(outputs: Any, told: Told) -> bool:
    if told.shift is not None:
        return told.shift
    if told.loss_type in UNALIGNED:
        raise ValueError(
            f"a {told.loss_type} model has no label for each position, and aligns them in a loss of its own; leave "
            "compute_loss_func out of the Trainer"
        )
    kind = type(outputs).__name__
    shown = _shifts_by_name(kind)
    if shown is None:
        shown = told.causal
    if shown is None:
        raise ValueError(
            f"outputs of type {kind} do not say whether the model is causal; pass shift=True to compute_loss_func for "
            "a causal language model, whose labels are its inputs, or shift=False for labels that stand beside logits"
        )
    return shown


def _shifts_by_name(kind: str) -> bool | None:
    """Whether outputs of this name are a causal model's; None where the name does not say."""
    if "CausalLM" in kind:
        return True
    aligned = ("MaskedLM", "Seq2SeqLM", "TokenClassif", "ForPreTraining")
    return False if any(part in kind for part in aligned) else None


def _misfit(logits: Tensor, labels: Tensor) -> str:
    have, came = tuple(logits.shape), tuple(labels.shape)
    if came == (have[0], 1) and len(have) == 2:
        return f"labels have shape {came} where logits {have} need ({have[0]},); use labels.squeeze(1)"
    if came == have:
        return (
            f"labels have the logits' shape {have} but are {labels.dtype}; for K yes-or-no questions pass "
            'problem_type="multi_label_classification", for class probabilities make them floating point'
        )
    if len(have) == 2:
        return f"logits {have} are one row of {have[1]} classes each, and need labels ({have[0]},); got {came}"
    if len(have) == 3:
        return (
            f"logits {have} are {have[2]} classes at each of {have[1]} positions, and need labels {have[:2]}; got "
            f"{came}. Pad labels with -100 to the length of the inputs"
        )
    return f"logits must be (rows, classes) or (rows, positions, classes); got {have}, with labels {came}"


def checked_type(problem_type: str | None) -> str | None:
    """A problem type that smoothing has a form for."""
    return problem_type if problem_type is None else _checks.one_of(problem_type, PROBLEM_TYPES, "problem_type")
