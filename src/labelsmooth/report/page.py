"""The page as text and as a file: views and figures are computed first, then printed by the templates."""

from __future__ import annotations

import hashlib
import json
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._web import files
from .._web.environment import UNPRINTABLE, environment
from ._format import moment
from ._read import Results, items, number_at, words
from ._rows import chosen, deciding, measure_name, validated
from .views import (
    curves,
    data_card,
    effects,
    facts,
    relation,
    reliability,
    search,
    shifted,
    side_effects,
    table,
    truth,
    verdict,
)

if TYPE_CHECKING:
    import jinja2

_TEMPLATES = Path(__file__).parent / "templates"


@cache
def _environment() -> jinja2.Environment:
    made = environment(_TEMPLATES)
    made.globals["shown_moves"] = relation.shown
    return made


def _identity(results: Results) -> str:
    """Return a short name for these results, so that ids differ between pages shown in one notebook."""
    return hashlib.sha256(json.dumps(results, default=str).encode()).hexdigest()[:8]


def _context(results: Results) -> dict[str, Any]:
    """Return everything the templates print."""
    return {
        "uid": f"ls-{_identity(results)}",
        "kind": words(results, "run", "kind"),
        "name": words(results, "data", "name"),
        "created": moment(words(results, "run", "created")),
        "verdict": verdict.view(results),
        "effects": effects.view(results),
        "validated": validated(results),
        "measure": measure_name(deciding(results)),
        "table": table.view(results),
        "relation": relation.view(results),
        "side_effects": side_effects.view(results),
        "stages": reliability.view(results),
        "curves": curves.view(results),
        "search": search.view(results),
        "shifted": shifted.view(results),
        "truth": truth.view(results),
        "rivals": chosen(results, "rival") is not None,
        "warnings": [(words(each, "code"), words(each, "sentence")) for each in items(results, "warnings")],
        "failed": [(words(each, "trial"), words(each, "reason")) for each in items(results, "failed")],
        "card": data_card.view(results),
        "facts": facts.view(results),
        "effect": number_at(results, "verdict", "min_effect"),
        "seeds": number_at(results, "verdict", "seeds"),
        "df": number_at(results, "verdict", "df"),
    }


def _print(template: str, results: Results) -> str:
    if not isinstance(results, dict):
        raise TypeError(f"results must be a dict as read from results.json; got {type(results).__name__}")
    return _environment().get_template(template).render(_context(results)).translate(UNPRINTABLE)


def render(results: Results) -> str:
    """Return the whole page: one self-contained HTML document without scripts and without outside requests."""
    return _print("page.html.j2", results)


def render_fragment(results: Results) -> str:
    """Return the content for a notebook (`_repr_html_`): no document around it, styles that touch nothing else."""
    return _print("fragment.html.j2", results)


def write(results: Results, path: str | os.PathLike[str]) -> Path:
    """Write the page to `path` and return it; a reader sees the old file or the new one, never half of either."""
    return files.write(render(results), path, "report")
