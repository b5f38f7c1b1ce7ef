"""Which page stands where: folders of cards below their README, new pages in the contents without being named."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pygments.lexers.special import TextLexer

BELOW = "\n\n```{toctree}\n:hidden:\n:glob:\n\n*\n```\n"
ABOVE = re.compile(r"^```\{above\} (\S+)\n```$", re.M)
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]+)")
REST = "THE OTHER PAGES"


def others(index: str, folder: Path) -> list[str]:
    """The pages beside the index that its contents do not name."""
    named = set(re.findall(r"^(?:.*<)?([\w/-]+)>?$", index, re.M))
    return [path.stem for path in sorted(folder.glob("*.md")) if path.stem not in {*named, "index"}]


def above(found: re.Match[str]) -> str:
    """A page of the project's root, its links seen from here."""
    text = (Path(__file__).parents[2] / found[1]).read_text(encoding="utf-8")
    return LINK.sub(lambda link: f"]({seen_from_docs(link[1])}", text)


def seen_from_docs(link: str) -> str:
    """`docs/tune.md` is `tune.md` here, `llms.txt` is `../llms.txt`."""
    return link.removeprefix("docs/") if link.startswith("docs/") else f"../{link}"


def place(app: Any, page: str, source: list[str]) -> None:
    """Before a page is parsed."""
    if page == "index":
        source[0] = source[0].replace(REST, "\n".join(others(source[0], Path(app.srcdir))))
    source[0] = ABOVE.sub(above, source[0])
    if page.endswith("/README"):
        source[0] += BELOW


def setup(app: Any) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("source-read", place)
    app.add_lexer("csv", TextLexer)
    return {"parallel_read_safe": True}
