"""Coded warnings: what a person who acts on the verdict should know, each with a code, and switched off by it.

Each function reads results (docs/results.schema.json) and returns a sentence with the numbers, or an empty one.
docs/warnings.md explains each code and says what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .._checks import UsageError
from ._conditions import LEAST_GROUPS, LEAST_ROWS, LEAST_SEEDS
from ._wording import NAMES

Results = Mapping[str, Any]
TOO_MUCH = 0.5


def warnings_of(results: Results, silent: Iterable[str] = ()) -> list[dict[str, str]]:
    """The "warnings" of results.json: code and sentence of each that holds and is not among `silent`."""
    off = checked(silent)
    found = [(code, holds(results)) for code, holds in _WARNINGS.items() if code not in off]
    return [{"code": code, "sentence": sentence} for code, sentence in found if sentence]


def checked(codes: Iterable[str] | None) -> frozenset[str]:
    """The codes as a set. Raises UsageError for one that does not exist, and lists those that do."""
    found = frozenset(codes or ())
    if unknown := sorted(found - set(_WARNINGS)):
        raise UsageError(f"no warning has the code {', '.join(unknown)}; the codes are {', '.join(_WARNINGS)}")
    return found


def _chosen(results: Results, role: str) -> Mapping[str, Any] | None:
    return next((row for row in results["methods"] if row["chosen"] == role), None)


def _edge_of_grid(results: Results) -> str:
    """S* has the largest amount of its scheme; the smallest is no edge, since hard labels lie beyond it."""
    best = _chosen(results, "smooth")
    if results.get("tuning"):
        return _edge_of_search(results["tuning"]["edges"])
    if best is None or not 0 < best["label_smoothing"] < 1:
        return ""
    known = ("weight_decay", "dropout", "scheme", "family")
    rows = [row for row in results["methods"] if all(row[name] == best[name] for name in known)]
    amounts = sorted({row["label_smoothing"] for row in rows})
    largest = best["label_smoothing"]
    if largest < amounts[-1]:
        return ""
    scheme = best["scheme"] or "smoothing"
    tried = f"the largest of {len(amounts)} tried" if len(amounts) > 1 else "the only one tried"
    return f"the best amount for {scheme}, ε={largest:g}, is {tried}; the best of all may lie above it"


def _edge_of_search(edges: Iterable[Mapping[str, Any]]) -> str:
    """What `tune` found at an end of its ranges, but for ends such as 0, beyond which there is nothing."""
    whose = {"hard": "H*", "smooth": "S*"}
    found = [
        f"{edge['name'].replace('_', ' ')} of {whose[edge['family']]} lies at the {edge['end']} end of what was "
        f"searched, {edge['at']:g}"
        for edge in edges
        if not edge["natural"]
    ]
    return f"{'; '.join(found)}: the best of all may lie beyond; search a wider range" if found else ""


def _few_seeds(results: Results) -> str:
    verdict = results["verdict"]
    if not verdict or verdict["seeds"] >= LEAST_SEEDS:
        return ""
    seeds = "1 seed" if verdict["seeds"] == 1 else f"{verdict['seeds']} seeds"
    return f"{seeds}, fewer than {LEAST_SEEDS}: how far other seeds would be is not known"


def _few_rows(results: Results) -> str:
    verdict = results["verdict"]
    if not verdict:
        return ""
    if verdict["groups"] is not None and verdict["groups"] < LEAST_GROUPS:
        return f"the {verdict['rows']} test rows form {verdict['groups']} groups, fewer than {LEAST_GROUPS}"
    if verdict["rows"] < LEAST_ROWS:
        return f"{verdict['rows']} test rows, fewer than {LEAST_ROWS}: other rows may say something else"
    return ""


def _temperature_suffices(results: Results) -> str:
    """Before temperature S* gains at least δ, and after it certainly less."""
    verdict, hard, smooth = results["verdict"], _chosen(results, "hard"), _chosen(results, "smooth")
    if not verdict or hard is None or smooth is None or verdict["code"] != "keep_hard":
        return ""
    metric = verdict["metric"]
    values = [row["before"][metric]["mean"] for row in (hard, smooth)]
    if metric == "accuracy" or None in values or values[0] - values[1] < verdict["min_effect"]:
        return ""
    return (
        f"before temperature S* is better in {NAMES[metric]}, {values[1]:.3f} against {values[0]:.3f}; after it the "
        f"gain is at most {verdict['upper']:.4f}: temperature alone does as well"
    )


def _ranking_worse(results: Results) -> str:
    """AURC got materially worse (the rule of the costs)."""
    verdict, hard, smooth = results["verdict"], _chosen(results, "hard"), _chosen(results, "smooth")
    if not verdict or hard is None or smooth is None or "aurc" not in verdict["costs"]:
        return ""
    values = [row["after"]["aurc"]["mean"] for row in (hard, smooth)]
    return (
        f"S* ranks its answers worse by confidence, AURC {values[0]:.4f} → {values[1]:.4f}, with "
        f"{len(results['data']['classes'])} classes: answering only when sure loses"
    )


def _large_amount(results: Results) -> str:
    best = _chosen(results, "smooth")
    if best is None or best["label_smoothing"] < TOO_MUCH:
        return ""
    amount = best["label_smoothing"]
    return (
        f"the amount ε={amount:g} takes half of each target or more away from its class; look at the most "
        "confused pairs"
    )


_WARNINGS: dict[str, Callable[[Results], str]] = {
    "edge-of-grid": _edge_of_grid,
    "few-seeds": _few_seeds,
    "few-rows": _few_rows,
    "temperature-suffices": _temperature_suffices,
    "ranking-worse": _ranking_worse,
    "large-amount": _large_amount,
}
CODES = tuple(_WARNINGS)
