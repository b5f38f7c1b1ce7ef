"""Our docstrings as Sphinx reads them: Markdown's marks made harmless, short sections opened up."""

from __future__ import annotations

import re
from typing import Any

SHORT = re.compile(r"^(Source|Shapes|Units): (.*)$")
RAISED = re.compile(r"(?:^|(?<=[.;] ))((?:\w+(?:Error|Warning|Extra|Interrupt)(?:, | or )?)+): ")
FIELD = re.compile(r"^([a-z]\w*) {2,}(?=\S)")
VERBATIM = re.compile(r"^\s*(>>>|\.\.\.|=+( +=+)+$)")  # doctests, and tables of RST, to the next empty line
CODE = re.compile(r"(`+[^`]+`+_?|:[\w:]+:`[^`]+`)")


def harmless(line: str) -> str:
    """Stars, bars and trailing underscores outside code are text here, never RST."""
    parts = CODE.split(line)
    for i in range(0, len(parts), 2):
        parts[i] = re.sub(r"(?<!\\)([*|])", r"\\\1", parts[i])
        parts[i] = re.sub(r"(\w)_(?=\W|$)", r"\1\\_", parts[i])
    return "".join(parts)


def paragraph_end(lines: list[str], start: int) -> int:
    """The first line after `start` that is empty."""
    return next((i for i in range(start, len(lines)) if not lines[i].strip()), len(lines))


def raised(lines: list[str]) -> list[str]:
    """One line for each exception, however the sentences were wrapped."""
    parts = RAISED.split(" ".join(line.strip() for line in lines))
    said = [f"    {name}: {words.strip()}" for name, words in zip(parts[1::2], parts[2::2], strict=True)]
    return [f"    {parts[0].strip()}", *said] if parts[0].strip() else said


def opened(lines: list[str]) -> list[str]:
    """`Source: …` as a section with a body, `Raises:` with one entry a line."""
    out: list[str] = []
    i = 0
    while i < len(lines):
        short, end = SHORT.match(lines[i]), paragraph_end(lines, i)
        if short is not None:
            out += ["", f"{short[1]}:", *(f"    {line.strip()}" for line in (short[2], *lines[i + 1 : end]))]
            i = end
        elif lines[i].strip() == "Raises:" and i + 1 < end:
            out += [lines[i], *raised(lines[i + 1 : end])]
            i = end
        else:
            out.append(lines[i])
            i += 1
    return out


def listed(lines: list[tuple[str, bool]]) -> list[str]:
    """Fields of a record, written as a name and two spaces or more, as items of a list."""
    out: list[str] = []
    inside = False
    for line, verbatim in lines:
        field = None if verbatim else FIELD.match(line)
        inside = bool(line.strip()) and (field is not None or inside)
        text = line if verbatim else harmless(line)
        out.append(FIELD.sub(r"- ``\1``: ", text) if field else f"  {text.strip()}" if inside else text)
    return out


def process(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Runs before napoleon."""
    in_code = False
    said: list[tuple[str, bool]] = []
    for line in lines:
        in_code = VERBATIM.match(line) is not None or (in_code and bool(line.strip()))
        said.append((line, in_code))
    lines[:] = opened(listed(said))


def setup(app: Any) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", process, priority=400)
    return {"parallel_read_safe": True}
