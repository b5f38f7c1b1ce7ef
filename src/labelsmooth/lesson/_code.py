"""Examples that are run while the page is built: what stands beside the code is what it printed."""

from __future__ import annotations

import contextlib
import io
import traceback
import warnings
from dataclasses import dataclass
from functools import cache
from textwrap import dedent
from typing import Any

import torch


@dataclass(frozen=True)
class Example:
    """Code and what it printed; the last line is the error, if it ended with one."""

    code: str
    output: str
    failed: bool


@cache
def run(code: str) -> Example:
    """Run `code` in a fresh namespace and keep what it prints, warns and raises, in this order of lines.

    torch's global random state is left as it was; an example that draws numbers seeds itself.
    """
    text = dedent(code).strip("\n")
    printed = io.StringIO()
    with torch.random.fork_rng(devices=[]), contextlib.redirect_stdout(printed), warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, category, *_, **__: print(f"{category.__name__}: {message}")
        failed = _execute(text)
    return Example(text, printed.getvalue().strip("\n"), failed)


def _execute(text: str) -> bool:
    """Whether the code raised; the error's last line is printed, as the interpreter would print it."""
    namespace: dict[str, Any] = {"__name__": "example"}
    try:
        exec(compile(text, f"<example {hash(text):x}>", "exec"), namespace)
    except Exception as error:
        print("".join(traceback.format_exception_only(error)).strip())
        return True
    return False
