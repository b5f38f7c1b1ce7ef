"""From "module:attribute" and its arguments to a loss; loads no torch by itself."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from .._checks import UsageError
from .._named import find, parse_value


@dataclass(frozen=True)
class Recipe:
    """How a loss was made, so that it can be made again with one argument changed, and written as code."""

    factory: Callable[..., Any]
    arguments: Mapping[str, Any]
    module: str
    attribute: str

    @property
    def is_class(self) -> bool:
        return inspect.isclass(self.factory)

    def build(self) -> Callable[..., Any]:
        """Return the loss, made again."""
        return self.factory(**self.arguments) if self.is_class else partial(self.factory, **self.arguments)

    def parameters(self) -> dict[str, inspect.Parameter]:
        """The parameters of the class or function, by name; none where Python cannot tell."""
        try:
            return dict(inspect.signature(self.factory).parameters)
        except (TypeError, ValueError):
            return {}


@dataclass(frozen=True)
class LoadedLoss:
    """A loss found by name; calling it calls the loss."""

    name: str
    loss: Callable[..., Any]
    recipe: Recipe = field(repr=False)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.loss(*args, **kwargs)


def _check_names(recipe: Recipe, spec: str) -> None:
    known = recipe.parameters()
    if not known or any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values()):
        return
    unknown = [name for name in recipe.arguments if name not in known]
    if unknown:
        raise UsageError(f"{spec!r} takes no argument {unknown[0]!r}; it takes: {', '.join(known)}")


def _as_tensors(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with lists of numbers as tensors."""
    import torch

    def converted(value: Any) -> Any:
        numbers = isinstance(value, (list, tuple)) and all(isinstance(entry, (int, float)) for entry in value)
        return torch.tensor(value, dtype=torch.float32) if numbers else value

    return {name: converted(value) for name, value in arguments.items()}


def _instance(recipe: Recipe, spec: str) -> tuple[Any, Recipe]:
    """Build the class; where it refuses a list, offer the list as a tensor (torch's `weight`)."""
    try:
        return recipe.build(), recipe
    except Exception as error:  # the user's constructor: its own words are the best message
        with_tensors = _as_tensors(recipe.arguments)
        if any(with_tensors[name] is not value for name, value in recipe.arguments.items()):
            return _instance(replace(recipe, arguments=with_tensors), spec)
        given = ", ".join(f"{name}={value!r}" for name, value in recipe.arguments.items()) or "no arguments"
        raise UsageError(
            f"{spec!r} could not be built with {given}: {type(error).__name__}: {error}; "
            "pass its arguments as --arg name=value"
        ) from error


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:39]}…"


def load_loss(spec: str, args: Mapping[str, Any] | None = None) -> LoadedLoss:
    """Return the loss named `module:attribute`: a class is built with `args`, a function gets them as keywords.

    Text values are read as Python literals where they are literals ("0.1", "None", "[1, 2]"), else kept as text. The
    current folder is put on the import path, as `python -m` does.

    Raises UsageError naming what is missing: the module, the attribute, or an argument it does not take.

    >>> from labelsmooth.audit import load_loss
    >>> load_loss("torch.nn:CrossEntropyLoss", {"label_smoothing": "0.1"}).loss.label_smoothing
    0.1
    """
    found, module, path = find(spec, "torch.nn:CrossEntropyLoss", ("loss", "entropy"))
    arguments = {name: parse_value(value) for name, value in (args or {}).items()}
    title = f"{spec}({', '.join(f'{name}={value!r}' for name, value in arguments.items())})" if arguments else spec
    recipe = Recipe(found, arguments, module, path)
    if not callable(found):
        raise UsageError(f"{spec!r} is {_short(found)}, of type {type(found).__name__}, not a loss that can be called")
    if not inspect.isclass(found) and not inspect.isroutine(found):
        if arguments:
            raise UsageError(f"{spec!r} is an object that is already built; it takes no arguments, got {arguments}")
        return LoadedLoss(title, found, recipe)
    _check_names(recipe, spec)
    if not recipe.is_class:
        return LoadedLoss(title, recipe.build(), recipe)
    loss, recipe = _instance(recipe, spec)
    if not callable(loss):
        raise UsageError(f"{spec!r} builds a {type(loss).__name__} that cannot be called as a loss")
    return LoadedLoss(title, loss, recipe)
