"""The quick revision sheet: one printable page."""

from __future__ import annotations

from typing import Any

from ._facts import best_gap, floor, target, to_uniform
from ._text import fixed, listed
from .recording import final, recordings

AMOUNTS = (0.05, 0.1, 0.2)
CLASSES = (2, 3, 5, 10, 100, 1000)


def sheet() -> dict[str, Any]:
    """Formulas, tables and rules, with their numbers."""
    return {
        "formulas": _formulas(),
        "targets": [(k, listed(_short(k, "uniform")), listed(_short(k, "others"))) for k in (2, 3, 5)],
        "table": [(k, [(fixed(best_gap(k, e), 2), fixed(floor(k, e), 3)) for e in AMOUNTS]) for k in CLASSES],
        "amounts": AMOUNTS,
        "runs": [(name, *_effects(name)) for name in recordings()["runs"]],
        "rules": _RULES,
        "snippet": _SNIPPET,
    }


def _short(classes: int, convention: str) -> list[float]:
    return target(classes, 0.1, convention)


def _effects(run: str) -> tuple[str, str, str]:
    accuracy, ece, null, after = (_arrow(run, figure) for figure in ("accuracy", "ece", "ece_null", "nll_after"))
    return accuracy, f"{ece} ({null}; {recordings()['runs'][run]['rows']['test']})", after


def _arrow(run: str, figure: str) -> str:
    return f"{fixed(final(run, 'hard', figure))} → {fixed(final(run, 'smooth', figure))}"


def _formulas() -> list[tuple[str, str]]:
    return [
        ("target", "q = (1 − ε)·onehot + ε·r, with r uniform: 1/K each"),
        ("loss", "logsumexp(z) − ⟨q, z⟩ = hard + ε·(z_y − mean z)"),
        ("gradient", "softmax(z) − q"),
        ("floor", "entropy of q; cross-entropy = KL(q ‖ p) + floor"),
        ("best gap", "z_y − z_k = log(1 + K(1 − ε)/ε)"),
        ("conventions", f"ε uniform = ε others · K/(K − 1); K = 5: 0.1 others = {to_uniform(0.1, 5):g} uniform"),
        ("twice", "ε₁ then ε₂ = 1 − (1 − ε₁)(1 − ε₂)"),
        ("optimum", "p = (1 − ε)·truth + ε/K; undone by (p − ε/K)/(1 − ε)"),
    ]


_RULES = (
    "Confidence fell in every run here. Calibration improves only where confidence was too high.",
    "Rivals first: temperature scaling, early stopping, tuned weight decay.",
    "Watch the hard-label NLL; losses of different ε do not compare.",
    "ECE only with its sample size and null value; show the signed gap.",
    "Name the convention and K beside ε.",
    "Do not smooth what is soft already.",
    "Beware where the order or pattern of probabilities is used: ranking, sets, distillation.",
)

_SNIPPET = """from labelsmooth import CrossEntropyLoss

criterion = CrossEntropyLoss(label_smoothing=0.1)
loss = criterion(logits, labels)      # train with this
criterion.report(logits, labels).nll  # watch this"""
