"""Pitfalls: code that is wrong, what the library says to it, and the repair, all of it run."""

from __future__ import annotations

from dataclasses import dataclass

from ._code import Example, run

_SETUP = """
import torch
from labelsmooth import CrossEntropyLoss, smooth_labels
criterion = CrossEntropyLoss(label_smoothing=0.1)
logits = torch.tensor([[2.0, 0.5, 0.3], [0.1, 0.2, 3.0]])
"""


@dataclass(frozen=True)
class Pitfall:
    """What goes wrong, shown by code, and the repair."""

    title: str
    why: str
    wrong: Example
    repair: Example


def setup() -> str:
    """The lines that every example here starts with."""
    return _SETUP.strip()


def _pitfall(title: str, why: str, wrong: str, repair: str) -> Pitfall:
    return Pitfall(title, why, _shown(wrong), _shown(repair))


def _shown(code: str) -> Example:
    """The example without the setup above it, which is shown once."""
    done = run(_SETUP + code)
    return Example(code.strip(), done.output, done.failed)


def pitfalls() -> list[Pitfall]:
    """Each with its message and its repair."""
    return [*_targets(), *_amounts(), *_masks(), *_watching()]


def _targets() -> list[Pitfall]:
    return [
        _pitfall(
            "A column of labels",
            "Labels of shape (N, 1) come from tables and from `unsqueeze`. They must be (N,).",
            "criterion(logits, torch.tensor([[0], [2]]))",
            "print(criterion(logits, torch.tensor([[0], [2]]).squeeze(1)))",
        ),
        _pitfall(
            "Regression targets",
            "Prices, ages, scores: there are no classes to spread mass over.",
            "criterion(logits, torch.tensor([0.5, 1.7]))",
            "print(torch.nn.MSELoss()(logits[:, 0], torch.tensor([0.5, 1.7])))",
        ),
        _pitfall(
            "Smoothing what is soft already",
            "Targets softened in the data set, by mixup or by a teacher, and smoothed again by the loss.",
            "soft = smooth_labels([0, 2], 3, 0.1)\nprint(criterion(logits, soft))",
            "soft = smooth_labels([0, 2], 3, 0.1)\nprint(CrossEntropyLoss()(logits, soft))",
        ),
        _pitfall(
            "A loss that wants the other kind of target",
            "torch's `KLDivLoss` takes log-probabilities and probabilities, in this order, and never class indices.",
            "torch.nn.KLDivLoss(reduction='batchmean')(logits.log_softmax(1), torch.tensor([0, 2]))",
            "from labelsmooth import LabelSmoothingLoss\n"
            "print(LabelSmoothingLoss(smoothing=0.1)(logits, torch.tensor([0, 2])))",
        ),
        _pitfall(
            "The class dimension is elsewhere",
            "Text models give (N, length, K); the loss reads dimension 1 as the classes.",
            "tokens = torch.zeros(2, 5, 3)\ncriterion(tokens, torch.zeros(2, 5, dtype=torch.long))",
            "tokens = torch.zeros(2, 5, 3)\n"
            "print(CrossEntropyLoss(label_smoothing=0.1, class_dim=-1)(tokens, torch.zeros(2, 5, dtype=torch.long)))",
        ),
    ]


def _amounts() -> list[Pitfall]:
    return [
        _pitfall(
            "Ten per cent written as 10",
            "ε is a share of 1.",
            "CrossEntropyLoss(label_smoothing=10)",
            "print(CrossEntropyLoss(label_smoothing=0.10))",
        ),
        _pitfall(
            "ε far too large",
            "0.9 is allowed, so nothing is raised: the target of ten classes is then nearly uniform. Look at it.",
            "print(smooth_labels([0], 10, 0.9))",
            "print(smooth_labels([0], 10, 0.1))",
        ),
    ]


def _masks() -> list[Pitfall]:
    return [
        _pitfall(
            "Masked classes",
            "A class that is forbidden by a logit of −inf still gets its share of ε in torch, and the loss is "
            "infinite. "
            "labelsmooth gives mass to allowed classes only.",
            "logits[:, 1] = -torch.inf\n"
            "print(torch.nn.CrossEntropyLoss(label_smoothing=0.1)(logits, torch.tensor([0, 2])))",
            "logits[:, 1] = -torch.inf\nprint(criterion(logits, torch.tensor([0, 2])))",
        ),
        _pitfall(
            "Masks that are not −inf",
            "Some code masks with the lowest number of the dtype. It is finite, so ε times it counts.",
            "logits[:, 1] = torch.finfo(logits.dtype).min\nprint(criterion(logits, torch.tensor([0, 2])))",
            "logits[:, 1] = torch.finfo(logits.dtype).min\n"
            "allowed = torch.tensor([True, False, True])\n"
            "print(criterion(logits, torch.tensor([0, 2]), class_mask=allowed))",
        ),
    ]


def _watching() -> list[Pitfall]:
    return [
        _pitfall(
            "Comparing losses across ε",
            "The same predictions have a different loss for each ε, so early stopping, schedulers and tuners that "
            "watch "
            "it compare different things. Watch the hard-label loss.",
            "for amount in (0.0, 0.1, 0.3):\n"
            "    print(amount, CrossEntropyLoss(label_smoothing=amount)(logits, torch.tensor([0, 2])))",
            "for amount in (0.0, 0.1, 0.3):\n"
            "    report = CrossEntropyLoss(label_smoothing=amount).report(logits, torch.tensor([0, 2]))\n"
            "    print(f'{amount}  nll {report.nll:.4f}  floor {report.floor:.4f}  excess {report.excess:.4f}')",
        ),
        _pitfall(
            "`.eval()` does not switch smoothing off",
            "A loss is a module, but torch's smooths in both modes, and so does this one unless it is told.",
            "criterion.eval()\nprint(criterion(logits, torch.tensor([0, 2])))",
            "criterion = CrossEntropyLoss(label_smoothing=0.1, smooth_in_eval=False).eval()\n"
            "print(criterion(logits, torch.tensor([0, 2])))",
        ),
    ]
