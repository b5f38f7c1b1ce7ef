"""The side effects of smoothing on the pair of the verdict: classes, confused pairs, ranking, sets, a class map."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..calibration._binning import equal_width_edges
from ..calibration.two_way import LEVEL, group_means, two_way
from ._seen import ALPHA, BINS, COVERAGES, SETS, Seen

MOST = 20
SIDES = ("hard", "smooth")
Trials = Mapping[str, Sequence[Seen]]


def shown_classes(labels: np.ndarray, classes: int) -> list[int]:
    """The classes of the map: all, or the most frequent of many; those without a row are left out."""
    count = np.bincount(labels, minlength=classes)
    return [int(k) for k in np.argsort(-count, kind="stable")[:MOST] if count[k]]


def effects_of(
    trials: Trials, labels: np.ndarray, classes: Sequence[str], groups: np.ndarray | None, mapped: Sequence[int]
) -> dict[str, Any]:
    """The "effects" of results.json from the trials of H* and S*, in the order of their common seeds."""
    found = {side: list(trials[side]) for side in SIDES}
    return {
        "seeds": len(found["hard"]),
        "classes": _classes(found, labels, classes, groups),
        "pairs": _pairs(found, labels, classes),
        "selective": _selective(found),
        "conformal": [_conformal(found, method) for method in SETS if found["hard"][0].sets],
        "map": _map(found, [classes[k] for k in mapped]),
    }


def _classes(
    found: dict[str, list[Seen]], labels: np.ndarray, classes: Sequence[str], groups: np.ndarray | None
) -> dict[str, Any]:
    """Accuracy and NLL of each class, the one that lost most accuracy first; ties by the rise of its NLL."""
    count = np.bincount(labels, minlength=len(classes))
    accuracy = {side: _by_class(labels, [seen.correct for seen in found[side]], count) for side in SIDES}
    nll = {side: _by_class(labels, [seen.nll for seen in found[side]], count) for side in SIDES}
    order = np.lexsort((nll["hard"] - nll["smooth"], accuracy["smooth"] - accuracy["hard"]))
    known = [int(k) for k in order if count[k]]
    lines = [
        {
            "class": classes[k],
            "rows": int(count[k]),
            **{side: {"accuracy": accuracy[side][k], "nll": nll[side][k]} for side in SIDES},
            "change": _change(found, labels == k, groups, len(known)),
        }
        for k in known[:MOST]
    ]
    return {"total": len(known), "lines": lines}


def _by_class(labels: np.ndarray, of_rows: Sequence[np.ndarray], count: np.ndarray) -> np.ndarray:
    """Mean over seeds and the rows of each class (K,); NaN without a row."""
    sums = sum(np.bincount(labels, weights=each, minlength=len(count)) for each in of_rows)
    with np.errstate(invalid="ignore"):
        return np.asarray(sums / (len(of_rows) * count))


def _change(found: dict[str, list[Seen]], rows: np.ndarray, groups: np.ndarray | None, tried: int) -> dict[str, float]:
    """Accuracy of S* − that of H* on these rows, with its interval over seeds and rows (or groups).

    The intervals of all `tried` classes hold together with 95 % (Bonferroni): the worst of many is shown first.
    """
    pairs = zip(found["hard"], found["smooth"], strict=True)
    gains = np.stack([smooth.correct[rows].astype(float) - hard.correct[rows] for hard, smooth in pairs])
    means = group_means(gains, None if groups is None else groups[rows])
    interval = two_way(means, 1 - (1 - LEVEL) / tried)
    ends = {"lower": max(-1.0, float(interval.lower)), "upper": min(1.0, float(interval.upper))}
    return {"value": float(gains.mean()), **ends}


def _pairs(found: dict[str, list[Seen]], labels: np.ndarray, classes: Sequence[str]) -> dict[str, Any]:
    """The pairs of classes most often taken for each other by H* and S* together, and each one's share of errors.

    Chosen by both: pairs chosen by the errors of one of them would make that one look worse than it is.
    """
    count = np.bincount(labels, minlength=len(classes))
    errors = {side: _errors(found[side]) for side in SIDES}
    both = errors["hard"] + errors["smooth"]
    listed = sorted(both, key=lambda code: (-both[code], code))[:MOST]
    lines = []
    for code in listed:
        a, b = divmod(code, len(classes))
        rows = int(count[a] + count[b])
        shares = {side: errors[side][code] / (len(found[side]) * rows) for side in SIDES}
        lines.append({"classes": [classes[a], classes[b]], "rows": rows, **shares})
    return {"total": len(both), "lines": lines}


def _errors(trials: Sequence[Seen]) -> Counter[int]:
    total: Counter[int] = Counter()
    for seen in trials:
        total.update(dict(zip(*(part.tolist() for part in seen.confused), strict=True)))
    return total


def _selective(found: dict[str, list[Seen]]) -> dict[str, Any]:
    risks = {side: np.mean([seen.risk for seen in found[side]], axis=0) for side in SIDES}
    return {"coverage": COVERAGES, **risks}


def _conformal(found: dict[str, list[Seen]], method: str) -> dict[str, Any]:
    means = {side: np.mean([seen.sets[method] for seen in found[side]], axis=0) for side in SIDES}
    sides = {side: {"coverage": float(mean[0]), "size": float(mean[1])} for side, mean in means.items()}
    return {"method": method, "alpha": ALPHA, "rows": found["hard"][0].part, **sides}


def _map(found: dict[str, list[Seen]], classes: list[str]) -> dict[str, Any]:
    """Mean probability − frequency in each bin of each class, and the rows in it, pooled over seeds."""
    sides = {}
    for side in SIDES:
        count = np.sum([seen.map.count for seen in found[side]], axis=0)
        excess = np.sum([seen.map.probability - seen.map.hits for seen in found[side]], axis=0)
        sides[side] = {"count": count, "gap": np.where(count > 0, excess / np.maximum(count, 1), np.nan)}
    return {"classes": classes, "edges": equal_width_edges(BINS), "rows": found["hard"][0].part, **sides}
