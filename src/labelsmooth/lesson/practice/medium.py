"""Medium questions: the identity of the loss, conventions, the optimum, what a loss does and does not do."""

from __future__ import annotations

import math

import torch

from ...losses import CrossEntropyLoss, smooth_labels
from .._facts import best_gap, floor, gradient, see, target, to_uniform, with_gap
from .._items import Option, Question, numbers
from .._text import fixed
from ..recording import best, final

_UP, _DOWN = [2.0, 0.5, 0.3], [-2.0, 5.0, 1.0]


def questions() -> list[Question]:
    """Eleven of them."""
    return [*_values(), *_optima(), *_behaviour()]


def _values() -> list[Question]:
    change = see(_DOWN, 0.2).loss - see(_DOWN, 0.0).loss
    return [
        Question(
            "Logits [2, 0.5, 0.3], the first class is true. The hard loss is 0.341. What is it with ε = 0.2?",
            numbers(lambda: see(_UP, 0.2).loss, "0.273", "0.341", "0.554", "0.741"),
            2,
            "The mean logit is 0.933; 0.341 + 0.2·(2 − 0.933) = 0.554.",
            "smoothed = hard + ε·(z_y − mean z).",
            "0.273 is (1 − ε) times the hard loss: that forgets the other classes' part.",
            "medium",
        ),
        Question(
            "Logits [−2, 5, 1], the first class is true, ε = 0.2. By how much does smoothing change the loss?",
            numbers(lambda: change, "−0.667", "0.000", "0.667", "1.400"),
            0,
            "The mean logit is 1.333, the true one −2: 0.2·(−2 − 1.333) = −0.667. Smoothing lowers this loss.",
            "Where is the true logit, seen from the mean?",
            "The sign. “Smoothing raises the loss” holds only above the mean logit.",
            "medium",
        ),
        Question(
            "A paper smooths over the *other* classes with ε = 0.1, K = 5. Which ε gives the same target in torch?",
            numbers(lambda: to_uniform(0.1, 5), "0.080", "0.100", "0.125", "0.500"),
            2,
            "ε·K/(K − 1) = 0.1·5/4. Both give 0.9 and four times 0.025.",
            "In torch each wrong class gets ε/K; here it gets 0.1/4.",
            "0.080 goes the other way: from torch to the others.",
            "medium",
        ),
        Question(
            "A data set is smoothed by 0.1, and the loss by 0.1 more. Which single ε is that?",
            numbers(_twice, "0.10", "0.19", "0.20", "0.01"),
            1,
            "What is left of the label is 0.9·0.9 = 0.81, so ε = 1 − 0.81 = 0.19.",
            "Which share of the label survives each time?",
            "0.20 adds the two; the second smoothing takes only a share of what the first left.",
            "medium",
        ),
    ]


def _twice() -> float:
    once = smooth_labels([0], 10, 0.1, dtype=torch.float64)
    mixed = 0.9 * once + 0.1 / 10
    return float(1 - (mixed[0, 0] - mixed[0, 1]))


def _optima() -> list[Question]:
    return [
        Question(
            "Ten classes. ε is halved from 0.1 to 0.05. What happens to the best logit gap?",
            (
                Option("it doubles", lambda: abs(best_gap(10, 0.05) / best_gap(10, 0.1) - 2) < 0.05),
                Option("it grows by about 0.74", lambda: abs(best_gap(10, 0.05) - best_gap(10, 0.1) - 0.74) < 0.005),
                Option("it stays", lambda: abs(best_gap(10, 0.05) - best_gap(10, 0.1)) < 0.05),
                Option("it halves", lambda: abs(best_gap(10, 0.05) / best_gap(10, 0.1) - 0.5) < 0.05),
            ),
            1,
            f"log(1 + K(1 − ε)/ε): from {fixed(best_gap(10, 0.1))} to {fixed(best_gap(10, 0.05))}. The gap grows with "
            "the logarithm of 1/ε.",
            "The gap is a logarithm of the ratio of two target entries.",
            "Gaps are logarithms: halving ε adds about log 2 to them, and a little more.",
            "medium",
        ),
        Question(
            "K = 10, ε = 0.1, and the true logit leads by 3. Where does descent move it?",
            (
                Option("up", lambda: gradient(with_gap(10, 3.0), 0.1)[0] < -1e-6),
                Option("down", lambda: gradient(with_gap(10, 3.0), 0.1)[0] > 1e-6),
                Option("it is at its best already", lambda: abs(gradient(with_gap(10, 3.0), 0.1)[0]) <= 1e-6),
            ),
            0,
            f"The best lead is {fixed(best_gap(10, 0.1), 2)}. Below it smoothing pushes up, as hard labels do; above "
            "it, "
            "down.",
            "Compare 3 with the best gap for K = 10, ε = 0.1.",
            "Smoothing does not always push confidence down: only beyond its target.",
            "medium",
        ),
        Question(
            "A language model with 50 000 tokens trains with ε = 0.1 and reports a loss of 3.00. How much of it can "
            "training still remove at most?",
            numbers(lambda: 3.0 - floor(50_000, 0.1), "3.00", "2.90", "2.50", "1.59"),
            3,
            f"The floor is {fixed(floor(50_000, 0.1), 3)} nats; the rest is excess. (Less still, where the next token "
            "cannot be known.)",
            "The floor is the entropy of the target, and it grows with K.",
            "2.50 uses the floor of ten classes.",
            "medium",
        ),
        Question(
            "Two classes, ε = 0.1, torch's convention. What is the best probability for the true class?",
            numbers(lambda: target(2, 0.1)[0], "0.90", "0.95", "0.99", "1.00"),
            1,
            "1 − 0.1 + 0.1/2.",
            "The best prediction equals the target.",
            "0.90 would be the others convention.",
            "medium",
        ),
    ]


def _behaviour() -> list[Question]:
    logits, labels = torch.tensor([_UP]), torch.tensor([0])
    criterion = CrossEntropyLoss(label_smoothing=0.1)
    trained, evaluated = float(criterion.train()(logits, labels)), float(criterion.eval()(logits, labels))
    nll = float(criterion.report(logits, labels).nll)
    return [
        Question(
            "You call `criterion.eval()` on a smoothed loss with default settings. What does it return now?",
            (
                Option("the hard-label loss", lambda: math.isclose(evaluated, nll) and evaluated != trained),
                Option("the smoothed loss, as before", lambda: evaluated == trained and evaluated != nll),
                Option("0", lambda: evaluated == 0),
            ),
            1,
            "As in torch. `smooth_in_eval=False` gives the hard-label loss after `.eval()`, and `report()` always "
            "has it "
            "as `nll`.",
            "Losses are modules, but this one has no dropout.",
            "So a validation loss computed with the training criterion is smoothed too.",
            "medium",
        ),
        Question(
            "Clean digits at the end of training, hard labels → ε = 0.1. What happened?",
            (
                Option("accuracy up, raw ECE down", lambda: _moved("accuracy") > 0 > _moved("ece")),
                Option("accuracy up, raw ECE up", lambda: _moved("accuracy") > 0 and _moved("ece") > 0),
                Option("accuracy down, raw ECE down", lambda: _moved("accuracy") < 0 and _moved("ece") < 0),
                Option("accuracy down, raw ECE up", lambda: _moved("accuracy") < 0 < _moved("ece")),
            ),
            1,
            "More rows right, and under-confident about them. After a temperature the smoothed net is better on both.",
            "Open the replay at “Digits, clean”, last epoch.",
            "Accuracy and calibration are different things, and move apart here.",
            "medium",
        ),
        Question(
            "The mixture, NLL after temperature, each model at its best epoch. Which is lower?",
            (
                Option("hard labels", lambda: _best_hard_leads() > 0.002),
                Option("ε = 0.1", lambda: _best_hard_leads() < -0.002),
                Option("neither, within 0.002 nats", lambda: abs(_best_hard_leads()) <= 0.002),
            ),
            0,
            "Early stopping and a temperature did what smoothing was meant to do, and kept what it costs. A single "
            "data "
            "set with these training settings: measure your own.",
            "Both lines of the NLL-after-temperature curve have their lowest point early.",
            "Looking at the last epoch only flatters whichever method overfits less.",
            "medium",
        ),
    ]


def _moved(figure: str) -> float:
    return final("digits", "smooth", figure) - final("digits", "hard", figure)


def _best_hard_leads() -> float:
    return best("mixture", "smooth", "nll_after") - best("mixture", "hard", "nll_after")
