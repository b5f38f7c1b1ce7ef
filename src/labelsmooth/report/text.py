"""The table and the verdict as plain text, at most about 110 columns wide."""

from __future__ import annotations

from ._format import fixed, percent, signed
from ._read import Results, items, number_at, words
from ._rows import Row, chosen, has_metric, metric, name_of, rows_of, star_of, validated
from .views import search

_HEADINGS = (
    "",
    "method",
    "epoch",
    "accuracy",
    "NLL",
    "gap",
    "ECE",
    "null",
    "T",
    "NLL",
    "ECE",
    "Δ NLL",
    "95 % interval",
)


def render(results: Results) -> str:
    """The table, how to read it, and the verdict."""
    figures = [_table(results), _legend(results), *_failures(results), ""]
    return "\n".join([*figures, *_searched(results), *_notes(results), *_warnings(results), *_verdict(results)])


def _table(results: Results) -> str:
    lines: list[tuple[str, ...]] = [("", "", "", "", "before T", "", "", "", "", "after T", "", "", ""), _HEADINGS]
    lines.extend(_line(row) for row in _sorted(results))
    widths = [max(len(line[i]) for line in lines) for i in range(len(_HEADINGS))]
    return "\n".join(_aligned(line, widths) for line in lines)


def _sorted(results: Results) -> list[Row]:
    pair = [row for role in ("hard", "smooth") if (row := chosen(results, role)) is not None]
    return [*pair, *(row for row in rows_of(results) if row not in pair)]


def _line(row: Row) -> tuple[str, ...]:
    low, high = (number_at(row, "difference", end) for end in ("lower", "upper"))
    return (
        star_of(row),
        name_of(row),
        words(row, "checkpoint"),
        percent(metric(row, "after", "accuracy")),
        fixed(metric(row, "before", "nll")),
        signed(metric(row, "before", "signed_gap"), 3),
        fixed(metric(row, "before", "ece"), 3),
        fixed(metric(row, "before", "ece_null"), 3),
        fixed(number_at(row, "temperature", "mean"), 2),
        fixed(metric(row, "after", "nll")),
        fixed(metric(row, "after", "ece"), 3),
        signed(number_at(row, "difference", "value")),
        "" if low is None else f"[{signed(low)}, {signed(high)}]",
    )


def _aligned(line: tuple[str, ...], widths: list[int]) -> str:
    cells = [
        text.ljust(w) if i in (0, 1, 2) else text.rjust(w) for i, (text, w) in enumerate(zip(line, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()


def _legend(results: Results) -> str:
    known = has_metric(results, "true_calibration_error")
    truth = " The page shows the true calibration error too." if known else ""
    where = " on validation" if validated(results) else ""
    pair = f"\nH*, S*: best unsmoothed and smoothed setting{where}; only this pair decides. Δ: gain over H*."
    rivals = "\nR*: the best setting of each rival, chosen likewise; its interval is exploratory, as all others are."
    return (
        f"{pair if results.get('verdict') else ''}{rivals if chosen(results, 'rival') else ''}"
        f"\ngap: confidence − accuracy. null: the ECE of a perfectly calibrated model on as many rows.{truth}"
    )


def _failures(results: Results) -> list[str]:
    failed = items(results, "failed")
    if not failed:
        return []
    first = f"{words(failed[0], 'trial')}: {words(failed[0], 'reason')}"
    return [f"\n{len(failed)} trials failed and are left out; the first: {first}"]


def _searched(results: Results) -> list[str]:
    """What a search tried on validation, and the amounts that are as good as the best; edges are warned of."""
    found = search.sentences(results)[:2]
    return [f"Searched: {' '.join(found)}", ""] if found else []


def _notes(results: Results) -> list[str]:
    """What has to be known of the figures; without a verdict the first note says why, where the verdict would be."""
    notes = [str(note) for note in items(results, "notes")]
    told = notes if results.get("verdict") else notes[1:]
    return [*(f"Note: {note}" for note in told), *([""] if told else [])]


def _warnings(results: Results) -> list[str]:
    """What someone who acts on the verdict should know, each with the code that docs/warnings.md explains."""
    told = [f"Warning ({words(each, 'code')}): {words(each, 'sentence')}." for each in items(results, "warnings")]
    return [*told, *([""] if told else [])]


def _verdict(results: Results) -> list[str]:
    verdict = results.get("verdict")
    if not verdict:
        why = next((str(note) for note in items(results, "notes")), "no verdict")
        return [f"{why[:1].upper()}{why[1:]}."]
    code, sentence = words(results, "verdict", "code"), words(results, "verdict", "sentence")
    return [f"Verdict ({code}): {sentence}", *_snippet(results)]


def _snippet(results: Results) -> list[str]:
    lines = words(results, "verdict", "snippet").splitlines()
    return ["", "For your own training:", *(f"    {line}" for line in lines)] if lines else []
