"""package.module:factory, a function or class of one's own that makes any nn.Module."""

from __future__ import annotations

import inspect
from typing import Any

from torch import nn

from .._checks import UsageError
from .._named import find
from ..data import Dataset

_EXPECTED = "factory(dataset), factory(input_shape, num_classes), or any of these and dropout by name"


def takes(name: str) -> bool:
    """Whether a model of that name is made by a factory."""
    return ":" in name


def make(name: str, settings: dict[str, Any], dataset: Dataset, dropout: float) -> nn.Module:
    """Call the factory with what it names: dataset, input_shape, num_classes, dropout, and the settings of `--set`.

    A factory that names none of them gets the data set where it requires one argument, and the shape of an input and
    the number of classes where it requires two.
    """
    factory = find(name, "torchvision.models:resnet18", ("net", "model"))[0]
    if not callable(factory):
        raise UsageError(f"model {name!r} is a {type(factory).__name__}; expected a function or class: {_EXPECTED}")
    known = inspect.signature(factory).parameters
    offered = {
        "dataset": dataset,
        "input_shape": tuple(dataset.train.inputs.shape[1:]),
        "num_classes": len(dataset.classes),
        "dropout": dropout,
    }
    if dropout and "dropout" not in known:
        raise UsageError(f"model {name!r} takes no argument 'dropout'; add it to the factory, or leave --dropout out")
    given = {each: value for each, value in offered.items() if each in known} | settings
    positional = () if set(given) - set(settings) else _by_place(name, known, settings, offered)
    return _made(name, factory, known, positional, given)


def _by_place(name: str, known: Any, settings: dict[str, Any], offered: dict[str, Any]) -> tuple[Any, ...]:
    required = [
        each.name
        for each in known.values()
        if each.default is each.empty
        and each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
        and each.name not in settings
    ]
    ways = {0: (), 1: (offered["dataset"],), 2: (offered["input_shape"], offered["num_classes"])}
    if len(required) not in ways:
        raise UsageError(f"model {name!r} requires {', '.join(required)}; expected {_EXPECTED}; others by --set")
    return ways[len(required)]


def _made(name: str, factory: Any, known: Any, positional: tuple[Any, ...], given: dict[str, Any]) -> nn.Module:
    open_ended = any(each.kind is each.VAR_KEYWORD for each in known.values())
    if not open_ended and (unknown := [each for each in given if each not in known]):
        raise UsageError(f"model {name!r} has no setting {unknown[0]!r}; it takes {', '.join(known) or 'nothing'}")
    try:
        model = factory(*positional, **given)
    except Exception as error:  # a person's own code runs here: whatever it raises is the answer
        words = str(error).partition("\n")[0]
        raise UsageError(f"model {name!r}: making it raised {type(error).__name__}: {words}") from error
    if not isinstance(model, nn.Module):
        raise UsageError(f"model {name!r} made a {type(model).__name__}; it must return a torch.nn.Module")
    return model
