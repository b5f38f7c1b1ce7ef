"""What came of a search on the validation split: H* and S*, the flat region, whether the best lies at an edge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._measured import STAGES
from .._tables import plain, spread
from . import pruning
from .search import Search
from .space import SMOOTHING
from .validated import Candidate


def chosen(candidates: Sequence[Candidate], family: str) -> Candidate:
    """The complete candidate of a family with the lowest mean validation loss; of equals the least smoothed."""
    able = [each for each in candidates if each.family == family and each.state == "complete"]
    return min(able, key=lambda each: (each.value, each.setting.method.label_smoothing, each.name))


def tuning_of(search: Search, candidates: Sequence[Candidate]) -> dict[str, Any]:
    """The part `tuning` of results.json; nothing of the test split is in it."""
    pair = {family: chosen(candidates, family) for family in ("hard", "smooth")}
    best = min(pair.values(), key=lambda each: (each.value, each.family == "smooth"))
    lines = [_line(each, best, pair) for each in candidates]
    found = {
        "metric": search.metric,
        "trials": search.trials,
        "seeds": len(search.seeds),
        "first_seeds": len(search.first_seeds),
        "space": search.space.to_dict(),
        "rule": pruning.rule(len(search.first_seeds), len(search.seeds)),
        "best": best.name,
        "flat": _flat(lines),
        "edges": _edges(search, pair),
        "candidates": lines,
    }
    told: dict[str, Any] = plain(found)
    return told


def _line(candidate: Candidate, best: Candidate, pair: dict[str, Candidate]) -> dict[str, Any]:
    method, done = candidate.setting.method, candidate.state != "failed"
    return {
        "method": candidate.name,
        "family": candidate.family,
        "scheme": method.scheme,
        "label_smoothing": method.label_smoothing,
        "learning_rate": candidate.setting.settings.learning_rate,
        "weight_decay": method.weight_decay,
        "dropout": method.dropout,
        "state": candidate.state,
        "reason": candidate.reason,
        "seeds": len(candidate.seeds),
        "checkpoint": candidate.checkpoint if done else None,
        "chosen": candidate.family if candidate is pair[candidate.family] else None,
        **(_figures(candidate) if done else dict.fromkeys(STAGES)),
        "difference": _difference(candidate, best) if done else None,
    }


def _figures(candidate: Candidate) -> dict[str, Any]:
    found = [each.figures for each in candidate.found()]
    return {stage: {name: spread(each[stage][name] for each in found) for name in found[0][stage]} for stage in STAGES}


def _difference(candidate: Candidate, best: Candidate) -> dict[str, Any]:
    """Its loss minus the best one's, one standard error of that, and whether that reaches the best."""
    if candidate is best:
        return {"value": 0.0, "standard_error": 0.0, "flat": True}
    interval = candidate.against(best)
    value, error = float(interval.difference), float(np.sqrt(interval.seed_variance + interval.row_variance))
    return {"value": value, "standard_error": error, "flat": candidate.state == "complete" and value <= error}


def _flat(lines: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The amounts whose candidates are within one standard error of the best: from, to, how many, and which are not."""
    done = [line for line in lines if line["difference"] is not None]
    inside = sorted(line["label_smoothing"] for line in done if line["difference"]["flat"])
    flat_ones = set(inside)
    outside = {line["label_smoothing"] for line in done} - flat_ones
    between = sorted(amount for amount in outside if inside[0] < amount < inside[-1])
    return {"low": inside[0], "high": inside[-1], "candidates": len(inside), "of": len(done), "but": between}


def _edges(search: Search, pair: dict[str, Candidate]) -> list[dict[str, Any]]:
    """Where H* and S* lie at an end of what was searched. 0 is an end of nature, beyond which there is nothing."""
    found = []
    for family, candidate in pair.items():
        method = candidate.setting.method
        values: dict[str, Any] = {
            SMOOTHING: method.label_smoothing,
            "learning_rate": candidate.setting.settings.learning_rate,
        }
        values |= {"weight_decay": method.weight_decay, "dropout": method.dropout}
        ranges = {**dict(search.space.beside), **({SMOOTHING: search.space.smoothing} if family == "smooth" else {})}
        for name, searched in ranges.items():
            end = searched.end(values[name])
            if end:
                at = searched.low if end == "lower" else searched.high
                natural = (end == "lower" and at == 0) or (name == SMOOTHING and at == 1)
                found.append({"family": family, "name": name, "end": end, "at": at, "natural": natural})
    return found
