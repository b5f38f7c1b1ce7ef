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
from .views import curves, reliability, verdict

_SHEETS = (Path(_web.__file__).parent / "look.css", Path(__file__).parent / "templates" / "style.css")


@dataclass(frozen=True)
class Picture:
    """A figure, and class and name of each of its lines where it has a legend."""

    svg: Markup
    keys: tuple[tuple[str, str], ...] = ()


def figures(results: Results) -> dict[str, Picture]:
    """The figures by the name of their file: verdict, reliability-…, curve-…."""
    interval, lines = verdict.view(results).picture, curves.view(results)
    told = {} if interval is None else {"verdict": Picture(interval)}
    for stage in reliability.view(results):
        for diagram in stage.diagrams:
            told[f"reliability-{_slug(stage.title)}-{diagram.role}"] = Picture(diagram.picture)
    keys = tuple((key.style, key.name) for key in lines.keys)
    return told | {f"curve-{_slug(panel.title)}": Picture(panel.picture, keys) for panel in lines.panels}


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def sheet() -> str:
    """The style sheets of the page."""
    return "\n".join(path.read_text(encoding="utf-8") for path in _SHEETS)


def write(results: Results, folder: str | os.PathLike[str]) -> list[Path]:
    """Write each figure to `folder` and return the files; raises UsageError where it cannot."""
    target, styles = Path(folder), sheet()
    drawn = {target / f"{name}.png": png(str(each.svg), styles, each.keys) for name, each in figures(results).items()}
    try:
        target.mkdir(parents=True, exist_ok=True)
        for path, content in drawn.items():
            _files.write(path, content)
    except OSError as error:
        why = f"the figures cannot be written to {target} ({error.strerror}); pass a folder that can be"
        raise UsageError(why) from error
    return list(drawn)
