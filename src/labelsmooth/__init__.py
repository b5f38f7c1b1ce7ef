"""labelsmooth: label smoothing for PyTorch, complete.

The names below are looked up when they are first used (PEP 562), so that importing the package, or asking the
command line for help, loads no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .integrations.sklearn import SmoothedClassifier as SmoothedClassifier
    from .losses import BCEWithLogitsLoss as BCEWithLogitsLoss
    from .losses import CrossEntropyLoss as CrossEntropyLoss
    from .losses import LabelSmoothingLoss as LabelSmoothingLoss
    from .losses import LinearCrossEntropyLoss as LinearCrossEntropyLoss
    from .losses import binary_cross_entropy_with_logits as binary_cross_entropy_with_logits
    from .losses import convert_smoothing as convert_smoothing
    from .losses import cross_entropy as cross_entropy
    from .losses import linear_cross_entropy as linear_cross_entropy
    from .losses import smooth_head as smooth_head
    from .losses import smooth_labels as smooth_labels
    from .predictions import Predictions as Predictions
    from .tuning import tune as tune
    from .workflows import compare as compare
    from .workflows import evaluate as evaluate

_HOMES = {
    "CrossEntropyLoss": "losses",
    "BCEWithLogitsLoss": "losses",
    "LabelSmoothingLoss": "losses",
    "LinearCrossEntropyLoss": "losses",
    "cross_entropy": "losses",
    "linear_cross_entropy": "losses",
    "binary_cross_entropy_with_logits": "losses",
    "smooth_head": "losses",
    "smooth_labels": "losses",
    "convert_smoothing": "losses",
    "Predictions": "predictions",
    "SmoothedClassifier": "integrations.sklearn",
    "compare": "workflows",
    "evaluate": "workflows",
    "tune": "tuning",
}

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'labelsmooth' has no attribute {name!r}; it has: {', '.join(__all__)}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
