"""The data set that trials train on: what a person gave, read as the options say; frozen features in its place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from .. import models
from .._checks import UsageError
from ..data import Dataset, from_arrays, load
from ..options import DataOptions, TrainingOptions, part_of
from .planning import model_settings


def dataset_of(data: Any, y: Any, groups: Any, options: TrainingOptions) -> Dataset:
    """The data set of a name, a path or arrays; with `freeze`, the features that the model computes of it once."""
    dataset = _read(data, y, groups, options)
    if not options.freeze:
        return dataset
    if options.model is None:
        raise UsageError("--freeze needs the model whose features are computed: --model hf:PATH or module:factory")
    return models.frozen(options.model, dataset, model_settings(options.set))


def refuse_data(data: Any, brings: str) -> None:
    """Raise UsageError where data are named beside an option that brings its own."""
    if not (isinstance(data, str) and data == "digits"):
        raise UsageError(f"{brings} its own data; leave DATA out")


def _read(data: Any, y: Any, groups: Any, options: TrainingOptions) -> Dataset:
    if not isinstance(data, (str, Path)):
        if y is None:
            raise UsageError("an array of inputs needs its labels: compare(X, y)")
        changed: dict[str, Any] = {n: getattr(options, n) for n in ("label_noise", "label_noise_val", "shift")}
        return from_arrays(data, y, groups=groups, **changed)
    if y is not None:
        raise UsageError(f"y goes with an array of inputs; got the data name {str(data)!r} and y")
    reading: DataOptions = part_of(options, DataOptions)
    if reading.tokenizer is None and options.model is not None and options.model.startswith("hf:"):
        reading = replace(reading, tokenizer=options.model.removeprefix("hf:"))
    return load(str(data), reading)
