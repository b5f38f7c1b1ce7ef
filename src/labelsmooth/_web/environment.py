"""The template engine of a room's pages: always escaping, strict about names, with the shared style sheet at hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .._checks import require

if TYPE_CHECKING:
    import jinja2

_SHARED = Path(__file__).parent
# control characters other than tab and line feed have no place in HTML and lone surrogates none in UTF-8
UNPRINTABLE = {13: None, **dict.fromkeys([*range(9), 11, 12, *range(14, 32), 127, *range(0xD800, 0xE000)], "\ufffd")}


def environment(*folders: Path) -> jinja2.Environment:
    """Return an environment that looks into `folders`, then into this one."""
    jinja = require("app", "jinja2")
    made: jinja2.Environment = jinja.Environment(
        loader=jinja.FileSystemLoader([*folders, _SHARED]),
        autoescape=True,
        undefined=jinja.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return made
