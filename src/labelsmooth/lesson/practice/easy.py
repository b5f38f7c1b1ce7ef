"""Easy questions: targets, what ε means, what the loss takes."""

from __future__ import annotations

from collections.abc import Callable

import torch

from ...losses import CrossEntropyLoss
from .._facts import floor, gradient, see, target, with_gap
from .._items import Option, Question, numbers
from .._text import fixed
from ..recording import final, recordings

_ROW = [2.0, 0.5, 0.3]


def questions() -> list[Question]:
    """Eleven of them."""
    return [*_targets(), *_losses(), *_uses()]


def _targets() -> list[Question]:
    return [
        Question(
            "Four classes, ε = 0.2, torch's convention. Which probability does the true class keep?",
            numbers(lambda: target(4, 0.2)[0], "0.80", "0.85", "0.95", "0.05"),
            1,
            "1 − ε + ε/K = 1 − 0.2 + 0.2/4 = 0.85.",
            "The true class gets a share of the spread mass too.",
            "0.80 is the answer of the other convention, where the mass goes to the other classes only.",
        ),
        Question(
            "Five classes, ε = 0.1, spread over the *other* classes. What does each wrong class get?",
            numbers(lambda: target(5, 0.1, "others")[1], "0.020", "0.025", "0.100", "0.900"),
            1,
            "ε/(K − 1) = 0.1/4 = 0.025, and the true class keeps 0.9.",
            "How many other classes are there?",
            "0.020 divides by K: that is the uniform convention.",
        ),
        Question(
            "What do the entries of a smoothed target add up to?",
            numbers(lambda: sum(target(7, 0.3)), "1.0", "1.3", "0.7"),
            0,
            "Always 1: (1 − ε)·1 + ε·1. It is a mixture of two distributions.",
            "It is a probability distribution.",
            "The mass ε is moved, not added.",
        ),
        Question(
            "What is the target at ε = 1, torch's convention, five classes?",
            (
                Option("one-hot", lambda: target(5, 1.0)[0] == 1),
                Option("the same for every class", lambda: max(target(5, 1.0)) - min(target(5, 1.0)) < 1e-12),
                Option("all zeros", lambda: sum(target(5, 1.0)) == 0),
            ),
            1,
            "Nothing is left of the label: every class has 1/5.",
            "(1 − ε)·onehot + ε/K.",
            "ε = 1 is allowed, and useless: the label no longer matters.",
        ),
        Question(
            "Ten classes, torch's convention. Up to which ε is the label still the largest entry of its target?",
            (
                Option("ε < 0.1", lambda: _leads(0.09) and not _leads(0.2)),
                Option("ε < 0.5", lambda: _leads(0.49) and not _leads(0.6)),
                Option("any ε < 1", lambda: all(_leads(amount / 100) for amount in range(100))),
            ),
            2,
            "q_y − q_k = 1 − ε, above 0 for every ε below 1. (Over the others it is ε < 1 − 1/K.)",
            "Subtract a wrong class's entry from the true one's.",
            "0.5 would be the limit with two classes, if the mass went to the other one only.",
        ),
    ]


def _leads(amount: float) -> bool:
    q = target(10, amount)
    return q[0] > max(q[1:])


def _losses() -> list[Question]:
    plain = torch.nn.functional.cross_entropy(torch.tensor([_ROW], dtype=torch.float64), torch.tensor([0]))
    return [
        Question(
            "`CrossEntropyLoss(label_smoothing=0.0)` is …",
            (
                Option("an error", lambda: False),
                Option("plain cross-entropy", lambda: abs(see(_ROW, 0.0).loss - float(plain)) < 1e-12),
                Option("always 0", lambda: see(_ROW, 0.0).loss == 0),
            ),
            1,
            "With ε = 0 the target is one-hot.",
            "Put ε = 0 into (1 − ε)·onehot + ε/K.",
        ),
        Question(
            "Four equal logits, hard labels. What is the gradient of the true class's logit?",
            numbers(lambda: gradient([0.0] * 4, 0.0)[0], "−1.00", "−0.75", "0.25", "0.75"),
            1,
            "p − q = 0.25 − 1.",
            "The gradient is prediction minus target.",
            "The sign: descent *subtracts* the gradient, so a negative one raises the logit.",
        ),
        Question(
            "Ten classes, ε = 0.1. What is the lowest value that the loss can take?",
            numbers(lambda: floor(10, 0.1), "0.000", "0.100", "0.500", "2.303"),
            2,
            f"The entropy of the target, {fixed(floor(10, 0.1), 4)} nats.",
            "The best prediction is the target itself. What is the loss then?",
            "0 is the floor of hard labels, and of the Kullback-Leibler form.",
        ),
        Question(
            "A confident, right row: the true logit leads by 6, K = 10. Which loss is larger?",
            (
                Option("hard", lambda: see(with_gap(10, 6.0), 0.0).loss > see(with_gap(10, 6.0), 0.1).loss),
                Option(
                    "smoothed, ε = 0.1", lambda: see(with_gap(10, 6.0), 0.1).loss > see(with_gap(10, 6.0), 0.0).loss
                ),
                Option("they are equal", lambda: see(with_gap(10, 6.0), 0.1).loss == see(with_gap(10, 6.0), 0.0).loss),
            ),
            1,
            "The pull ε·(z_y − mean z) is positive here: a lead is fined.",
            "Is the true logit above or below the mean logit?",
        ),
    ]


def _uses() -> list[Question]:
    return [
        Question(
            "In the four recorded pairs of trainings: what did ε = 0.1 do to mean confidence on held-out rows?",
            (
                Option("lowered it in all four", lambda: _falls() == 4),
                Option("lowered it in some, raised it in others", lambda: 0 < _falls() < 4),
                Option("raised it in all four", lambda: _falls() == 0),
            ),
            0,
            "Lower confidence is the one effect that never failed to show. Whether it is *good* is another question.",
            "Look at the confidence curves of the replay.",
            "Lower confidence is not the same as better calibration.",
        ),
        Question(
            "Logits have shape (32, 10). Which shape must class indices have?",
            (
                Option("(32, 1)", _takes(32, 1)),
                Option("(32,)", _takes(32)),
                Option("(10,)", _takes(10)),
                Option("(1, 32)", _takes(1, 32)),
            ),
            1,
            "One index a row. A column (32, 1) is refused, with the repair: `squeeze(1)`.",
            "One label for each row, no class dimension.",
            "(32, 1) is what tables often give.",
        ),
    ]


def _falls() -> int:
    runs = recordings()["runs"]
    return sum(final(run, "smooth", "confidence") < final(run, "hard", "confidence") for run in runs)


def _takes(*shape: int) -> Callable[[], bool]:
    def tried() -> bool:
        try:
            CrossEntropyLoss(label_smoothing=0.1)(torch.zeros(32, 10), torch.zeros(shape, dtype=torch.long))
        except ValueError:
            return False
        return True

    return tried
