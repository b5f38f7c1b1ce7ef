"""The study page: reads recorded trainings, runs its own examples, prints one self-contained page; never trains."""

from __future__ import annotations

from .recording import recordings

__all__ = ["recordings"]
