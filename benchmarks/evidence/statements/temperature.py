"""Temperature and the best epoch do what smoothing is credited with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labelsmooth.training import Settings

from ..claims import Claim, Measured
from ..pictures import HARD, SMOOTH, dots
from ..trials import digits, figures, gaussians, smoothed, trained

TITLE = "Temperature scaling and the best epoch as rivals"
ASKED = "Where hard labels are over-confident, do temperature scaling and the best epoch do the same job?"
SETTING = (
    "Perceptrons, hard labels against uniform ε = 0.1; temperature from validation, the best epoch is the one with "
    "the "
    "lowest validation NLL after temperature. *Mixture*: 300 rows of the Gaussian mixture. *Noisy digits*: 320 rows, "
    "40 % of them with a wrong label."
)
AMOUNT, SLACK = 0.1, 0.01


def measure(seeds: Sequence[int], small: bool = False, amount: float = AMOUNT) -> Measured:
    """Every checkpoint, before and after temperature."""
    found = {kind: [_seed(kind, seed, small, amount) for seed in seeds] for kind in ("mixture", "noisy digits")}
    rows = {
        f"{kind}: {name}": [[seed[name][column] for seed in per_seed] for column in ("accuracy", "ece", "nll")]
        for kind, per_seed in found.items()
        for name in per_seed[0]
    }
    mixed, noisy = found["mixture"], found["noisy digits"]
    claims = [
        _less(mixed, "ece", "hard, last, T", "hard, last", "temperature lowers the ECE of hard labels"),
        _less(mixed, "ece", "hard, last, T", "smooth, last",
              f"the ECE of hard labels with temperature is at most {SLACK} above that of smoothing without", SLACK),
        _less(mixed, "nll", "hard, best, T", "smooth, last, T",
              "hard labels at their best epoch have a lower NLL than smoothing at its last, both after temperature"),
        *(_less(noisy, "nll", f"{name}, best, T", f"{name}, last, T",
                f"with wrong labels the best epoch has a lower NLL than the last ({name})")
          for name in ("hard", "smooth")),
    ]  # fmt: skip
    return Measured(("accuracy", "ECE", "NLL"), rows, claims, lambda figure: _draw(figure, rows))


def _seed(kind: str, seed: int, small: bool, amount: float) -> dict[str, dict[str, float]]:
    data = gaussians(seed, (300, 300, 600)) if kind == "mixture" else digits(seed, 320, label_noise=0.4)
    settings = Settings("mlp", 2 if small else 20, 32, 2e-3)
    found = {}
    for name, value in (("hard", 0.0), ("smooth", amount)):
        predictions = trained(data, smoothed(value), settings, seed).predictions
        for checkpoint in ("last", "best"):
            found[f"{name}, {checkpoint}"] = figures(predictions[checkpoint])
            found[f"{name}, {checkpoint}, T"] = figures(predictions[checkpoint], after=True)
    return found


def _less(
    found: list[dict[str, dict[str, float]]], figure: str, less: str, more: str, text: str, slack: float = 0.0
) -> Claim:
    return Claim(text, [seed[more][figure] - seed[less][figure] + slack for seed in found])


def _draw(figure: Any, rows: dict[str, list[list[float]]]) -> None:
    left, right = figure.subplots(1, 2, sharey=True)
    shown = [name.partition(": ")[2] for name in rows if name.startswith("mixture")]
    colors = [HARD if name.startswith("hard") else SMOOTH for name in shown]
    dots(left, shown, [rows[f"mixture: {name}"][1] for name in shown], colors, "ECE, mixture")
    dots(right, shown, [rows[f"noisy digits: {name}"][2] for name in shown], colors, "NLL, noisy digits")
