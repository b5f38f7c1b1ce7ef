"""Argument checks with one voice: what was expected, what came, what to do."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from numbers import Real
from types import ModuleType
from typing import Any


class UsageError(ValueError):
    """The call itself is wrong (an option, a name, a path); the command line exits with code 2."""


class DataError(ValueError):
    """The data are wrong (a file, a label, a class); the command line exits with code 3."""


class TrialsFailed(RuntimeError):
    """Nothing came of a run; the command line exits with code 1."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C was pressed once: what was under way is finished. `comparison` is what came of the trials that are there,
    or None where they are too few; the command line shows it and exits with code 130."""

    def __init__(self, comparison: Any = None) -> None:
        super().__init__("interrupted; finished trials are kept: resume=True goes on with them")
        self.comparison = comparison


class MissingExtra(ImportError):
    """An optional dependency is not installed; the message names the command that installs it."""


def require(extra: str, module: str) -> ModuleType:
    """Import `module`, or say in one line which extra brings it."""
    try:
        return import_module(module)
    except ImportError as error:
        top = module.partition(".")[0]
        top = "scikit-learn" if top == "sklearn" else top
        raise MissingExtra(f"{top} is not installed; install it with: pip install 'labelsmooth[{extra}]'") from error


def one_of(value: Any, choices: Iterable[str], what: str) -> str:
    """Return `value` if it is one of `choices`, else raise a ValueError that lists them."""
    listed = list(choices)
    if not isinstance(value, str):
        raise TypeError(f"{what} must be a string, one of {listed}; got {value!r}")
    if value not in listed:
        raise ValueError(f"{what} must be one of {listed}; got {value!r}")
    return value


def amount(value: Any, what: str = "label_smoothing", *, negative: bool = False) -> float:
    """Return the smoothing amount ε as a float in [0, 1] (below 0 only with `negative`), or say what to pass (T12)."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{what} must be a number in [0, 1]; got {type(value).__name__} {value!r}")
    number = float(value)
    if number != number or number > 1 or (number < 0 and not negative):
        raise ValueError(f"{what} must be a number in [0, 1]; got {value!r}. Typical values are 0.05 to 0.2")
    return number
