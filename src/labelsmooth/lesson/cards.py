"""Flash cards, easy to hard; numbers in them are computed."""

from __future__ import annotations

from ._facts import best_gap, floor, focal_best, gradient, see, target, to_uniform, with_gap
from ._items import Card
from ._text import fixed, listed, signed
from .recording import final


def cards() -> list[Card]:
    """All cards, easy first."""
    return [*_easy(), *_medium(), *_hard()]


def _easy() -> list[Card]:
    pairs = {
        "What does label smoothing change?": "The target of the loss, and nothing else: a share ε of the label's "
        "probability is spread over the classes. Model, data and prediction stay as they are.",
        "The smoothed target, in one line": "q = (1 − ε)·onehot + ε·background. Uniform background: 1/K on every "
        "class.",
        "Uniform, K = 5, label 1, ε = 0.1": listed(target(5, 0.1, label=1)),
        "Others, K = 5, label 1, ε = 0.1": listed(target(5, 0.1, "others", 1)),
        "ε = 0 gives …": "plain cross-entropy. One-hot targets and class indices are then the same.",
        "A usual ε to start from": "0.1, where Szegedy et al. (2016) put it; try 0.05 and 0.2 beside it, and 0.",
        "Which way does mean confidence go?": "Down, in every run recorded here. For digits from "
        f"{fixed(final('digits', 'hard', 'confidence'))} to {fixed(final('digits', 'smooth', 'confidence'))}.",
        "What is calibration?": "Of the rows predicted with confidence 0.8, 80 in 100 are right. Then confidence can "
        "be "
        "read as a probability.",
        "What is the signed gap?": "Mean confidence minus accuracy. Above 0: over-confident. Below 0: under-confident.",
        "Shape of the labels for logits (N, K)": "(N,), whole numbers from 0 to K − 1; or probabilities (N, K).",
    }
    return [Card("easy", front, back) for front, back in pairs.items()]


def _medium() -> list[Card]:
    up, down = [2.0, 0.5, 0.3], [-2.0, 5.0, 1.0]
    pairs = {
        "Smoothed loss from the hard one": "hard + ε·(z_y − mean z), exactly. (For another background r: z_y − ⟨r, "
        "z⟩.)",
        "When does smoothing *lower* the loss of a row?": "When the true logit is below the mean logit. [−2, 5, 1], "
        "first "
        f"class true, ε = 0.2: {fixed(see(down, 0.0).loss)} → {fixed(see(down, 0.2).loss)}; [2, 0.5, 0.3]: "
        f"{fixed(see(up, 0.0).loss)} → {fixed(see(up, 0.2).loss)}.",
        "The gradient of the loss": "softmax − target, whatever the target. Its entries sum to 0.",
        "The best logit gap": f"log(1 + K(1 − ε)/ε). K = 10, ε = 0.1: {fixed(best_gap(10, 0.1), 2)}.",
        "The floor of the loss": "The entropy of the target. ε = 0.1: "
        + ", ".join(f"K = {k} {fixed(floor(k, 0.1), 2)}" for k in (2, 10, 1000))
        + ".",
        "From ε over the others to uniform ε": f"ε·K/(K − 1). K = 5: 0.1 → {fixed(to_uniform(0.1, 5))}; K = 2: "
        f"0.1 → {fixed(to_uniform(0.1, 2))}.",
        "Smoothing by ε₁, then by ε₂": "1 − (1 − ε₁)(1 − ε₂). Twice 0.1 is 0.19.",
        "Cross-entropy against the Kullback-Leibler form": "They differ by the entropy of the target, so KL has "
        "floor 0 "
        "and cross-entropy has not. Gradients are equal.",
        "Which loss to watch on validation?": "The hard-label NLL. The smoothed loss of two ε are two objectives.",
        "Temperature scaling": "Divide all logits by one number T, fitted on held-out rows after training. Decisions "
        "stay, "
        "confidence moves. The rival to beat.",
    }
    return [Card("medium", front, back) for front, back in pairs.items()]


def _hard() -> list[Card]:
    sure = with_gap(10, 8.0)
    pairs = {
        "Gradient of a sure, right row, hard and smoothed": "K = 10, lead 8: true logit "
        f"{signed(gradient(sure, 0.0)[0], 4)} hard, {signed(gradient(sure, 0.1)[0], 4)} with ε = 0.1. The hard one "
        "vanishes, the smoothed one pulls back.",
        "What does the population optimum look like?": "p = (1 − ε)·η + ε/K for the true probabilities η. Confidence "
        "is too "
        "low by ε·(max η − 1/K), and (p − ε/K)/(1 − ε) undoes it.",
        "Smoothing and symmetric label noise": "Noise of rate ρ has the expected target of smoothing by ρ·K/(K − 1). "
        "It "
        "does not follow that this ε trains best.",
        "Masked classes (logit −inf)": "In torch the smoothed loss is infinite. The mass has to go to allowed "
        "classes only.",
        "Class weights in torch, with smoothing": "They weigh the *entries of the target*, so they move the optimum: "
        "p_k ∝ "
        "w_k·q_k. A rare class overtakes a certain label at a ratio of 1 + K(1 − ε)/ε.",
        "Why can a smoothed teacher hurt a student?": "All wrong classes end up alike, so the teacher no longer says "
        "which "
        "classes resemble each other. That matters most where the student has little else.",
        "Why can ranking get worse?": "All confidences are pressed towards the same target, so their order holds more "
        "chance and less risk. Sets with promised coverage grow.",
        "Is focal loss a calibrated substitute?": "No. It is not a proper score: with a true probability of 0.8 and "
        "γ = 1 "
        f"its best prediction is {fixed(focal_best(0.8, 1.0), 2)}.",
        "An ECE of 0.03 on 1000 rows: bad?": "Perhaps nothing at all: a perfectly calibrated model scores about that "
        "by "
        "chance. Read an ECE beside its null value.",
        "What decides a comparison here?": "The difference in NLL after temperature, the best unsmoothed against the "
        "best "
        "smoothed setting, over several seeds, with an interval.",
    }
    return [Card("hard", front, back) for front, back in pairs.items()]
