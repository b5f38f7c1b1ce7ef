"""The rows of the results table: who they are, which two were chosen, which belong together."""

from __future__ import annotations

from typing import Any

from ._read import Results, at, fields, items, number, words

Row = dict[str, Any]
STARS = {"hard": "H*", "smooth": "S*"}
_MARKS = {**STARS, "rival": "R*"}
_CHECKPOINTS = {"last": "last epoch", "best": "best epoch"}


def rows_of(results: Results) -> list[Row]:
    return [row for row in items(results, "methods") if isinstance(row, dict)]


def chosen(results: Results, role: str) -> Row | None:
    """Return the row chosen as H* (role "hard") or S* (role "smooth")."""
    return next((row for row in rows_of(results) if row.get("chosen") == role), None)


def name_of(row: Row) -> str:
    return words(row, "method") or "unnamed"


def role_of(row: Row) -> str:
    """Return which colour a row wears: "hard" and "smooth" for the chosen pair, "other" for all the rest."""
    role = words(row, "chosen")
    return role if role in STARS else "other"


def star_of(row: Row) -> str:
    """Return H* or S* for the chosen pair, R* for the best setting of a rival."""
    return _MARKS.get(str(row.get("chosen")), "")


def checkpoint_of(row: Row) -> str:
    """Return "last epoch", or "best, about epoch 14" with the mean epoch over seeds."""
    checkpoint = words(row, "checkpoint")
    text, epoch = _CHECKPOINTS.get(checkpoint, checkpoint), number(at(row, "epoch", "mean"))
    return f"best, about epoch {epoch:.0f}" if checkpoint == "best" and epoch is not None else text


def metric(row: Row, stage: str, name: str) -> float | None:
    return number(at(row, stage, name, "mean"))


def spread(row: Row, stage: str, name: str) -> float | None:
    return number(at(row, stage, name, "sd"))


def twin_of(row: Row, results: Results) -> Row | None:
    """Return the unsmoothed row with the same checkpoint, weight decay and dropout."""
    same = ("checkpoint", "weight_decay", "dropout")
    return next(
        (r for r in rows_of(results) if r.get("family") == "hard" and all(r.get(key) == row.get(key) for key in same)),
        None,
    )


def deciding(results: Results) -> str:
    """Return the measure that decides: NLL, unless the run chose another."""
    return words(results, "verdict", "metric") or "nll"


def measure_name(key: str) -> str:
    return {"nll": "NLL", "brier": "Brier score"}.get(key, key)


def unit(results: Results) -> str:
    return " nats" if deciding(results) == "nll" else ""


def test_rows(results: Results) -> float | None:
    return number(at(results, "data", "rows", "test")) or number(at(results, "verdict", "rows"))


def validated(results: Results) -> bool:
    """Return whether there was a validation split: temperatures come from it, and H* and S* are chosen on it."""
    return bool(number(at(results, "data", "rows", "val")))


def has_metric(results: Results, name: str) -> bool:
    return any(metric(row, stage, name) is not None for row in rows_of(results) for stage in ("before", "after"))


def shifted_rows(results: Results) -> list[Row]:
    return [row for row in rows_of(results) if fields(row, "shifted")]
