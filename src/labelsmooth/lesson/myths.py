"""Myths, each with the measurement that settles it."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from ._facts import floor, gradient, see, with_gap
from ._items import Myth
from ._text import fixed, signed
from .recording import best, ece_pair, final, student, sweep


def myths() -> list[Myth]:
    """Each claim with what is so."""
    return [
        _calibration(),
        _raises_loss(),
        _vanishing(),
        _zero_loss(),
        _noise_rate(),
        _beats_temperature(),
        _accuracy(),
        _teacher(),
        _ranking(),
        _refused(),
    ]


def _calibration() -> Myth:
    shown = "; ".join(f"{name} {ece_pair(run)}" for name, run in _RUNS.items())
    return Myth(
        "Smoothing improves calibration.",
        "It lowers confidence. That is an improvement only where confidence was too high, and damage where it was not.",
        f"ECE at the end of training, hard → ε = 0.1, with its value for a calibrated model: {shown}.",
    )


_RUNS = {"clean digits": "digits", "noisy digits": "noisy", "mixture": "mixture", "text": "pydoc"}


def _raises_loss() -> Myth:
    up, down = [2.0, 0.5, 0.3], [-2.0, 5.0, 1.0]
    first = f"{fixed(see(up, 0.0).loss)} → {fixed(see(up, 0.2).loss)}"
    second = f"{fixed(see(down, 0.0).loss)} → {fixed(see(down, 0.2).loss)}"
    return Myth(
        "A smoothed loss is always higher.",
        "It is higher where the true logit is above the mean logit, and lower where it is below: on rows that are "
        "badly "
        "wrong smoothing *softens* the loss.",
        f"ε = 0.2: logits [2, 0.5, 0.3] give {first}, logits [−2, 5, 1] give {second} (first class true).",
    )


def _vanishing() -> Myth:
    sure = with_gap(10, 8.0)
    hard, smooth = gradient(sure, 0.0)[0], gradient(sure, 0.1)[0]
    return Myth(
        "Near one-hot predictions the smoothed gradient dies away.",
        "It is the hard gradient that does. The smoothed one has changed its sign there and pulls back.",
        f"K = 10, a lead of 8: gradient of the true logit {signed(hard, 4)} hard, {signed(smooth, 4)} with ε = 0.1.",
    )


def _zero_loss() -> Myth:
    return Myth(
        "A good fit has a loss near 0.",
        "The smoothed loss has a floor, the entropy of its target, and it grows with ε and with the number of classes.",
        "Floor at ε = 0.1: " + ", ".join(f"K = {k}: {fixed(floor(k, 0.1))}" for k in (2, 10, 100, 1000)) + ".",
    )


def _lowest(data: str) -> float:
    after = sweep(data, "nll_after")
    return min(after, key=after.__getitem__)


def _noise_rate() -> Myth:
    found = f"clean digits, no wrong labels: {_lowest('digits'):g}; digits with 40 % wrong labels: {_lowest('noisy'):g}"
    return Myth(
        "The best ε is the share of wrong labels.",
        "Smoothing by the noise rate describes the noise; it does not follow that it trains best. The best ε depends "
        "on data, model and how long one trains, so it is tuned like any other setting.",
        f"ε with the lowest test NLL after temperature, of 0 to 0.9, 30 epochs of digits, 50 of the mixture: {found} "
        f"(this once the myth holds); the mixture, whose classes truly overlap: {_lowest('mixture'):g}.",
    )


def _beats_temperature() -> Myth:
    hard, smooth = best("mixture", "hard", "nll_after"), best("mixture", "smooth", "nll_after")
    last = f"{fixed(final('mixture', 'hard', 'nll_after'))} against {fixed(final('mixture', 'smooth', 'nll_after'))}"
    return Myth(
        "An over-confident net needs smoothing.",
        "It may need one number after training (a temperature), or fewer epochs. Both are rivals in every comparison "
        "this library makes.",
        f"Mixture, NLL after temperature, hard against ε = 0.1: last epoch {last}; best epoch {fixed(hard)} against "
        f"{fixed(smooth)}.",
    )


def _accuracy() -> Myth:
    digits = f"{fixed(final('digits', 'hard', 'accuracy'))} → {fixed(final('digits', 'smooth', 'accuracy'))}"
    mixture = f"{fixed(final('mixture', 'hard', 'accuracy'))} → {fixed(final('mixture', 'smooth', 'accuracy'))}"
    return Myth(
        "Smoothing raises accuracy. (Or: it costs accuracy.)",
        "Both happen. It depends on the data and on what else holds the net back.",
        f"Accuracy at the end, hard → ε = 0.1: clean digits {digits}, mixture {mixture}.",
    )


def _teacher() -> Myth:
    few = f"{fixed(student('hard', 60, 4))} → {fixed(student('smooth', 60, 4))}"
    many = f"{fixed(student('hard', 300, 4))} → {fixed(student('smooth', 300, 4))}"
    return Myth(
        "A better teacher makes a better student.",
        "A smoothed teacher spreads its doubt evenly, so it says less about which classes resemble each other. Where a "
        "student has few rows, that is what it would have learned from.",
        f"Digits, students that see only the teacher's probabilities at T = 4; accuracy with a hard → a smoothed "
        f"teacher, who is the better one himself: 60 rows {few}; 300 rows {many}.",
    )


def _ranking() -> Myth:
    risk, sets = sweep("mixture", "excess_aurc"), sweep("mixture", "set_size")
    areas = " → ".join(fixed(risk[amount]) for amount in (0.0, 0.1, 0.4))
    sizes = " → ".join(fixed(sets[amount], 1) for amount in (0.0, 0.1, 0.4))
    return Myth(
        "Whatever it does to confidence, the order of the rows stays.",
        "Smoothing presses all confidences towards each other, and their order by risk can suffer: so can everything "
        "that relies on it, such as refusing the least sure rows, or sets of classes with a promised coverage.",
        f"Mixture, ε 0 → 0.1 → 0.4: excess area under the risk–coverage curve {areas} (0 is the best order for this "
        f"accuracy), conformal sets of 95 % hold {sizes} of 8 classes.",
    )


def _refused() -> Myth:
    logits, label = torch.tensor([[2.0, 0.5, 0.3]]), torch.tensor([0])
    plain = float(F.cross_entropy(logits, label))
    given = [float(F.cross_entropy(logits, label, label_smoothing=bad)) for bad in (-0.1, float("nan"))]
    return Myth(
        "A wrong ε raises an error.",
        "Not in `torch.nn.functional.cross_entropy`, as run here: a negative or NaN amount is silently no smoothing at "
        "all. labelsmooth refuses both when the loss is built.",
        f"torch {torch.__version__.partition('+')[0]}: ε = 0 gives {fixed(plain, 4)}, ε = −0.1 {fixed(given[0], 4)}, "
        f"ε = NaN {fixed(given[1], 4)}.",
    )
