"""What a person names on the command line: `module:attribute` of their own code, and `name=value` for its arguments."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import Any

from ._checks import UsageError


def parse_value(text: Any) -> Any:
    """Return a Python literal where the text is one (`0.1`, `None`, `[1, 2]`), else the text itself."""
    if not isinstance(text, str):
        return text
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def named_value(text: str, option: str, example: str) -> tuple[str, Any]:
    """The name and the value of `name=value`."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f"{option} takes NAME=VALUE, such as {example}; got {text!r}")
    return name, parse_value(value)


def find(spec: str, example: str, hints: Sequence[str] = ()) -> tuple[Any, str, str]:
    """The object named `module:attribute`, the module and the attribute; the current folder is on the import path.

    Raises UsageError naming what is missing. Where the attribute is, names that hold one of `hints` are suggested.
    """
    name, colon, path = spec.partition(":")
    if not (name and colon and path):
        suggestion = f"; did you mean {':'.join(spec.rsplit('.', 1))!r}?" if "." in spec and not colon else ""
        raise UsageError(f"expected module:attribute, as in {example}; got {spec!r}{suggestion}")
    return _attribute(_import(name, spec), path, spec, hints), name, path


def _import(name: str, spec: str) -> Any:
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise UsageError(
            f"no module {error.name!r} for {spec!r}; expected module:attribute, with the module installed or in the "
            f"current folder ({os.getcwd()})"
        ) from error
    except Exception as error:  # the user's module runs here: whatever it raises is the answer
        raise UsageError(f"importing {name!r} raised {type(error).__name__}: {error}") from error


def _attribute(module: Any, path: str, spec: str, hints: Sequence[str]) -> Any:
    found = module
    for part in path.split("."):
        if not hasattr(found, part):
            near = [name for name in dir(module) if any(hint in name.lower() for hint in hints)]
            near = get_close_matches(path, dir(module), 3) or near[:8]
            hint = f"; it has: {', '.join(near)}" if near else ""
            raise UsageError(f"module {module.__name__!r} has no {path!r} (from {spec!r}){hint}")
        found = getattr(found, part)
    return found
