"""The reference of everything a room says is public, found when the site is built.

A fenced block ```{members} labelsmooth.schemes``` becomes autodoc directives; names after the room choose and order.
"""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import labelsmooth

BLOCK = re.compile(r"^```\{members\} (\S+) *(.*)\n```$", re.M)
CONSTRUCTED = (type, type(lambda: None))


def own(module: ModuleType) -> list[str]:
    """The public names of a module: those it lists, else what it or its room defines, else what it hands on."""
    if hasattr(module, "__all__"):
        return [name for name in module.__all__ if not name.startswith("_")]
    homes = {name: each.__module__ for name, each in vars(module).items() if isinstance(each, CONSTRUCTED)}
    named = {name: f"{home}." for name, home in homes.items() if not name.startswith("_")}
    defined = [name for name, home in named.items() if home.startswith(f"{module.__name__}.")]
    return defined or [name for name, home in named.items() if home.startswith("labelsmooth.")]


def public(name: str) -> list[tuple[str, str]]:
    """(module, name) of what is public in a room; of its files, where the room itself lists nothing."""
    module = import_module(name)
    if own(module):
        return [(name, each) for each in sorted(own(module), key=lambda each: each not in labelsmooth.__all__)]
    files = sorted(path.stem for path in Path(str(module.__file__)).parent.glob("[a-z]*.py"))
    return [found for file in files for found in public(f"{name}.{file}")]


def entry(module: str, name: str) -> list[str]:
    """The autodoc directive of one name."""
    thing = getattr(import_module(module), name)
    if name in labelsmooth.__all__ and getattr(labelsmooth, name) is thing:
        module = "labelsmooth"
    if inspect.isclass(thing):
        return [f".. autoclass:: {module}.{name}", "   :members:", ""]
    kind = "autofunction" if callable(thing) else "autodata"
    return [f".. {kind}:: {module}.{name}", ""]


def directives(found: re.Match[str]) -> str:
    """What takes the place of a block."""
    room, chosen = found[1], found[2].split()
    names = [(room, name) for name in chosen] or public(room)
    return "\n".join(["```{eval-rst}", *(line for module, name in names for line in entry(module, name)), "```"])


def expand(app: Any, page: str, source: list[str]) -> None:
    """Before a page is parsed."""
    source[0] = BLOCK.sub(directives, source[0])


def skip(app: Any, what: str, name: str, thing: Any, skipped: bool, options: Any) -> bool | None:
    """Methods that other libraries put into our classes have their own documentation."""
    module = getattr(thing, "__module__", None) or getattr(getattr(thing, "fget", None), "__module__", None)
    return True if module is not None and not str(module).startswith("labelsmooth") else None


def setup(app: Any) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("source-read", expand)
    app.connect("autodoc-skip-member", skip)
    return {"parallel_read_safe": True}
