"""The verdict and the table as Markdown, for pull requests and issues; text from outside stays text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from ._format import count, fixed, percent, plural, signed
from ._read import Results, items, number_at, words
from ._rows import Row, checkpoint_of, chosen, deciding, measure_name, metric, name_of, rows_of, star_of, test_rows
from .views import search, verdict

_MOST_TRIED = 40
_MOST = 20  # rows besides the pair: a comment is read, the page holds the rest
_HEADINGS = ("", "method", "checkpoint", "accuracy", "NLL", "gap", "ECE (null)", "T", "NLL after T")
_UNSAFE = re.compile(
    r"[!-$&-+\-/:;<>-@\[-`{-~=]|(?<=[A-Za-z])\.|[\u202a-\u202e\u2066-\u2069\ud800-\udfff]|[^\S ]|[\x00-\x1f\x7f]"
)


def plain(text: str, limit: int = 300) -> str:
    """Return text that Markdown and HTML show as it is: no markup, no mention, no link, one line.

    >>> plain("a|b <b>@me</b>")
    'a&#124;b &#60;b&#62;&#64;me&#60;&#47;b&#62;'
    """
    short = text if len(text) <= limit else text[: limit - 1] + "…"
    return _UNSAFE.sub(lambda found: _shown(found[0]), short).strip() or "–"


def _shown(character: str) -> str:
    if character.isspace():
        return " "
    return f"&#{ord(character)};" if "!" <= character <= "~" else "\ufffd"


def render(results: Results, pictures: Sequence[Path] = ()) -> str:
    """Return the verdict, why, the deciding pair and the other methods, what a search tried, and pictures by their
    paths."""
    told = verdict.view(results)
    sentence = told.sentence or "These results hold no verdict."
    head = [f"### {plain(told.badge)}" if told.badge else "### labelsmooth", "", f"**{plain(sentence, 2000)}**", ""]
    reasons = [f"- {plain(reason, 600)}" for reason in [*told.reasons, told.settle, told.failed] if reason]
    shown = [line for path in pictures for line in (f"![{path.stem}]({quote(path.as_posix())})", "")]
    return "\n".join([*head, *reasons, "", *table(results), "", _legend(results), "", *tried(results), *shown]) + "\n"


def table(results: Results) -> list[str]:
    """Return the lines of the table: the deciding pair, then the others, at most 20 of them."""
    pair = [row for role in ("hard", "smooth") if (row := chosen(results, role)) is not None]
    others = [row for row in rows_of(results) if row not in pair]
    heads = [*_HEADINGS, f"Δ {measure_name(deciding(results))}, 95 %"]
    lines = [_line(heads), _line(["---"] * 3 + ["---:"] * (len(heads) - 3))]
    lines += [_line(_cells(row)) for row in [*pair, *others[:_MOST]]]
    left = len(others) - _MOST
    return [*lines, *(["", f"{plural(left, 'more row')} in the page."] if left > 0 else [])]


def tried(results: Results) -> list[str]:
    """Return what a search found on validation: sentences, and each measure against the amount with its spread."""
    found = search.view(results)
    if found is None:
        return []
    done = [line for line in found.lines if line.state == "complete"]
    by_amount = sorted(done, key=lambda line: (line.amount or 0.0, line.name))
    lines = [_line(["", "ε", "candidate", *found.measures, ""]), _line(["---", "---:", "---", *["---:"] * 7, "---"])]
    lines += [_line(_tried(line)) for line in by_amount[:_MOST_TRIED]]
    left = len(found.lines) - min(len(done), _MOST_TRIED)
    more = [f"{plural(left, 'other candidate')}: in the page.", ""] if left else []
    head = ["#### What was tried, on validation", "", plain(" ".join(found.sentences), 2000), ""]
    return [*head, *lines, "", *more, "<sub>Mean ± standard deviation over seeds.</sub>", ""]


def _tried(line: search.Line) -> list[str]:
    amount = "" if line.amount is None else f"{line.amount:g}"
    return [
        line.star.replace("*", "\\*"),
        amount,
        plain(line.name),
        *line.spread,
        plain(line.fate) if line.fate else "",
    ]


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(row: Row) -> list[str]:
    low, high = (number_at(row, "difference", end) for end in ("lower", "upper"))
    null = metric(row, "before", "ece_null")
    return [
        star_of(row).replace("*", "\\*"),
        plain(name_of(row)),
        plain(checkpoint_of(row)),
        percent(metric(row, "after", "accuracy")),
        fixed(metric(row, "before", "nll")),
        signed(metric(row, "before", "signed_gap"), 3),
        fixed(metric(row, "before", "ece"), 3) + ("" if null is None else f" ({fixed(null, 3)})"),
        fixed(number_at(row, "temperature", "mean"), 2),
        fixed(metric(row, "after", "nll")),
        "" if low is None else f"{signed(number_at(row, 'difference', 'value'))} [{signed(low)}, {signed(high)}]",
    ]


def _legend(results: Results) -> str:
    rows, seeds = test_rows(results), number_at(results, "verdict", "seeds")
    size = (
        "" if rows is None else f" {count(rows)} test rows" + ("." if seeds is None else f", {plural(seeds, 'seed')}.")
    )
    data = words(results, "data", "name")
    notes = "".join(f" {plain(str(note), 600)}" for note in items(results, "notes"))
    return (
        f"<sub>{plain(data) + ':' if data else ''}{size} H\\*, S\\*: best unsmoothed and best smoothed setting; only "
        "this pair decides. Δ: gain over H\\*. ECE stands beside its null, what a calibrated model would score."
        f"{notes}</sub>"
    )
