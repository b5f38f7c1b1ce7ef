"""Texts as whole numbers, one a word; which words have a number of their own is decided by the training texts alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ._types import PADDING

_ALONE = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"  # Japanese, Chinese and Korean are written without spaces
_WORD = re.compile(rf"[{_ALONE}]|[^\W{_ALONE}]+|[^\w\s]")
_LEAST_TEXTS = 2
_MOST_WORDS = 20_000


def words(text: str) -> list[str]:
    """The words of a text in small letters, each mark by itself.

    >>> words("Not bad, is it?")
    ['not', 'bad', ',', 'is', 'it', '?']
    """
    return _WORD.findall(text.lower())


def coded(texts: Iterable[str], length: int) -> tuple[np.ndarray, list[str]]:
    """Places (n, L) in a vocabulary of all words, −1 behind the end; and the vocabulary. L is at most `length`."""
    places: dict[str, int] = {}
    rows = [[places.setdefault(word, len(places)) for word in words(text)[:length]] for text in texts]
    return padded(rows), list(places)


def padded(rows: list[list[int]]) -> np.ndarray:
    """Rows of whole numbers (n, L) int64, −1 behind the end of each."""
    made = np.full((len(rows), max(1, max(map(len, rows), default=1))), PADDING, np.int64)
    for place, row in enumerate(rows):
        made[place, : len(row)] = row
    return made


def fitted(
    vocabulary: list[str] | None, train: np.ndarray
) -> tuple[Callable[[np.ndarray], np.ndarray], tuple[int, ...], dict[str, Any]]:
    """Words of one training text, and new ones, share 0; without a vocabulary numbers are a tokenizer's and stay."""
    if vocabulary is None:
        return (lambda inputs: inputs.astype(np.int64)), (), {}
    seen = np.zeros(len(vocabulary), np.int64)
    for row in train:
        seen[np.unique(row[row >= 0])] += 1
    order = np.argsort(-seen, kind="stable")[:_MOST_WORDS]
    kept = np.sort(order[seen[order] >= _LEAST_TEXTS])
    codes = np.zeros(len(vocabulary) + 1, np.int64)
    codes[kept] = np.arange(1, len(kept) + 1)
    codes[PADDING] = PADDING
    card = {"vocabulary": f"{len(kept)} words of two training texts or more; the rest share one place"}
    return (lambda inputs: codes[inputs]), (len(kept) + 1,), card
