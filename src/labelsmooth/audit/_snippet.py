"""A counterexample as torch lines that run."""

from __future__ import annotations

import inspect
import textwrap
from itertools import groupby
from typing import Any

import numpy as np
from torch import Tensor

from ._case import Array, Case
from ._forms import Form
from ._recipe import Recipe

WIDTH = 92
MOST_NUMBERS = 40


def number(value: float) -> str:
    """A float as Python text; infinities and NaN as torch's names."""
    if np.isnan(value):
        return "torch.nan"
    if np.isinf(value):
        return "torch.inf" if value > 0 else "-torch.inf"
    return repr(float(value) + 0.0)


def _list(parts: list[str], least: int = 6) -> str:
    """A list, with runs of the same entry written as a product."""
    runs = [(text, len(list(group))) for text, group in groupby(parts)]
    if len(parts) < least or all(length == 1 for _, length in runs):
        return f"[{', '.join(parts)}]"
    pieces = [f"[{text}] * {n}" if n > 2 else f"[{', '.join([text] * n)}]" for text, n in runs]
    return pieces[0] if len(pieces) == 1 else " + ".join(pieces)


def matrix(values: Array) -> str:
    return _list([_list([number(v) for v in row]) for row in values], least=3)


def vector(values: Array) -> str:
    return _list([str(int(v)) for v in values])


def apart(expected: Any, got: Any) -> tuple[str, str]:
    """Two things as `shown`, with as many digits as tell them apart."""
    pairs = ((shown(expected, digits=n), shown(got, digits=n)) for n in (6, 9, 12, 17))
    return next((pair for pair in pairs if pair[0] != pair[1]), (shown(expected), shown(got)))


def shown(values: Any, most: int = 8, digits: int = 6) -> str:
    """Numbers in a sentence: a few of them, to a few digits."""
    flat = np.atleast_1d(np.asarray(values, dtype=np.float64))
    if flat.ndim == 2:
        rows = [shown(row, most, digits) for row in flat[:3]]
        return f"[{', '.join(rows)}{', …' if len(flat) > 3 else ''}]" if len(flat) > 1 else rows[0]
    if np.ndim(values) == 0:
        return f"{float(values):.{digits}g}"
    return f"[{', '.join(f'{v + 0.0:.{digits}g}' for v in flat[:most])}{', …' if flat.size > most else ''}]"


def _argument(value: Any) -> str:
    return f"torch.tensor({value.tolist()})" if isinstance(value, Tensor) else repr(value)


def _too_long(recipe: Recipe) -> bool:
    """True where an argument holds more numbers than anyone wants to read."""
    tensors = [value for value in recipe.arguments.values() if isinstance(value, Tensor)]
    return any(value.numel() > MOST_NUMBERS for value in tensors)


def source_lines(recipe: Recipe | None, name: str) -> tuple[str, ...]:
    """Lines that make the loss again, or a comment where it cannot be named or is too long to write."""
    if recipe is None or "<" in recipe.attribute or not recipe.module or _too_long(recipe):
        return (f"# loss = {name}, the loss under audit",)
    lines = [f"from {recipe.module} import {recipe.attribute.partition('.')[0]}"]
    made = [type(value) for value in recipe.arguments.values() if repr(value).startswith(f"{type(value).__name__}(")]
    lines += [f"from {kind.__module__} import {kind.__name__}" for kind in made]
    arguments = ", ".join(f"{key}={_argument(value)}" for key, value in recipe.arguments.items())
    if inspect.isclass(recipe.factory):
        return (*lines, f"loss = {recipe.attribute}({arguments})")
    if not arguments:
        return (*lines, f"loss = {recipe.attribute}")
    return ("from functools import partial", *lines, f"loss = partial({recipe.attribute}, {arguments})")


def _target(form: Form, case: Case) -> str:
    labels = vector(case.labels)
    if form.targets == "probabilities":
        return f"torch.eye({case.num_classes}, dtype=torch.{case.dtype})[{labels}]"
    return f"torch.tensor({labels})" + ("[:, None]" if form.targets.endswith("(N, 1)") else "")


def tensors(form: Form, case: Case, *, direct: bool = False) -> list[str]:
    """Lines that make `logits` and `target`; `direct` makes `logits` what the loss is given."""
    dtype = "" if case.dtype == "float32" else f", dtype=torch.{case.dtype}"
    made = f"torch.tensor({matrix(case.logits)}{dtype})"
    if direct and form.inputs != "logits":
        made = form.code_of_input(made)
    return [f"logits = {made}.requires_grad_()", f"target = {_target(form, case)}"]


def counterexample(source: tuple[str, ...], setup: list[str], lines: tuple[str, ...]) -> str:
    """The whole of it: imports, the loss, the input, and the lines that show the fault."""
    return "\n".join(_fitted(line) for line in ["import torch", *source, *setup, *lines])


def _fitted(line: str) -> str:
    """A long line broken at its spaces; the long ones are all calls, so that Python reads on."""
    if len(line) <= WIDTH or line.startswith("#"):
        return line
    pieces = textwrap.wrap(line, WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
    return "\n".join(pieces)
