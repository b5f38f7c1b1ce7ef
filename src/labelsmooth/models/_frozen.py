"""Features of a frozen backbone, computed once: a data set of vectors in place of images or texts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from .._checks import UsageError
from ..data import Dataset, DataSplit
from ._build import build

_AT_ONCE = 256


def frozen(name: str, dataset: Dataset, settings: Mapping[str, Any] | None = None) -> Dataset:
    """The features `model.features(inputs)` of every split, (n, D) float32, to mean 0 and deviation 1 of training.

    The model is built with seed 0 and put into evaluation; what trains afterwards is a head. Raises UsageError for a
    model without a method `features`, or one that does not return (n, D).
    """
    model = build(name, dataset, seed=0, settings=settings).eval()
    if not callable(getattr(model, "features", None)):
        raise UsageError(
            f"model {name!r} has no method features(inputs) that returns (rows, features); add one, or leave "
            "--freeze out"
        )
    made = {split: _features(name, model, part) for split, part in dataset.splits.items()}
    mean, deviation = made["train"].mean(0), made["train"].std(0)
    scale = np.where(deviation > 1e-12 * np.abs(mean), deviation, 1.0)
    parts = {
        split: replace(part, inputs=((made[split] - mean) / scale).astype(np.float32))
        for split, part in dataset.splits.items()
    }
    done = {"name": "features", "kind": "features", "done": f"{made['train'].shape[1]} numbers of frozen {name}"}
    card = {**dataset.card, "columns": [*dataset.card.get("columns", []), done]}
    weights = hashlib.sha256(dataset.fingerprint.encode())
    for tensor in model.state_dict().values():
        weights.update(tensor.contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return replace(
        dataset,
        kind="vector",
        card=card,
        cardinalities=(),
        fingerprint=weights.hexdigest()[:16],
        train=parts["train"],
        val=parts["val"],
        test=parts["test"],
        shifted=parts.get("shifted"),
    )


@torch.inference_mode()
def _features(name: str, model: Any, part: DataSplit) -> np.ndarray:
    pieces = [model.features(rows) for rows in torch.from_numpy(part.inputs).split(_AT_ONCE)]
    for piece in pieces:
        if not isinstance(piece, torch.Tensor) or piece.ndim != 2:
            shape = tuple(piece.shape) if isinstance(piece, torch.Tensor) else type(piece).__name__
            raise UsageError(f"features of model {name!r} must be (rows, features); got {shape}")
    return torch.cat(pieces).double().numpy()
