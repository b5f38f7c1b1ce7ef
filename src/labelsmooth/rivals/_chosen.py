"""Which rivals, with which settings: read from words such as "focal", "focal=2" and "all"."""

from __future__ import annotations

from collections.abc import Sequence

from .. import _checks
from . import find, names


def chosen(words: Sequence[str]) -> list[tuple[str, float]]:
    """Each rival with each of its settings, once: its usual ones where the word names none.

    Raises UsageError for an unknown rival or a setting out of its range.

    >>> chosen(["focal=2", "mixup"])
    [('focal', 2.0), ('mixup', 0.2), ('mixup', 1.0)]
    """
    every = [name for word in words for name in (names() if word == "all" else [word])]
    return list(dict.fromkeys(pair for word in every for pair in _of_word(word)))


def _of_word(word: str) -> list[tuple[str, float]]:
    name, given, value = word.partition("=")
    try:
        rival = find(name)
        if not given:
            return [(name, usual) for usual in rival.usual]
        rival(_number(value, word))
    except (TypeError, ValueError) as error:
        raise _checks.UsageError(f"--rivals {word}: {error}") from error
    return [(name, float(value))]


def _number(text: str, word: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ValueError(f"expected a number after {word.partition('=')[0]}=, as in focal=2; got {text!r}") from error
