"""Texts as the whole numbers of a transformers tokenizer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .._checks import UsageError, require
from ._words import padded

_AT_ONCE = 1000


def tokenized(texts: Sequence[str], path: str, length: int) -> np.ndarray:
    """Token numbers (n, L) int64, −1 behind the end; special tokens as the tokenizer puts them. L is at most `length`.

    Raises MissingExtra without transformers, UsageError where there is no such tokenizer.
    """
    transformers = require("hf", "transformers")
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(path, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        words = str(error).strip().partition("\n")[0]
        raise UsageError(f"no tokenizer in {path!r} ({words}); give a folder or a name that holds one") from error
    rows: list[list[int]] = []
    for start in range(0, len(texts), _AT_ONCE):
        part = list(texts[start : start + _AT_ONCE])
        rows.extend(tokenizer(part, truncation=True, max_length=length)["input_ids"])
    return padded(rows)
