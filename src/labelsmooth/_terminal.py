"""Text for a terminal: names from files are shown, and never obeyed (control sequences, directions of writing)."""

from __future__ import annotations

import json
import re
from typing import Any

_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def shown(value: object) -> str:
    r"""The text of a value; what a terminal would act on is replaced.

    >>> shown("a\x1b[2Jb")
    'a\ufffd[2Jb'
    """
    return _UNSAFE.sub("\ufffd", str(value))


def shown_json(value: Any, indent: int = 2) -> str:
    r"""JSON in which what a terminal would act on is written as an escape: the same value to whoever reads it.

    >>> shown_json("é\x9b2J")
    '"é\\u009b2J"'
    """
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
