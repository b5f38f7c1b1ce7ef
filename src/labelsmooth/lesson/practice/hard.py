"""Hard questions: population optima, masks, weights, scores that are not proper, teachers."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...calibration import accuracy, ece_null
from ...losses import cross_entropy
from .._facts import focal_best, see, target
from .._items import Option, Question, numbers
from .._text import fixed
from ..recording import student, sweep


def questions() -> list[Question]:
    """Eleven of them."""
    return [*_populations(), *_torch(), *_scores(), *_consequences()]


def _optimum(truth: list[float], amount: float) -> Tensor:
    """The best prediction for rows whose labels are drawn from `truth`: where the expected gradient is 0."""
    k = len(truth)
    soft = [target(k, amount, label=y) for y in range(k)]
    return torch.tensor([sum(truth[y] * soft[y][j] for y in range(k)) for j in range(k)], dtype=torch.float64)


def _populations() -> list[Question]:
    return [
        Question(
            "Rows of one kind belong to class A in 70 of 100 cases (K = 4). A model trained to the end with ε = 0.2 "
            "says?",
            numbers(lambda: float(_optimum([0.7, 0.1, 0.1, 0.1], 0.2)[0]), "0.56", "0.61", "0.70", "0.85"),
            1,
            "(1 − ε)·0.7 + ε/K = 0.56 + 0.05. Its confidence is 0.09 below the truth: ε·(0.7 − 1/K).",
            "Smooth the true probabilities instead of a label.",
            "0.85 is the target of a certain label; here labels disagree.",
            "hard",
        ),
        Question(
            "A model trained to the end with ε = 0.1 on ten classes says 0.46. Which true probability stands behind "
            "it?",
            numbers(lambda: _undone(0.46), "0.46", "0.50", "0.51", "0.56"),
            1,
            "(p − ε/K)/(1 − ε) = (0.46 − 0.01)/0.9.",
            "Invert (1 − ε)·η + ε/K.",
            "0.51 forgets the share ε/K that the class was given.",
            "hard",
        ),
        Question(
            "Ten classes; 9 of 100 labels are wrong, any wrong class being as likely. Averaged over the noise, the "
            "one-hot target is the smoothed target of which uniform ε?",
            numbers(lambda: 10 * target(10, 0.09, "others")[1], "0.081", "0.090", "0.100", "0.900"),
            2,
            "Noise of rate ρ is smoothing over the others by ρ, so uniform by ρ·K/(K − 1).",
            "Which convention gives nothing to the true class?",
            "0.090 would let the noise hit the true class too.",
            "hard",
        ),
    ]


def _undone(p: float) -> float:
    """The true probability whose optimum is p: the optimum is linear in it, so two of them tell."""
    nothing, everything = (float(_optimum([eta] + [(1 - eta) / 9] * 9, 0.1)[0]) for eta in (0.0, 1.0))
    return (p - nothing) / (everything - nothing)


def _torch() -> list[Question]:
    return [
        Question(
            "One of three classes is masked by a logit of −inf, ε = 0.1. What do the two losses give?",
            (
                Option("both infinite", lambda: _masked() == (False, False)),
                Option("torch finite, labelsmooth infinite", lambda: _masked() == (True, False)),
                Option("torch infinite, labelsmooth finite", lambda: _masked() == (False, True)),
                Option("both finite", lambda: _masked() == (True, True)),
            ),
            2,
            "torch gives the masked class a share of ε, and ε/K·∞ is infinite. labelsmooth spreads over allowed "
            "classes.",
            "Which classes get mass?",
            "Masking and smoothing are both common, which is why this is met in practice.",
            "hard",
        ),
        Question(
            "torch, ten classes, ε = 0.1, class weights. From which weight ratio on does a rare class overtake the "
            "true "
            "one in the *optimum* of a row that is certain?",
            (
                Option("never", lambda: not _overtakes(1e6)),
                Option("about 10", lambda: _overtakes(11.0)),
                Option("about 91", lambda: _overtakes(92.0) and not _overtakes(90.0)),
                Option("about 1000", lambda: _overtakes(1100.0) and not _overtakes(900.0)),
            ),
            2,
            "torch multiplies each entry of the target by the class weight: the optimum is ∝ (1 − ε + ε/K)·w_y for the "
            "label and (ε/K)·w_r for class r. They meet at 1 + K(1 − ε)/ε = 91.",
            "torch weighs the entries of the target, not the rows.",
            'Weights that act on rows would never move a row\'s optimum: `weight_mode="sample"` does that.',
            "hard",
        ),
    ]


def _masked() -> tuple[bool, bool]:
    logits, label = torch.tensor([[2.0, 0.5, -torch.inf]]), torch.tensor([0])
    theirs = F.cross_entropy(logits, label, label_smoothing=0.1)
    return math.isfinite(theirs), math.isfinite(cross_entropy(logits, label, label_smoothing=0.1))


def _overtakes(ratio: float) -> bool:
    """Whether torch pulls class 1 up more than the label 0, starting from equal logits."""
    weight = torch.ones(10, dtype=torch.float64)
    weight[1] = ratio
    z = torch.zeros(1, 10, dtype=torch.float64, requires_grad=True)
    F.cross_entropy(z, torch.tensor([0]), weight=weight, label_smoothing=0.1, reduction="sum").backward()
    return z.grad is not None and bool(z.grad[0, 1] < z.grad[0, 0])


def _scores() -> list[Question]:
    return [
        Question(
            "Two classes, the true probability is 0.80. Which probability minimises the expected *focal* loss, γ = 3?",
            numbers(lambda: focal_best(0.8, 3.0), "0.59", "0.69", "0.80", "0.95"),
            0,
            f"Focal loss is not a proper score. At γ = 1 it is {fixed(focal_best(0.8, 1.0), 2)}.",
            "Would a proper score let you say anything but 0.8?",
            "Under-confidence of focal loss can look like good calibration on an over-confident net.",
            "hard",
        ),
        Question(
            "A perfectly calibrated model, 1000 rows, confidences spread evenly over 0.5 to 1, 15 bins. Its ECE is "
            "about …",
            numbers(_null, "0.000", "0.003", "0.028", "0.150", tolerance=0.002),
            2,
            "Each bin's accuracy is off by chance, and ECE adds up the absolute values. So an ECE is read beside its "
            "null.",
            "How far is the accuracy of about 130 rows from its expectation, usually?",
            "An ECE of 0.03 on 1000 rows is no evidence of miscalibration.",
            "hard",
        ),
        Question(
            "Which of these can change a trained model's accuracy?",
            (
                Option("dividing its logits by a temperature of 2", lambda: _accuracy_moves("temperature")),
                Option("undoing the smoothing of its probabilities", lambda: _accuracy_moves("undo")),
                Option("neither", lambda: not _accuracy_moves("temperature") and not _accuracy_moves("undo")),
            ),
            2,
            "Both keep the order of the classes in every row. They move confidence only.",
            "What happens to the largest entry of a row?",
            "They can change the order *of rows* by confidence, and with it ranking.",
            "hard",
        ),
    ]


def _null() -> float:
    sure = np.linspace(0.5, 1.0, 1002)[1:-1]
    return ece_null(np.zeros(1000, dtype=int), probs=np.stack([sure, 1 - sure], axis=1)).null_mean


def _accuracy_moves(how: str) -> bool:
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(500, 5)), rng.integers(0, 5, 500)
    p = torch.tensor(logits).softmax(1).numpy()
    changed = torch.tensor(logits / 2).softmax(1).numpy() if how == "temperature" else (p - 0.001 / 5) / (1 - 0.001)
    top = changed.argmax(axis=1)
    return bool((top == labels).mean() != accuracy(labels, logits=logits))


def _consequences() -> list[Question]:
    return [
        Question(
            "The recorded distillation at T = 4: whose student is the more accurate one?",
            (
                Option("the smoothed teacher's, with 60 and with 300 rows", lambda: _students() == (True, True)),
                Option("the hard teacher's, with 60 and with 300 rows", lambda: _students() == (False, False)),
                Option("the hard teacher's with 60, the smoothed one's with 300", lambda: _students() == (False, True)),
                Option("the smoothed teacher's with 60, the hard one's with 300", lambda: _students() == (True, False)),
            ),
            2,
            "With few rows the pattern of doubt among wrong classes is most of what there is to learn, and smoothing "
            "flattens it. With more rows the better teacher wins. One data set, one net: a warning, not a law.",
            "What can a student learn from a wrong class's probability?",
            "“Never distil from a smoothed teacher” is as much too strong as its opposite.",
            "hard",
        ),
        Question(
            "A well-calibrated model is retrained with ε = 0.1, K = 10; its mean top probability was 0.97. To first "
            "order, "
            "what will its signed gap (confidence − accuracy) be, at equal accuracy?",
            numbers(lambda: 0.9 * 0.97 + 0.01 - 0.97, "−0.100", "−0.087", "0.000", "0.087"),
            1,
            "−ε·(mean top − 1/K) = −0.1·(0.97 − 0.1).",
            "Each confidence c becomes (1 − ε)·c + ε/K.",
            "−0.100 forgets the share that the top class gets back.",
            "hard",
        ),
        Question(
            "Conformal sets of 95 % on the mixture, ε from 0 to 0.4. What happens to their mean size?",
            (
                Option("it falls", lambda: _sizes()[0] > 1.1 * _sizes()[1]),
                Option("it stays within 10 %", lambda: 0.9 < _sizes()[1] / _sizes()[0] < 1.1),
                Option("it grows by more than half", lambda: _sizes()[1] > 1.5 * _sizes()[0]),
            ),
            2,
            "Coverage is promised whatever the model, so what smoothing loses in ranking is paid in size.",
            "Coverage is fixed. What is left to move?",
            "Equal coverage does not mean equal usefulness.",
            "hard",
        ),
        Question(
            "Same predictions, trained with ε = 0.1 and watched with ε = 0, 0.1 and 0.3. Which number stays the same?",
            (
                Option("the loss", lambda: _same(0)),
                Option("the hard-label NLL", lambda: _same(1)),
                Option("the floor", lambda: _same(2)),
                Option("the excess over the floor", lambda: _same(3)),
            ),
            1,
            "It does not know ε. That is why it decides, here and in `labelsmooth compare`.",
            "Which of the four has no ε in it?",
            "The excess tells how far training is from *its own* optimum, so it is comparable but not the same.",
            "hard",
        ),
    ]


def _students() -> tuple[bool, bool]:
    few, many = (student("smooth", rows, 4) > student("hard", rows, 4) for rows in (60, 300))
    return few, many


def _sizes() -> tuple[float, float]:
    sizes = sweep("mixture", "set_size")
    return sizes[0.0], sizes[0.4]


def _same(place: int) -> bool:
    return len({round(see([2.0, 0.5, 0.3], amount)[place], 9) for amount in (0.0, 0.1, 0.3)}) == 1
