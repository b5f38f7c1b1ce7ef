"""What people use instead of label smoothing: one file a rival. `FocalLoss` lives in `focal.py`, and so on."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from .. import _checks


def names() -> list[str]:
    """The rivals' lower-case names, read from the folder without importing torch.

    >>> "focal" in names() and "distillation" in names()
    True
    """
    return sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))


def class_name(name: str) -> str:
    """The name of the class in that file.

    >>> class_name("logit_norm"), class_name("mixup")
    ('LogitNormLoss', 'Mixup')
    """
    return "".join(part.capitalize() for part in name.split("_")) + ("" if name == "mixup" else "Loss")


def find(name: str) -> Any:
    """The class of that lower-case name; a ValueError lists what there is.

    >>> find("focal").__name__
    'FocalLoss'
    """
    _checks.one_of(name, names(), "rival")
    return getattr(import_module(f".{name}", __name__), class_name(name))


def __getattr__(name: str) -> Any:
    if name == "chosen":
        return import_module("._chosen", __name__).chosen
    for file in names():
        if class_name(file) == name:
            return getattr(import_module(f".{file}", __name__), name)
    raise AttributeError(f"no rival {name!r}; there are: {', '.join(map(class_name, names()))}")


__all__ = [*map(class_name, names()), "chosen", "class_name", "find", "names"]


def __dir__() -> list[str]:
    return __all__
