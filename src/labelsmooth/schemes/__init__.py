"""How the smoothing mass is spread: one file a scheme. `Uniform` lives in `uniform.py`, and so on."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from .. import _checks

_BESIDE = {"Scheme": "_base", "unsmooth": "_unsmooth"}


def names() -> list[str]:
    """The schemes' lower-case names, read from the folder without importing torch.

    >>> "uniform" in names() and "others" in names()
    True
    """
    return sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))


def _class_name(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def make(name: str, amount: float) -> Any:
    """Build a scheme from its lower-case name and its amount ε, as the command line does.

    A scheme that has to be told more than its amount raises a UsageError that says what, and how in Python.

    >>> make("others", 0.1)
    Others(0.1)
    """
    _checks.one_of(name, names(), "scheme")
    scheme = getattr(import_module(f".{name}", __name__), _class_name(name))
    if scheme.needs is not None:
        raise _checks.UsageError(
            f"scheme {name!r} needs more than an amount, {scheme.needs}. Use it from Python: "
            f"CrossEntropyLoss(label_smoothing=…), with labelsmooth.schemes.{scheme.__name__}"
        )
    return scheme(amount)


def __getattr__(name: str) -> Any:
    for file in names():
        if _class_name(file) == name:
            return getattr(import_module(f".{file}", __name__), name)
    if name in _BESIDE:
        return getattr(import_module(f".{_BESIDE[name]}", __name__), name)
    raise AttributeError(f"no scheme {name!r}; there are: {', '.join(map(_class_name, names()))}")


__all__ = [*map(_class_name, names()), *_BESIDE, "make", "names"]


def __dir__() -> list[str]:
    return __all__
