"""Next-character prediction on the English text that every Python ships for `help()`."""

from __future__ import annotations

import re
import sys

import numpy as np

from ..._checks import DataError
from .._types import DataSplit, Source

LENGTH = 64
_CHARACTERS = [chr(code) for code in range(32, 127)] + ["\n"]
CLASSES = ["space", *_CHARACTERS[1:-1], "newline", "other"]
_CODES = {ord(character): code for code, character in enumerate(_CHARACTERS)}

_CARD = {
    "title": "Python's help topics, next character",
    "source": f"pydoc_data.topics of Python {sys.version.split()[0]}",
    "licence": "PSF-2.0 (Python's documentation)",
    "citation": "Python Software Foundation, The Python Language Reference and Library Reference",
    "notes": [
        "The text differs between Python versions, and the fingerprint with it.",
        "A topic is a group. A paragraph found in several topics is kept in the shortest of them, so that no text is "
        "in two splits.",
        "Classes are printable ASCII, newline, and one for all other characters, whatever the text holds.",
    ],
    "defaults": {"epochs": 8, "batch_size": 16, "learning_rate": 3e-3, "weight_decay": 0.01, "dropout": 0.0},
}


def load() -> Source:
    """Windows of 64 characters that do not overlap; labels (n, 64) are the next character at every position."""
    passages = unique_passages(_topics())
    windows = {topic: _windows(encode(text)) for topic, text in passages.items()}
    stacked = np.concatenate(list(windows.values()))
    ids = [f"{topic}:{i * LENGTH}" for topic, rows in windows.items() for i in range(len(rows))]
    groups = np.repeat(list(windows), [len(rows) for rows in windows.values()])
    return Source(
        kind="tokens",
        samples=DataSplit(stacked[:, :-1], stacked[:, 1:], np.array(ids), groups),
        classes=CLASSES,
        card=_CARD,
        caps={"train": 800, "val": 48, "test": 93},
    )


def _windows(codes: np.ndarray) -> np.ndarray:
    """(n, 65): 64 characters and the one after them; the characters to predict do not overlap."""
    count = max(0, (len(codes) - 1) // LENGTH)
    return codes[np.arange(count)[:, None] * LENGTH + np.arange(LENGTH + 1)]


def encode(text: str) -> np.ndarray:
    """Class number of every character of a text."""
    return np.array([_CODES.get(ord(character), len(CLASSES) - 1) for character in text], np.int64)


def unique_passages(topics: dict[str, str]) -> dict[str, str]:
    """Topics in order of name, each paragraph only in the shortest topic that has it."""
    home: dict[str, tuple[str, str]] = {}
    for topic in sorted(topics, key=lambda name: (len(topics[name]), name)):
        for paragraph in re.split(r"\n\s*\n", topics[topic].strip("\n")):
            home.setdefault(" ".join(paragraph.split()), (topic, paragraph))
    kept: dict[str, list[str]] = {topic: [] for topic in sorted(topics)}
    for topic, paragraph in home.values():
        kept[topic].append(paragraph)
    return {topic: "\n\n".join(paragraphs) for topic, paragraphs in kept.items()}


def _topics() -> dict[str, str]:
    try:
        from pydoc_data.topics import topics
    except ImportError as error:
        raise DataError(
            "this Python has no pydoc_data.topics (some distributions leave it out); install the full standard "
            "library, or choose other data"
        ) from error
    return topics
