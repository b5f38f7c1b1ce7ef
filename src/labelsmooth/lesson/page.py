"""The study page as text and as a file: content is computed, templates print it, one hash allows one script."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from .._web import files
from .._web.environment import UNPRINTABLE, environment
from . import cards, deeper, machine, myths, pitfalls, practice, recall, replay, sheet, steps, tutorials
from ._figures import before_and_after
from ._items import LEVELS
from ._text import fixed, rich

if TYPE_CHECKING:
    import jinja2

_HERE = Path(__file__).parent
_SCRIPTS = ("page", "arithmetic", "map", "machine", "replay", "ask", "cards", "recall")
PARTS = (
    ("overview", "Overview"),
    ("machine", "The machine"),
    ("replay", "Training, replayed"),
    ("steps", "Seven steps"),
    ("deeper", "Why and where"),
    ("myths", "Myths"),
    ("pitfalls", "Pitfalls"),
    ("cards", "Flash cards"),
    ("recall", "Open recall"),
    ("practice", "Practice"),
    ("sheet", "Quick revision"),
)


@cache
def _environment() -> jinja2.Environment:
    made = environment(_HERE / "templates")
    made.filters.update(rich=rich, fixed=fixed)
    return made


def _script() -> str:
    """All scripts as one, in the order in which they need each other."""
    return "\n".join((_HERE / "scripts" / f"{name}.js").read_text(encoding="utf-8") for name in _SCRIPTS)


def _hash(script: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _json(value: Any) -> Markup:
    """JSON that cannot end the element that it stands in."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return Markup(text.replace("<", "\\u003c").replace("&", "\\u0026"))


def _context() -> dict[str, Any]:
    script = "\n" + _script() + "\n"
    return {
        "parts": PARTS,
        "levels": LEVELS,
        "script": Markup(script),
        "script_hash": _hash(script),
        "machine_data": _json(machine.machine()),
        "presets": machine.buttons(),
        "recordings": _json(replay.data()),
        "runs": replay.told(),
        "source": replay.source(),
        "picture": before_and_after(),
        "prerequisites": deeper.prerequisites(),
        "notes": deeper.notes(),
        "steps": steps.steps(),
        "myths": myths.myths(),
        "setup": pitfalls.setup(),
        "pitfalls": pitfalls.pitfalls(),
        "corrections": tutorials.corrections(),
        "cards": cards.cards(),
        "prompts": recall.prompts(),
        "questions": practice.questions(),
        "sheet": sheet.sheet(),
    }


def render() -> str:
    """Return the study page: one self-contained document; its script is allowed by hash, every request refused."""
    return _environment().get_template("page.html.j2").render(_context()).translate(UNPRINTABLE)


def render_sheet() -> str:
    """Return the quick revision sheet alone, for one printed page."""
    return _environment().get_template("sheet_page.html.j2").render(sheet=sheet.sheet()).translate(UNPRINTABLE)


def write(path: str | os.PathLike[str], *, only_sheet: bool = False) -> Path:
    """Write the page, or the sheet alone, to `path` and return it."""
    return files.write(render_sheet() if only_sheet else render(), path, "study page")
