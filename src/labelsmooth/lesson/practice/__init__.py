"""Practice: multiple-choice questions, easy to hard; each answer is stated and computed."""

from __future__ import annotations

from .._items import Question
from . import easy, hard, medium


def questions() -> list[Question]:
    """All of them, easy first."""
    return [*easy.questions(), *medium.questions(), *hard.questions()]


__all__ = ["questions"]
