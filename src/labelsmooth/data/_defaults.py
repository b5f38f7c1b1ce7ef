"""How to train where nobody says it: many small steps on few rows, fewer and larger ones on many."""

from __future__ import annotations

from typing import Any

_MANY_ROWS = 4000  # from here on a comparison has to be over in a minute, and the best epoch comes early


def defaults(rows: int) -> dict[str, Any]:
    """Training settings for a data set of that many rows, half of them for training."""
    batch, steps = (64, 1200) if rows <= _MANY_ROWS else (256, 500)
    epochs = min(60, max(5, round(steps / (rows / 2 / batch))))
    return {
        "epochs": epochs,
        "batch_size": batch,
        "learning_rate": 1e-3,
        "weight_decay": 0.01,
        "dropout": 0.0,
    }


def card(title: str, source: str, rows: int, **more: Any) -> dict[str, Any]:
    """The card of data that the user gave."""
    return {
        "title": title,
        "source": source,
        "licence": "the user's",
        "citation": None,
        "notes": [],
        "columns": [],
        "warnings": [],
        "defaults": defaults(rows),
        **more,
    }
