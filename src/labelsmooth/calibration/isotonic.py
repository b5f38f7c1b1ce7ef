"""Isotonic regression, one class against the rest: any monotone correction, for splits with many rows."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from .._checks import require
from ._classes import require_every_class
from ._inputs import scores, to_array
from ._scaler import Scaler, softmax


class IsotonicScaler(Scaler):
    """Replace each class's probability by the share of its rows among rows with such a probability, then renormalise.

    One monotone step function a class, from scikit-learn's ``IsotonicRegression``, fitted on rows that will not be
    reported. Steps of 0 or 1 are kept `floor` away from the ends, so that no label gets probability 0; by default
    1/(n + K) for n fitted rows. The top class may change. Returns arrays, also for tensors. Raises MissingExtra
    without scikit-learn, and DataError when a class has no row (C16). Source: Zadrozny & Elkan 2002, section 4.

    >>> import numpy as np
    >>> logits = np.log([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.2, 0.8]] * 10)
    >>> scaler = IsotonicScaler().fit(logits, [0, 1, 1, 1] * 10)
    >>> scaler.predict_proba(np.log([[0.3, 0.7]])).round(2).tolist()
    [[0.02, 0.98]]
    """

    def __init__(self, *, floor: float | None = None) -> None:
        self.floor = floor

    def fit(self, logits: Any, labels: Any, *, ids: Any = None) -> Self:
        """Fit one step function a class on rows that will not be reported."""
        regression = require("sklearn", "sklearn.isotonic").IsotonicRegression
        array, index = self._start_fit(logits, labels, ids)
        n, classes = array.shape
        require_every_class(index, classes)
        self.floor_ = 1 / (n + classes) if self.floor is None else float(self.floor)
        if not 0 <= self.floor_ < 1 / classes:
            raise ValueError(f"floor must be in [0, 1/K), below {1 / classes:.3g} here; got {self.floor!r}")
        probs = softmax(array.astype(np.float64))
        self.steps_ = [
            regression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(probs[:, k], (index == k).astype(np.float64))
            for k in range(classes)
        ]
        return self

    def predict_proba(self, logits: Any) -> np.ndarray:
        """Probabilities (n, K), float64."""
        self._require_fit()
        probs = softmax(scores(to_array(logits), None).array.astype(np.float64))
        fitted = np.stack([step.predict(probs[:, k]) for k, step in enumerate(self.steps_)], axis=1)
        fitted = np.clip(fitted, self.floor_, 1.0)
        total = fitted.sum(axis=1, keepdims=True)
        return np.where(total > 0, fitted / np.where(total > 0, total, 1.0), 1 / fitted.shape[1])

    def transform(self, logits: Any) -> np.ndarray:
        """The logarithm of :meth:`predict_proba`, (n, K)."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(logits))
