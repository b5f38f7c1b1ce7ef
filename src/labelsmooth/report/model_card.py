"""The model card: data, training, what was compared, the verdict and its limits, in one short Markdown file."""

from __future__ import annotations

from pathlib import Path

from .._web import files
from ._format import plural
from ._read import Results, items, number_at, words
from ._rows import rows_of
from .markdown import plain, table
from .views import facts, verdict

_FIXED_LIMITS = (
    "The verdict holds with these training settings, on data like the test split; it says nothing of other data.",
    "Only the pair H\\*, S\\* was decided on; every other interval is exploratory.",
    "Temperatures belong to these models and this kind of data: fit them again for others.",
)


def render(results: Results) -> str:
    """Return the card; names from outside stay text."""
    told, found = verdict.view(results), facts.view(results)
    name = words(results, "data", "name")
    sentence = told.sentence or "These results hold no verdict."
    parts = [
        f"# Model card: hard and smoothed labels{f' on {plain(name)}' if name else ''}",
        f"**{plain(sentence, 2000)}**",
        *_section("Data", [f"{plain(fact.name)}: {plain(fact.value)}" for fact in found.data]),
        *_section("Training", [f"{plain(fact.name)}: {plain(fact.value)}" for fact in found.settings]),
        *_code("How to run it again", found.command),
        "## What was compared",
        _compared(results),
        "\n".join(table(results)),
        *_code("For your own training", told.snippet),
        *_section("Limits", _limits(results)),
    ]
    return "\n\n".join(parts) + "\n"


def write(results: Results, path: Path) -> Path:
    """Write the card to `path` and return it."""
    return files.write(render(results), path, "model card")


def _section(title: str, lines: list[str]) -> list[str]:
    return [f"## {title}", "\n".join(f"- {line}" for line in lines)] if lines else []


def _code(title: str, text: str) -> list[str]:
    """A block that is indented, not fenced: no text in it can end it."""
    return [f"## {title}", "\n".join(f"    {line}" for line in text.splitlines())] if text else []


def _compared(results: Results) -> str:
    methods = {words(row, "method") for row in rows_of(results)}
    seeds = number_at(results, "verdict", "seeds")
    times = "" if seeds is None else f", {plural(seeds, 'seed')} each"
    return f"{plural(len(methods), 'method')}{times}; hard labels with temperature scaling are the reference, H\\*."


def _limits(results: Results) -> list[str]:
    warned = [
        f"{plain(words(each, 'sentence'), 600)} ({plain(words(each, 'code'))})" for each in items(results, "warnings")
    ]
    return [*warned, *(plain(str(note), 600) for note in items(results, "notes")), *_FIXED_LIMITS]
