"""Open recall: explain in your own words, then tick the concepts that were there."""

from __future__ import annotations

from ._items import Prompt


def prompts() -> list[Prompt]:
    """What to explain, easy first."""
    return [
        Prompt(
            "Explain label smoothing to someone who knows cross-entropy, in five sentences.",
            (
                "a share ε of the target moves from the label to the classes",
                "which classes get it: all of them, or the others only",
                "the best logits become finite",
                "confidence falls",
                "the model, and how it predicts, stay the same",
            ),
        ),
        Prompt(
            "Explain why a training loss of 0.5 can be a perfect fit.",
            (
                "the smoothed loss is cross-entropy against a soft target",
                "its least value is the entropy of that target",
                "the floor grows with ε and with the number of classes",
                "excess over the floor, or the hard-label loss, compares across ε",
            ),
        ),
        Prompt(
            "Explain the loss as hard cross-entropy plus one more term, and what that term does.",
            (
                "hard + ε·(z_y − mean z)",
                "it is exact and linear in ε",
                "a true logit above the mean is fined",
                "a true logit below the mean gets a discount, so the loss can be lower",
            ),
        ),
        Prompt(
            "Explain when smoothing helps calibration and when it hurts.",
            (
                "it lowered confidence in every recorded run",
                "the sign of confidence − accuracy before smoothing decides",
                "an over-confident model can gain, a calibrated one loses",
                "temperature scaling moves confidence too, without touching decisions",
                "an ECE needs its sample size and its null value",
            ),
        ),
        Prompt(
            "Explain what smoothing throws away, and who misses it.",
            (
                "the differences among wrong classes are flattened",
                "students of a smoothed teacher, when they have few rows",
                "ranking by confidence, refusing rows, conformal sets",
                "fine distinctions when ε is large",
            ),
        ),
        Prompt(
            "A colleague reports “ε = 0.1 helped”. Which questions do you ask?",
            (
                "which convention, how many classes",
                "helped what: accuracy, NLL, ECE; before or after temperature",
                "compared with which baseline: early stopping, temperature, tuned weight decay",
                "how many seeds, how many rows, which interval",
                "was the validation loss the hard-label one",
            ),
        ),
    ]
