"""What the replay shows: the recorded runs, with what to notice in each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ._facts import best_gap
from ._text import fixed
from .recording import best, ece_pair, final, recordings

TITLES = {
    "digits": "Digits, clean",
    "noisy": "Digits, 40 % wrong labels",
    "mixture": "Mixture, truth known",
    "pydoc": "Text, next character",
}


@dataclass(frozen=True)
class Told:
    """A run's title, its setting, and what to notice."""

    name: str
    title: str
    setting: str
    says: tuple[str, ...]


def data() -> dict[str, Any]:
    """The runs as the script reads them, each with the best gap of its number of classes."""
    held = recordings()
    return {
        name: {
            "epoch": run["epoch"],
            "methods": run["methods"],
            "best_gap": round(best_gap(run["classes"], held["amount"]), 4),
        }
        for name, run in held["runs"].items()
    }


def told() -> list[Told]:
    """The runs in order."""
    says = {"digits": _digits(), "noisy": _noisy(), "mixture": _mixture(), "pydoc": _pydoc()}
    return [Told(name, TITLES[name], _setting(run), says[name]) for name, run in recordings()["runs"].items()]


def source() -> dict[str, Any]:
    """The command and the versions that made the recordings."""
    held = recordings()
    return {"command": held["command"], "versions": ", ".join(f"{k} {v}" for k, v in held["versions"].items())}


def _setting(run: dict[str, Any]) -> str:
    settings, rows, seeds = run["settings"], run["rows"], len(run["seeds"])
    pooled = f"{seeds} seeds, bins pooled, figures averaged" if seeds > 1 else "one seed"
    return (
        f"{settings['model']}, {rows['train']} rows to train on, {rows['test']} to test, {run['classes']} classes, "
        f"batches of {settings['batch_size']}, AdamW at {settings['learning_rate']:g}, {pooled}"
    )


def _pair(run: str, figure: str) -> str:
    return f"{fixed(final(run, 'hard', figure))} → {fixed(final(run, 'smooth', figure))}"


def _digits() -> tuple[str, ...]:
    return (
        f"Accuracy {_pair('digits', 'accuracy')}, raw ECE {ece_pair('digits')}: better decisions, worse "
        "confidence. "
        "The hard net was calibrated already, so there was nothing to repair.",
        f"After a temperature NLL is {_pair('digits', 'nll_after')}.",
        f"The logit gap of the hard net keeps growing, to {fixed(final('digits', 'hard', 'gap'), 1)}; the smoothed one "
        f"settles at {fixed(final('digits', 'smooth', 'gap'), 2)}, theory {fixed(best_gap(10, 0.1), 2)}.",
    )


def _noisy() -> tuple[str, ...]:
    return (
        "Drag slowly: both nets are best around epoch 10, then learn the wrong labels by heart, and accuracy on clean "
        "test labels falls from "
        f"{fixed(best('noisy', 'hard', 'accuracy'))} to {fixed(final('noisy', 'hard', 'accuracy'))}.",
        "Early on both are *under*-confident, and smoothing makes ECE worse; late the hard net is over-confident, and "
        f"smoothing makes it better: {ece_pair('noisy')}. The sign of the gap decides.",
    )


def _mixture() -> tuple[str, ...]:
    return (
        "Classes overlap, so no model can be right every time, and the true probabilities are known. The hard net "
        f"ends sure ({fixed(final('mixture', 'hard', 'confidence'))}) and often wrong.",
        f"Smoothing takes raw ECE from {ece_pair('mixture')}, and accuracy {_pair('mixture', 'accuracy')}.",
        "Early stopping and a temperature do better than either end: NLL "
        f"{fixed(best('mixture', 'hard', 'nll_after'))} at "
        "the best epoch of the hard net.",
    )


def _pydoc() -> tuple[str, ...]:
    return (
        "A small transformer reads Python's documentation. The next character is often truly open, so gaps stay below "
        "what theory allows for labels that are certain.",
        f"At the end: accuracy {_pair('pydoc', 'accuracy')}, raw ECE {ece_pair('pydoc')}, NLL after temperature "
        f"{_pair('pydoc', 'nll_after')}.",
    )
