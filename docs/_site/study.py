"""The study page, as `labelsmooth learn --out` makes it, beside the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from labelsmooth.cli import run


def build(app: Any, exception: Exception | None) -> None:
    """After the site has been written."""
    if exception is None and app.builder.format == "html":
        target = Path(app.outdir) / "learn.html"
        target.unlink(missing_ok=True)
        if run(["learn", "--out", str(target)]) != 0:
            raise RuntimeError("labelsmooth learn failed")


def setup(app: Any) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("build-finished", build)
    return {"parallel_read_safe": True}
