"""How to train where nobody says it: enough steps for small data, about twelve hundred for large."""

from __future__ import annotations

from typing import Any

_STEPS = 1200


def defaults(rows: int, *, most_epochs: int = 60) -> dict[str, Any]:
    """Training settings for a data set of that many rows, half of them for training."""
    batch = 64 if rows <= 4000 else 128 if rows <= 20_000 else 256
    epochs = min(most_epochs, max(5, round(_STEPS / (rows / 2 / batch))))
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
