"""Where popular tutorials are wrong: what is often written, and what a line of code shows."""

from __future__ import annotations

from dataclasses import dataclass

from ._code import Example, run


@dataclass(frozen=True)
class Correction:
    """What is written, what is so, and the code that shows it."""

    written: str
    so: str
    example: Example


def _correction(written: str, so: str, code: str) -> Correction:
    return Correction(written, so, run(code))


def corrections() -> list[Correction]:
    """The corrections, most frequent first."""
    return [*_about_torch(), *_about_claims()]


def _about_torch() -> list[Correction]:
    return [
        _correction(
            "“torch gives the true class 1 − ε and spreads ε over the other classes.”",
            "torch spreads ε over all K classes, the true one included: it keeps 1 − ε + ε/K.",
            """
            import torch

            z = torch.zeros(1, 3, requires_grad=True)
            torch.nn.CrossEntropyLoss(label_smoothing=0.1)(z, torch.tensor([0])).backward()
            print("target", z.softmax(1).detach() - z.grad)      # gradient = softmax − target
            """,
        ),
        _correction(
            "“`nn.CrossEntropyLoss` takes class indices only, so soft targets need `KLDivLoss`.”",
            "It has taken class probabilities since torch 1.10.",
            """
            import torch

            soft = torch.tensor([[0.9, 0.05, 0.05]])
            print(torch.nn.CrossEntropyLoss()(torch.tensor([[2.0, 0.5, 0.3]]), soft))
            """,
        ),
        _correction(
            "“An invalid ε raises an error.”",
            "The functional form checks nothing below 0; a negative or NaN amount is ignored.",
            """
            import torch
            import torch.nn.functional as F

            z, y = torch.tensor([[2.0, 0.5, 0.3]]), torch.tensor([0])
            print(F.cross_entropy(z, y), F.cross_entropy(z, y, label_smoothing=-0.1))
            """,
        ),
    ]


def _about_claims() -> list[Correction]:
    return [
        _correction(
            "“The Kullback-Leibler form and cross-entropy with smoothing are the same loss.”",
            "Their gradients are the same. Their values differ by the entropy of the target, so KL can reach 0.",
            """
            import torch
            from labelsmooth import CrossEntropyLoss, LabelSmoothingLoss

            z, y = torch.tensor([[2.0, 0.5, 0.3]]), torch.tensor([0])
            ce = CrossEntropyLoss(label_smoothing=0.1).report(z, y)
            print(f"cross-entropy {ce.loss:.4f}, of which the floor is {ce.floor:.4f}, the rest {ce.excess:.4f}")
            print(f"KL form       {LabelSmoothingLoss(smoothing=0.1)(z, y):.4f}")
            """,
        ),
        _correction(
            "“For calibrated probabilities use focal loss instead.”",
            "Focal loss is not a proper score: its best prediction is not the true probability.",
            """
            import torch
            from labelsmooth.rivals import FocalLoss

            p = torch.linspace(0.001, 0.999, 999, dtype=torch.float64)
            logits = torch.stack([p.log(), (1 - p).log()], dim=1)
            for gamma in (0.0, 1.0, 3.0):          # the true probability is 0.8
                focal = FocalLoss(gamma, reduction="none")
                expected = 0.8 * focal(logits, torch.zeros(999).long()) + 0.2 * focal(logits, torch.ones(999).long())
                print(f"gamma {gamma:.0f}: the best prediction is {p[expected.argmin()]:.3f}")
            """,
        ),
    ]
