"""trials.csv: one line a trial and checkpoint, for whoever goes on in a spreadsheet or a data frame."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from typing import Any


def table_of(trials: Sequence[Mapping[str, Any]]) -> str:
    """CSV text of flat records; a text that a spreadsheet would run as a formula gets an apostrophe before it."""
    text = io.StringIO()
    columns = list(dict.fromkeys(name for trial in trials for name in trial))
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _safe(value) for name, value in trial.items()} for trial in trials)
    return text.getvalue()


_FORMULA = re.compile(r"\s*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


def _safe(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = value.replace("\r\n", "\n").replace("\r", "\n")  # alone, a carriage return would end the line unquoted
    return f"'{text}" if _FORMULA.match(value) else text
