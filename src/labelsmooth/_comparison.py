"""The object that people hold after a command."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, final


@final
class Comparison:
    """What came of a comparison: the verdict, the table, the page.

    >>> from labelsmooth import compare                                     # doctest: +SKIP
    >>> result = compare("digits", seeds=3)                                 # doctest: +SKIP
    >>> result.verdict["code"], result.verdict["sentence"]                  # doctest: +SKIP
    """

    def __init__(self, results: dict[str, Any], path: Path | None = None, failures: Sequence[str] = ()) -> None:
        self.results, self.path = results, path
        self.failures = list(failures)
        """What `fail_if` asked for and met: one sentence for each."""

    @property
    def verdict(self) -> dict[str, Any]:
        """code ("smooth", "keep_hard" or "open"), sentence, and the numbers behind it.

        Empty where nothing was decided, as for a single model; `.notes` say why.
        """
        return self.results["verdict"] or {}

    @property
    def notes(self) -> list[str]:
        """What has to be known of these results."""
        return list(self.results.get("notes", ()))

    @property
    def table(self) -> list[dict[str, Any]]:
        """One record for each method and checkpoint, as in results.json: `pandas.DataFrame` takes it as it is."""
        table: list[dict[str, Any]] = self.results["methods"]
        return table

    @property
    def tuning(self) -> dict[str, Any]:
        """What `tune` tried on validation, as in results.json; empty for other commands."""
        return self.results.get("tuning") or {}

    def report(self, path: str | Path) -> Path:
        """Write the page to `path` and return it."""
        from . import report

        return report.write(self.results, Path(path))

    def document(self, folder: Path) -> None:
        """Write report.html and model_card.md into `folder`."""
        from .report import model_card

        self.report(folder / "report.html")
        model_card.write(self.results, folder / "model_card.md")

    def markdown(self, pictures: Sequence[Path] = ()) -> str:
        """The verdict and the tables as Markdown, for a pull request; `pictures` are shown by their paths."""
        from .report import markdown

        return markdown.render(self.results, pictures)

    def figures(self, folder: str | Path) -> list[Path]:
        """Write every figure of the page as a PNG into `folder` and return the files."""
        from .report import pictures

        return pictures.write(self.results, folder)

    def _repr_html_(self) -> str:
        from . import report

        return report.render_fragment(self.results)

    def __str__(self) -> str:
        from .report import text

        return text.render(self.results)

    def __repr__(self) -> str:
        said = f"{self.verdict['code']}: {self.verdict['sentence']}" if self.verdict else "without a verdict"
        return f"<Comparison {said}>"
