"""From a model's name to a model: whether it fits the data, its settings, its seed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from .._checks import UsageError
from ..data import Dataset
from . import _factory, _huggingface

_FLAT_IMAGE = 144  # up to 12×12 pixels a perceptron is as good as a convolutional net, and many times faster
_DEFAULTS = {"tokens": "transformer", "text": "bag", "image": "conv"}


def names() -> list[str]:
    """Names of the models, from the files of this folder.

    >>> names()
    ['bag', 'conv', 'encoder', 'linear', 'mlp', 'transformer']
    """
    return sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))


def default_model(dataset: Dataset) -> str:
    """Name of the model to use when none is asked for."""
    shape = dataset.train.inputs.shape
    if dataset.kind == "image" and shape[2] * shape[3] <= _FLAT_IMAGE:
        return "mlp"
    return _DEFAULTS.get(dataset.kind, "mlp")


def build(
    name: str, dataset: Dataset, *, dropout: float = 0.0, seed: int, settings: Mapping[str, Any] | None = None
) -> nn.Module:
    """Build a model for a data set, with initial weights that depend on the seed alone.

    The model maps inputs (n, D), (n, C, H, W) or texts (n, L) to logits (n, K); tokens (n, L) to (n, K, L). `settings`
    are the model's own, such as width. torch's global random state is left as it was. Raises UsageError for an unknown
    name or setting, a model that does not fit the kind of data, or a dropout outside [0, 1).

    >>> from labelsmooth.data import load
    >>> build("mlp", load("digits"), seed=0)(torch.zeros(2, 1, 8, 8)).shape
    torch.Size([2, 10])
    """
    make = _maker(name, dataset, dict(settings or {}))
    if not 0 <= dropout < 1:
        raise UsageError(f"dropout must be a number in [0, 1); got {dropout!r}")
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return make(dataset, dropout)


def check(name: str, dataset: Dataset, *, dropout: float = 0.0, settings: Mapping[str, Any] | None = None) -> None:
    """Build the model once and run it on two rows, so that what does not fit is said before anything is written."""
    model = build(name, dataset, dropout=dropout, seed=0, settings=settings)
    rows, classes = torch.from_numpy(dataset.train.inputs[:2]), len(dataset.classes)
    expected = (len(rows), classes, *(rows.shape[1:] if dataset.kind == "tokens" else ()))
    try:
        with torch.inference_mode():
            logits = model.eval()(rows)
    except Exception as error:  # a person's own model runs here: whatever it raises is the answer
        words = str(error).partition("\n")[0]
        raise UsageError(
            f"model {name!r} fails on inputs of shape {tuple(rows.shape)}, {rows.dtype}: "
            f"{type(error).__name__}: {words}"
        ) from error
    shape = tuple(logits.shape) if isinstance(logits, torch.Tensor) else type(logits).__name__
    if shape != expected:
        raise UsageError(
            f"model {name!r} must return logits of shape {expected} for {len(rows)} rows and {classes} classes; got "
            f"{shape}"
        )


def usual(name: str, dataset: Dataset) -> dict[str, Any]:
    """How this model is trained on these data where nobody says it."""
    return {**dataset.card["defaults"], **(_huggingface.USUAL if _huggingface.takes(name) else {})}


def _maker(name: str, dataset: Dataset, settings: dict[str, Any]) -> Callable[[Dataset, float], nn.Module]:
    for own in (_huggingface, _factory):
        if own.takes(name):
            return partial(own.make, name, settings)
    if name not in names():
        close = get_close_matches(str(name), names(), n=1)
        raise UsageError(
            f"model must be one of {names()}, package.module:factory or hf:PATH; got {name!r}"
            + (f"; did you mean {close[0]!r}?" if close else "")
        )
    module = import_module(f".{name}", __package__)
    if dataset.kind not in module.KINDS:
        fitting = [other for other in names() if dataset.kind in import_module(f".{other}", __package__).KINDS]
        raise UsageError(
            f"model {name!r} takes {' or '.join(module.KINDS)} data, and {dataset.name!r} holds {dataset.kind}; "
            f"models that fit: {', '.join(fitting)}"
        )
    return partial(module.make, **_checked(name, module, settings))


def _checked(name: str, module: ModuleType, settings: dict[str, Any]) -> dict[str, Any]:
    """Settings that the model has, each of the type of its default."""
    known = {
        each.name: each.default
        for each in inspect.signature(module.make).parameters.values()
        if each.kind is each.KEYWORD_ONLY
    }
    for key, value in settings.items():
        if key not in known:
            has = ", ".join(f"{each}={default}" for each, default in known.items()) or "no settings"
            raise UsageError(f"model {name!r} has no setting {key!r}; it has {has}")
        if type(value) is not type(known[key]) or value < 1:
            raise UsageError(
                f"setting {key!r} of model {name!r} must be a whole number of at least 1; got {value!r} (default "
                f"{known[key]})"
            )
    return settings
