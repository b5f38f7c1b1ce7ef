"""Trains what the study page replays and writes it down: python -m labelsmooth.lesson.record (some minutes).

With names of runs (or "limits") behind it, only these are trained again.
"""

from __future__ import annotations

import gzip
import json
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from .. import _files
from ..calibration import nll, reliability_bins, summary, true_calibration_error
from ..data import Dataset, DataSplit, load
from ..methods import Method
from ..models import default_model
from ..training import Epoch, Settings, predict, run_trial
from ._limits import limits
from .recording import recordings

FILE = Path(__file__).parent / "recordings.json.gz"
COMMAND = "python -m labelsmooth.lesson.record"
AMOUNT = 0.1
_DECIMALS = 4


@dataclass(frozen=True)
class Run:
    """One pair of trainings to record: the data, how long, over which seeds, and every how many epochs to look."""

    name: str
    data: str
    epochs: int
    seeds: int
    label_noise: float = 0.0
    every: int = 1


RUNS = (
    Run("digits", "digits", 40, 3),
    Run("noisy", "digits", 120, 3, label_noise=0.4, every=2),
    Run("mixture", "mixture", 60, 3),
    Run("pydoc", "pydoc", 12, 1),
)


def record(run: Run) -> dict[str, Any]:
    """Train with hard labels and with uniform smoothing 0.1, from the same seeds, and measure the test split."""
    dataset = load(run.data, label_noise=run.label_noise)
    usual = dataset.card["defaults"]
    settings = Settings(default_model(dataset), run.epochs, usual["batch_size"], usual["learning_rate"])
    hard = Method("hard", "hard", weight_decay=usual["weight_decay"])
    methods = {"hard": hard, "smooth": replace(hard, name="uniform 0.1", scheme="uniform", label_smoothing=AMOUNT)}
    return {
        "data": run.data,
        "label_noise": run.label_noise,
        "classes": len(dataset.classes),
        "rows": {name: int(split.labels.size) for name, split in dataset.splits.items()},
        "seeds": list(range(run.seeds)),
        "settings": settings.to_dict(),
        "epoch": list(range(run.every, run.epochs + 1, run.every)),
        "methods": {name: _trained(dataset, method, settings, run) for name, method in methods.items()},
    }


def _trained(dataset: Dataset, method: Method, settings: Settings, run: Run) -> dict[str, Any]:
    """What each looked-at epoch was like: figures averaged over seeds, bins pooled over them."""
    seeds = [_watched(dataset, method, settings, seed, run.every) for seed in range(run.seeds)]
    epochs = [_merged(list(looks)) for looks in zip(*seeds, strict=True)]
    return {name: [epoch[name] for epoch in epochs] for name in epochs[0]}


def _watched(dataset: Dataset, method: Method, settings: Settings, seed: int, every: int) -> list[dict[str, Any]]:
    looks: list[dict[str, Any]] = []

    def look(epoch: Epoch, model: nn.Module) -> None:
        if epoch["epoch"] % every == 0:
            looks.append(_look(dataset, model, epoch))

    run_trial(dataset, method, settings, seed, look)
    return looks


def _look(dataset: Dataset, model: nn.Module, epoch: Epoch) -> dict[str, Any]:
    """The test split before temperature, and the logit gap on the rows that were trained on."""
    labels, logits = dataset.test.labels.reshape(-1), predict(model, dataset.test.inputs)
    figures = summary(labels, logits)
    bins = reliability_bins(labels, logits=logits)
    kept = {name: figures[name] for name in ("accuracy", "confidence", "nll", "ece", "ece_null")}
    truth = dataset.test.posterior
    known = {} if truth is None else {"true_error": true_calibration_error(truth, logits=logits)}
    return {
        **kept,
        **known,
        "nll_after": nll(labels, logits=logits / epoch["temperature"]),
        "val_nll_after": epoch["val_nll_after"],
        **_on_training_rows(model, dataset.train),
        "bins": np.stack([bins.count, bins.count * _known(bins.confidence), bins.count * _known(bins.accuracy)]),
    }


def _known(means: np.ndarray) -> np.ndarray:
    return np.nan_to_num(np.asarray(means, dtype=np.float64))


def _on_training_rows(model: nn.Module, train: DataSplit) -> dict[str, float]:
    """Accuracy and mean gap between the label's logit and the mean of the others, on at most 1200 samples."""
    some = train.take(np.arange(min(len(train), 1200)))
    labels, logits = some.labels.reshape(-1), predict(model, some.inputs).astype(np.float64)
    own = logits[np.arange(len(labels)), labels]
    others = (logits.sum(axis=1) - own) / (logits.shape[1] - 1)
    return {"train_accuracy": float((logits.argmax(axis=1) == labels).mean()), "gap": float((own - others).mean())}


def _merged(looks: list[dict[str, Any]]) -> dict[str, Any]:
    """One epoch of all seeds: means of the figures; per bin the rows, mean confidence and accuracy of all rows."""
    merged = {n: round(float(np.mean([look[n] for look in looks])), _DECIMALS) for n in looks[0] if n != "bins"}
    count, confidence, right = np.sum([look["bins"] for look in looks], axis=0)
    rows = np.maximum(count, 1)
    return {
        **merged,
        "count": count.astype(int).tolist(),
        "bin_confidence": (confidence / rows).round(3).tolist(),
        "bin_accuracy": (right / rows).round(3).tolist(),
    }


def everything(names: Sequence[str] = ()) -> dict[str, Any]:
    """All recordings, with what is needed to make them again; with names, only these are made and the rest is kept."""
    torch.set_num_threads(1)
    versions = {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__}
    kept = recordings() if names else {"runs": {}}
    runs = {run.name: record(run) if not names or run.name in names else kept["runs"][run.name] for run in RUNS}
    least = limits() if not names or "limits" in names else kept["limits"]
    return {"command": COMMAND, "versions": versions, "amount": AMOUNT, "runs": runs, "limits": least}


def main() -> None:
    """Write the recordings beside this file."""
    text = json.dumps(everything(sys.argv[1:]), separators=(",", ":")).encode()
    _files.write(FILE, gzip.compress(text, mtime=0))
    print(f"{FILE.name}: {FILE.stat().st_size / 1000:.0f} kB packed, {len(text) / 1000:.0f} kB of JSON")


if __name__ == "__main__":
    main()
