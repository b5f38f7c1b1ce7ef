"""Models by name: small defaults for each kind of data, one file each; a factory of one's own; a transformers model."""

from __future__ import annotations

from ._build import build, check, default_model, names, usual
from ._frozen import frozen

__all__ = ["build", "check", "default_model", "frozen", "names", "usual"]
