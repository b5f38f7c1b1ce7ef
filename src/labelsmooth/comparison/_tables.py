"""The parts of results.json, each made from what was measured."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from ..calibration.two_way import TwoWay
from ._candidate import Candidate
from ._measured import STAGES, Measured, pooled
from ._pairing import Reader

CURVES = ("train_loss", "val_nll", "val_nll_after", "val_accuracy", "val_ece", "val_signed_gap")


def plain(value: Any) -> Any:
    """Numbers, text, lists and dicts that JSON holds; NaN and infinity become null."""
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def spread(values: Iterable[float]) -> dict[str, float]:
    """Mean and standard deviation over seeds; NaN for the deviation of one seed, and beside an infinite value."""
    known = np.asarray(list(values), dtype=np.float64)
    spreads = len(known) > 1 and bool(np.isfinite(known).all())
    return {"mean": float(known.mean()), "sd": float(known.std(ddof=1)) if spreads else math.nan}


def run_of(run: Mapping[str, Any] | None, candidates: Sequence[Candidate]) -> dict[str, Any]:
    """What was run, as the caller says, with the seeds that were found."""
    given = {"kind": "evaluate", "command": "", "created": None, "seconds": None, "env": {}, **(run or {})}
    seeds = sorted({seed for candidate in candidates for seed in candidate.seeds})
    return {**given, "settings": {"seeds": seeds, **given.get("settings", {})}}


def data_of(reader: Reader, data: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the caller says of the data, completed by the predictions; `hashes` tell the rows of each split (C15)."""
    first = reader.first
    counts = {name: len(np.unique(split.groups)) for name, split in first.items() if split.groups is not None}
    known = {
        "name": reader.data_name,
        "kind": None,
        "classes": reader.classes,
        "groups": counts or None,
        "fingerprint": reader.data_fingerprint,
        "card": {},
        "label_noise": None,
        "label_noise_val": None,
        "shift": "shifted" in first,
    }
    merged = {**known, **(data or {})}
    rows = {name: len(split.labels) for name, split in first.items()}
    hashes = {name: split.fingerprint() for name, split in first.items()}
    return {**merged, "rows": {**rows, **merged.get("rows", {})}, "hashes": hashes}


def method_of(
    candidate: Candidate, trials: list[Measured], role: str | None, interval: TwoWay | None
) -> dict[str, Any]:
    """One line of the table: a method at a checkpoint, over its seeds; `role` is what it was chosen for."""
    epochs = [trial.epoch for trial in trials if trial.epoch is not None]
    shifted = [trial.shifted for trial in trials if trial.shifted is not None]
    return {
        "method": candidate.method,
        "family": candidate.family,
        "rival": candidate.rival,
        "scheme": candidate.scheme,
        "label_smoothing": candidate.label_smoothing,
        "weight_decay": candidate.weight_decay,
        "dropout": candidate.dropout,
        "learning_rate": candidate.learning_rate,
        "checkpoint": candidate.checkpoint,
        "seeds": len(candidate.seeds),
        **_stages([trial.figures for trial in trials]),
        "temperature": _temperature(trials),
        "val_nll_after": spread(candidate.val_nll_after),
        "difference": None if interval is None else _difference(interval),
        "chosen": role,
        "shifted": _stages(shifted) if shifted else None,
        "epoch": {"mean": float(np.mean(epochs))} if epochs else None,
    }


def trial_of(trial: Measured) -> dict[str, Any]:
    """One trial and checkpoint as a flat record, a line of trials.csv."""
    identity = {f.name: getattr(trial.identity, f.name) for f in fields(trial.identity)}
    figures = {f"test_{name}_{stage}": value for stage in STAGES for name, value in trial.figures[stage].items()}
    return {
        **identity,
        "epoch": trial.epoch,
        "temperature": trial.tempered.temperature,
        "temperature_status": trial.tempered.status,
        "val_nll_after": trial.val_nll_after,
        **figures,
    }


def _stages(figures: list[dict[str, dict[str, float]]]) -> dict[str, dict[str, dict[str, float]]]:
    return {
        stage: {name: spread(each[stage][name] for each in figures) for name in figures[0][stage]} for stage in STAGES
    }


def _temperature(trials: list[Measured]) -> dict[str, Any]:
    found = [trial.tempered.temperature for trial in trials]
    status = dict(Counter(trial.tempered.status for trial in trials))
    return {"mean": float(np.mean(found)), "min": min(found), "max": max(found), "status": status}


def _difference(interval: TwoWay) -> dict[str, float]:
    return {"value": float(interval.difference), "lower": float(interval.lower), "upper": float(interval.upper)}


def curve_of(trials: Sequence[Sequence[Mapping[str, Any]]]) -> dict[str, list[Any]]:
    """Each figure at each epoch, averaged over the trials that got there and know it."""
    by_epoch: dict[Any, list[Mapping[str, Any]]] = {}
    for entry in (entry for trial in trials for entry in trial):
        by_epoch.setdefault(entry["epoch"], []).append(entry)
    epochs = sorted(by_epoch)
    return {"epoch": epochs, **{name: [_mean(by_epoch[epoch], name) for epoch in epochs] for name in CURVES}}


def _mean(entries: list[Mapping[str, Any]], name: str) -> float | None:
    known = [float(entry[name]) for entry in entries if entry.get(name) is not None]
    return math.fsum(known) / len(known) if known else None


def reliability_of(role: str, candidate: Candidate, trials: list[Measured]) -> dict[str, Any]:
    """Reliability bins pooled over seeds; ECE and its null are the table's means over seeds, n the rows of one seed.

    A null value for the pooled rows would be too small: seeds share their rows, so pooling adds no independent ones.
    """
    rows = candidate.test_rows.shape[1]
    stages = {}
    for stage in STAGES:
        means = {name: float(np.mean([trial.figures[stage][name] for trial in trials])) for name in ("ece", "ece_null")}
        stages[stage] = {**pooled(trial.bins[stage] for trial in trials), **means, "n": rows}
    return {
        "role": role,
        "method": candidate.method,
        "checkpoint": candidate.checkpoint,
        "seeds": len(trials),
        **stages,
    }
