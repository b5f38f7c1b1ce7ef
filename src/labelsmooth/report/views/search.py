"""What a search found on validation, in sentences."""

from __future__ import annotations

from typing import Any

from .._format import fixed, general, plural
from .._read import Results, fields, items, number, number_at, words
from .._rows import measure_name

_WHAT = {"smoothing": "ε", "learning_rate": "the learning rate", "weight_decay": "weight decay", "dropout": "dropout"}
_WHOSE = {"hard": "H*", "smooth": "S*"}


def sentences(results: Results) -> list[str]:
    """How many were tried, the flat region, what lies at an edge; none where nothing was searched."""
    found = fields(results, "tuning")
    return [_tried(found), _flat(found), *_edges(found)] if found else []


def _tried(found: dict[str, Any]) -> str:
    tried = items(found, "candidates")
    states = [words(line, "state") for line in tried]
    dropped = f", {states.count('dropped')} dropped early" if "dropped" in states else ""
    failed = f", {states.count('failed')} failed" if "failed" in states else ""
    best: dict[str, Any] = next((line for line in tried if line.get("method") == found.get("best")), {})
    measure = words(found, "metric")
    value = fixed(number_at(best, "after", measure, "mean"))
    told = f"lowest {measure_name(measure)}" if measure != "accuracy" else "highest accuracy"
    return (
        f"{plural(len(tried), 'candidate')} on validation{dropped}{failed}; {words(found, 'best')} has the {told} "
        f"there after temperature, {value}."
    )


def _flat(found: dict[str, Any]) -> str:
    flat = fields(found, "flat")
    low, high = number(flat.get("low")), number(flat.get("high"))
    if low is None or high is None:
        return ""
    where = f"only ε = {general(low)}" if low == high else f"ε from {general(low)} to {general(high)}"
    gaps = [general(float(each)) for each in items(flat, "but") if number(each) is not None]
    but = f", but for {', '.join(gaps)}," if gaps else ""
    hard = "" if low else " Hard labels are among them."
    return f"Within one standard error of it: {where}{but} (one standard error counts seeds and rows).{hard}"


def _edges(found: dict[str, Any]) -> list[str]:
    told = []
    for edge in items(found, "edges"):
        name, end, at = words(edge, "name"), words(edge, "end"), number_at(edge, "at")
        where = f"{_WHAT.get(name, name)} of {_WHOSE.get(words(edge, 'family'), '')} lies at the {end} end"
        if at is not None and edge.get("natural") is True:
            told.append(f"{where[:1].upper()}{where[1:]}, {general(at)}, beyond which there is nothing.")
        elif at is not None:
            told.append(
                f"{where[:1].upper()}{where[1:]} of what was searched, {general(at)}: the best may lie beyond it; "
                "search a wider range."
            )
    return told
