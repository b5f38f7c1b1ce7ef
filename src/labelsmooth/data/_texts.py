"""Texts as raw inputs: words as places in a vocabulary, or the numbers of a tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._checks import DataError, UsageError
from ..options import DataOptions
from . import _words
from ._tokenizer import tokenized


def raw(texts: Sequence[str], options: DataOptions) -> dict[str, Any]:
    """`kind`, `inputs` (n, L) int64 and `vocabulary` of a source of texts."""
    if options.max_length < 1:
        raise UsageError(f"--max-length must be at least 1; got {options.max_length}")
    if not any(text.strip() for text in texts):
        raise DataError("every text is empty; choose another column by --text")
    if options.tokenizer is not None:
        inputs = tokenized(texts, options.tokenizer, options.max_length)
        return {"kind": "text", "inputs": inputs, "vocabulary": None}
    inputs, vocabulary = _words.coded(texts, options.max_length)
    return {"kind": "text", "inputs": inputs, "vocabulary": vocabulary}
