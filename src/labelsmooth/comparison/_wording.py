"""The verdict in one sentence a person can act on, and the lines to paste into one's own training."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ._candidate import Candidate
from ._conditions import LEAST_SEEDS
from ._needed import Needed
from ._outcome import Verdict

SETTINGS = "with these training settings."
NAMES = {
    "nll": "NLL",
    "brier": "Brier score",
    "accuracy": "accuracy",
    "aurc": "AURC",
    "ece": "ECE",
    "ece_before": "ECE before temperature",
}


def decimals(verdict: Verdict) -> int:
    """Decimals that show two digits of the interval's half-width (or of δ), 3 at least and 6 at most."""
    known = [verdict.min_effect or 0.0]
    if verdict.lower is not None and verdict.upper is not None:
        known.insert(0, (verdict.upper - verdict.lower) / 2)
    size = next((value for value in known if value > 0), 0.01)
    return min(6, max(3, 1 - math.floor(math.log10(size))))


def fixed(value: float, places: int) -> str:
    """A number with `places` decimals, a typographic minus as in the tables, and no negative zero."""
    return f"{value:z.{places}f}".replace("-", "−")


def described(candidate: Candidate, varying: Sequence[str] = ()) -> str:
    """Scheme and amount, and what else distinguishes the setting: "uniform, ε=0.1, best epoch, dropout 0.2"."""
    known = candidate.scheme and candidate.label_smoothing
    parts = [f"{candidate.scheme}, ε={candidate.label_smoothing:g}" if known else candidate.method]
    parts += ["best epoch"] if candidate.checkpoint == "best" else []
    values = ((name, getattr(candidate, name)) for name in varying)
    return ", ".join([*parts, *(f"{name.replace('_', ' ')} {value:g}" for name, value in values if value is not None)])


def sentence(verdict: Verdict, varying: Sequence[str] = ()) -> str:
    """The sentence of the verdict's code; it always ends "with these training settings."."""
    told = {"smooth": _smooth, "keep_hard": _keep_hard, "open": _open}[verdict.code](verdict, varying)
    return f"{told}, {SETTINGS}"


def _gain(verdict: Verdict) -> str:
    places = decimals(verdict)
    value, lower, upper = (
        fixed(x, places) for x in (verdict.difference, verdict.lower, verdict.upper) if x is not None
    )
    return f"gain {value} [{lower}, {upper}]"


def _smooth(verdict: Verdict, varying: Sequence[str]) -> str:
    places = decimals(verdict)
    smooth, hard = (fixed(x, places) for x in (verdict.smooth_value, verdict.hard_value) if x is not None)
    name = NAMES[verdict.metric]
    compared = f"{name[0].upper()}{name[1:]} {smooth} against {hard} for the best unsmoothed model with temperature"
    return f"Smooth: {described(verdict.smooth, varying)}. {compared}; {_gain(verdict)}. Cost: {_costs(verdict)}"


def _costs(verdict: Verdict) -> str:
    told = []
    for name in verdict.costs:
        hard, smooth = (side.mean_measure(name, _paired(verdict)) for side in (verdict.hard, verdict.smooth))
        if hard is not None and smooth is not None:
            places = 4 if max(abs(hard), abs(smooth)) < 0.1 else 3
            told.append(f"{NAMES[name]} {fixed(hard, places)} → {fixed(smooth, places)}")
    measured = [label for name, label in NAMES.items() if name in verdict.smooth.measures and name != verdict.metric]
    if told or not measured:
        return ", ".join(told) or "not measured"
    return f"nothing got materially worse among {', '.join(measured)}"


def _paired(verdict: Verdict) -> list[int]:
    return sorted(set(verdict.hard.seeds) & set(verdict.smooth.seeds))


def _keep_hard(verdict: Verdict, varying: Sequence[str]) -> str:
    best = f"{described(verdict.smooth, varying)}: {_gain(verdict)}"
    if verdict.upper is not None and verdict.upper < 0:
        return f"Keep hard labels with temperature; smoothing hurts here ({best})"
    effect = fixed(verdict.min_effect or 0.0, decimals(verdict))
    return f"Keep hard labels with temperature; any gain is below {effect} ({best})"


def _open(verdict: Verdict, _: Sequence[str]) -> str:
    places = decimals(verdict)
    found = "no interval for the gain"
    if verdict.lower is not None and verdict.upper is not None:
        found = f"gain between {fixed(verdict.lower, places)} and {fixed(verdict.upper, places)}"
    models = " for these two models" if verdict.seeds == 1 else ""
    forced = f" ({'; '.join(map(str, verdict.forced))})" if verdict.forced else ""
    return f"Not settled: {found}{models}{forced}. Keep hard labels for now; {settle(verdict)}"


def settle(verdict: Verdict) -> str:
    """What would settle an open verdict."""
    ways_out = [reason.way_out for reason in verdict.forced if reason.way_out]
    if ways_out:
        return ", and ".join(dict.fromkeys(ways_out))
    needed = verdict.needed
    if needed is None or (needed.rows is None and needed.seeds is None and needed.together is None):
        return "the gain is too near the smallest that matters for any reasonable number of rows or seeds to settle it"
    return _unknown_spread(verdict) if verdict.seeds == 1 else _extrapolated(verdict, needed)


def _unknown_spread(verdict: Verdict) -> str:
    """One seed says nothing of other seeds, so only the least that the rule asks for can be named."""
    rows = f" and {_rows(verdict, verdict.needed.together[1])}" if verdict.needed and verdict.needed.together else ""
    return f"at least {LEAST_SEEDS} seeds{rows} are needed to settle it"


def _extrapolated(verdict: Verdict, needed: Needed) -> str:
    if needed.together is not None:
        seeds, rows = needed.together
        return f"about {_rows(verdict, rows)} and {seeds} seeds together would settle it, neither alone would"
    if needed.rows is not None and needed.seeds is not None:
        return f"about {_rows(verdict, needed.rows)} or {needed.seeds} seeds would settle it"
    if needed.rows is not None:
        return f"about {_rows(verdict, needed.rows)} would settle it, more seeds alone would not"
    return f"about {needed.seeds} seeds would settle it, more rows alone would not"


def _rows(verdict: Verdict, rows: int) -> str:
    if verdict.groups is None:
        return f"{rows} rows"
    return f"{rows} rows (in {math.ceil(rows * verdict.groups / verdict.rows)} groups)"


def snippet(verdict: Verdict) -> str:
    """Python lines for one's own training: the loss that was chosen, and the temperature that goes with it."""
    loss = _loss_lines(verdict.smooth) if verdict.code == "smooth" else ["from torch.nn import CrossEntropyLoss", ""]
    chosen = verdict.smooth if verdict.code == "smooth" else verdict.hard
    if verdict.code != "smooth":
        loss[-1] = "criterion = CrossEntropyLoss()"
    keep = ["# keep the epoch with the lowest validation NLL after temperature"] if chosen.checkpoint == "best" else []
    temperature = [
        "from labelsmooth.calibration import TemperatureScaler",
        "scaler = TemperatureScaler().fit(val_logits, val_labels)",
        "probabilities = scaler.predict_proba(test_logits)",
    ]
    return "\n".join([*loss, *keep, *temperature])


def _loss_lines(candidate: Candidate) -> list[str]:
    amount = f"{candidate.label_smoothing:g}"
    if candidate.scheme in ("", "uniform"):
        return ["from labelsmooth import CrossEntropyLoss", f"criterion = CrossEntropyLoss(label_smoothing={amount})"]
    scheme = "".join(word.capitalize() for word in candidate.scheme.split("_"))
    return [
        "from labelsmooth import CrossEntropyLoss",
        f"from labelsmooth.schemes import {scheme}",
        f"criterion = CrossEntropyLoss(label_smoothing={scheme}({amount}))",
    ]
