"""Around the idea: what is needed first, why it was designed so, what it is related to, how it is used."""

from __future__ import annotations

from dataclasses import dataclass

from ._facts import best_gap, target
from ._text import fixed
from .recording import final


@dataclass(frozen=True)
class Note:
    """A title and a few short paragraphs."""

    title: str
    says: tuple[str, ...]


def prerequisites() -> list[str]:
    """What a reader should have met before."""
    return [
        "**Logits and softmax**: a net gives one number a class, softmax turns them into probabilities.",
        "**Cross-entropy**: minus the logarithm of the probability given to the label, averaged over rows.",
        "**Gradient descent**: each step moves the logits against the gradient of the loss.",
    ]


def notes() -> list[Note]:
    """Design, connections, production, expert notes."""
    return [_design(), _connections(), _grading(), _production(), _expert()]


def _design() -> Note:
    return Note(
        "Why it was designed so",
        (
            "Szegedy et al. (2016) saw that cross-entropy on one-hot labels pays for ever larger logits on rows that "
            "are already right, and wanted a model that stays able to change its mind. A mixture with the uniform "
            "distribution is the simplest target with a finite best answer.",
            "It costs one number, ε, and needs no change to model or prediction. A fixed background needs no "
            "knowledge of "
            "the classes; where there is some (a hierarchy, an order, known confusions) the background can say it: see "
            "the schemes `Prior`, `ClassMatrix`, `Ordinal`, `Online`.",
        ),
    )


def _connections() -> Note:
    return Note(
        "Connections: regularisation and calibration",
        (
            "smoothed = (1 − ε)·cross-entropy + ε·KL(uniform ‖ p) + a constant: a penalty on predictions far from "
            "uniform. "
            "The confidence penalty of Pereyra et al. (2017) uses the other direction, KL(p ‖ uniform).",
            "Weight decay and dropout hold the *weights* back, early stopping the *time*; smoothing bounds what the "
            f"*outputs* have to gain: a lead of {fixed(best_gap(10, 0.1), 2)} for ten classes at ε = 0.1. They add "
            "up, so "
            "they are compared together, not one at a time.",
            "A temperature divides all logits after training; smoothing acts during training, on features as well. "
            "That is "
            "why it can change accuracy, for better or worse, and a temperature cannot.",
        ),
    )


def _grading() -> Note:
    return Note(
        "Connection: how people grade",
        (
            "A teacher who marks an essay “A, and nothing else is thinkable” is like a hard label. Two graders who "
            "agree in "
            "nine cases of ten are better described by 0.9 and a little for the neighbours. Uniform smoothing is a "
            "crude "
            "version of that: it gives an F the same share as a B. With several graders, use their votes as "
            "probabilities; with ordered grades, `Ordinal`.",
        ),
    )


def _production() -> Note:
    return Note(
        "In production",
        (
            "Start with hard labels, temperature scaling and early stopping. Add ε = 0.05, 0.1, 0.2 as settings beside "
            "weight decay and dropout, over several seeds. Decide by hard-label NLL after temperature: "
            "`labelsmooth compare` does this and says so when the answer is open.",
            "Log the hard-label NLL and `report(…)` in training; smooth in training only; write the convention into "
            "the "
            "model card (“uniform, ε = 0.1, K = 1000”).",
            "Think twice where probabilities are used downstream: thresholds, ranking, refusing, conformal sets, "
            "distillation, ensembles with unsmoothed models. Refit thresholds after any change of ε.",
        ),
    )


def _expert() -> Note:
    gain = final("digits", "hard", "nll_after") - final("digits", "smooth", "nll_after")
    return Note(
        "Expert notes",
        (
            "One equation covers every scheme: q = a·onehot + b·background + c·given, loss = logsumexp(z) − ⟨q, z⟩, "
            "gradient "
            "= p − q. So smoothing can ride on any head (chunked, sharded): it needs the mean logit and nothing else.",
            "Raw calibration and what can be had after a temperature are different questions. Digits: raw ECE rose, "
            "and NLL "
            f"after temperature fell by {fixed(gain)} nats.",
            "In half precision, Σ log p over many classes overflows 65 504; accumulate in float32. And a label's "
            "gradient p_y − "
            "q_y cancels near q_y; compute it from the others.",
            f"With K = 2 the conventions differ most: ε = 0.1 leaves the label {fixed(target(2, 0.1)[0], 2)} "
            "(uniform) or "
            f"{fixed(target(2, 0.1, 'others')[0], 2)} (others).",
        ),
    )
