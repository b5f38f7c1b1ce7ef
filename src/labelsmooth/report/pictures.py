"""Every figure of the report as a PNG of its own, for slides and papers."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from .. import _files, _web
from .._checks import UsageError
from .._web.png import png
from ._read import Results
from .views import curves, reliability, search, verdict

_SHEETS = (Path(_web.__file__).parent / "look.css", Path(__file__).parent / "templates" / "style.css")


@dataclass(frozen=True)
class Picture:
    """A figure, what it shows where it does not say so itself, class and name of each entry of its legend."""

    svg: Markup
    title: str = ""
    keys: tuple[tuple[str, str], ...] = ()


def figures(results: Results) -> dict[str, Picture]:
    """The figures by the name of their file: verdict, reliability-…, curve-…, search-…."""
    interval = verdict.view(results).picture
    told = {} if interval is None else {"verdict": Picture(interval)}
    for stage in reliability.view(results):
        for diagram in stage.diagrams:
            told[f"reliability-{_slug(stage.title)}-{diagram.role}"] = Picture(diagram.picture)
    return told | _panels("curve", curves.view(results)) | _panels("search", search.view(results))


def _panels(kind: str, shown: curves.Curves | search.Search | None) -> dict[str, Picture]:
    """The panels of a section, each with the legend that they share on the page."""
    keys = () if shown is None else tuple((key.style, key.name) for key in shown.keys)
    panels = () if shown is None else shown.panels
    return {f"{kind}-{_slug(panel.title)}": Picture(panel.picture, panel.title, keys) for panel in panels}


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def sheet() -> str:
    """The style sheets of the page."""
    return "\n".join(path.read_text(encoding="utf-8") for path in _SHEETS)


def write(results: Results, folder: str | os.PathLike[str]) -> list[Path]:
    """Write each figure to `folder` and return the files; raises UsageError where it cannot."""
    target, styles = Path(folder), sheet()
    drawn = {
        target / f"{name}.png": png(str(each.svg), styles, each.title, each.keys)
        for name, each in figures(results).items()
    }
    try:
        target.mkdir(parents=True, exist_ok=True)
        for path, content in drawn.items():
            _files.write(path, content)
    except OSError as error:
        why = f"the figures cannot be written to {target} ({error.strerror}); pass a folder that can be"
        raise UsageError(why) from error
    return list(drawn)
