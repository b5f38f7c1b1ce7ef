"""An estimator for scikit-learn: a small net for tables, trained with smoothed labels, calibrated by a temperature."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, Self, final

import numpy as np

from .._checks import require

require("sklearn", "sklearn")  # a missing extra is named before anything here needs it

import torch  # noqa: E402
from sklearn.base import BaseEstimator, ClassifierMixin  # noqa: E402
from sklearn.utils import check_random_state  # noqa: E402
from sklearn.utils.multiclass import check_classification_targets  # noqa: E402
from sklearn.utils.validation import check_is_fitted, validate_data  # noqa: E402

from ._fitting import Training, held_out, logits_of, perceptron, train  # noqa: E402

if TYPE_CHECKING:
    from ..schemes._base import Scheme


@final
class SmoothedClassifier(ClassifierMixin, BaseEstimator):
    """A perceptron on standardised numbers, trained with smoothed labels; its probabilities have a fitted temperature.

    Of each class the share `validation_fraction` is held out: on these rows the temperature is fitted, the epoch with
    the lowest hard-label NLL after it is kept, and training ends after `patience` epochs without a better one.

    Args:
        label_smoothing: ε in [0, 1], or a scheme such as ``Others(0.1)``; 0 trains with hard labels.
        width, depth, dropout: `depth` layers of `width` units.
        max_epochs, batch_size, learning_rate, weight_decay: of AdamW.
        validation_fraction: in [0, 1); with 0, or too few rows of each class, all epochs run and the temperature is 1.
        warm_start: go on from the weights of the fit before, where features and classes are the same.
        random_state: as scikit-learn means it.

    Attributes:
        classes_, n_features_in_, feature_names_in_: as scikit-learn means them.
        temperature_, temperature_status_: as :func:`~labelsmooth.calibration.fit_temperature` found them.
        n_iter_, best_epoch_: epochs that were run, and the one that was kept.

    Raises ValueError for what is out of range, for missing values, and for fewer than two classes. Needs the extra
    ``sklearn``.

    >>> import numpy as np
    >>> y = np.repeat(["no", "yes"], 50)
    >>> X = (y == "yes")[:, None] + 0.1 * np.random.default_rng(0).normal(size=(100, 2))
    >>> model = SmoothedClassifier(max_epochs=20, learning_rate=0.02, random_state=0).fit(X, y)
    >>> model.predict([[0.0, 0.0], [1.0, 1.0]]).tolist()
    ['no', 'yes']
    """

    _model: torch.nn.Module
    _center: np.ndarray
    _scale: np.ndarray

    def __init__(
        self,
        label_smoothing: float | Scheme = 0.1,
        *,
        width: int = 128,
        depth: int = 2,
        dropout: float = 0.0,
        max_epochs: int = 100,
        patience: int = 10,
        batch_size: int = 64,
        learning_rate: float = 2e-3,
        weight_decay: float = 0.01,
        validation_fraction: float = 0.15,
        warm_start: bool = False,
        random_state: Any = None,
    ) -> None:
        self.label_smoothing = label_smoothing
        self.width = width
        self.depth = depth
        self.dropout = dropout
        self.max_epochs = max_epochs
        self.patience = patience
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.validation_fraction = validation_fraction
        self.warm_start = warm_start
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Self:
        """Train on rows X (n, D) of finite numbers and labels y (n,) of any kind."""
        self._check_settings()
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        classes, labels = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            raise ValueError(
                f"a classifier needs rows of at least 2 classes; got {len(classes)} class in {len(y)} rows"
            )
        goes_on = self.warm_start and self._fits(X.shape[1], classes)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        out = held_out(labels, self.validation_fraction, np.random.default_rng(seed))
        if not goes_on:
            self._center, self._scale = X[~out].mean(axis=0), X[~out].std(axis=0)
            self._scale[self._scale == 0] = 1.0
        self.classes_ = classes
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            self._train(X, labels, out, goes_on)
        return self

    def _train(self, X: np.ndarray, labels: np.ndarray, out: np.ndarray, goes_on: bool) -> None:
        shape = (X.shape[1], len(self.classes_), self.width, self.depth, self.dropout)
        model = deepcopy(self._model).float() if goes_on else perceptron(*shape)
        training = Training(
            self.label_smoothing, self.max_epochs, self.patience, self.batch_size, self.learning_rate,
            self.weight_decay,
        )  # fmt: skip
        found = train(model, self._inputs(X).float(), torch.from_numpy(labels), out, training)
        self.temperature_, self.temperature_status_ = found.temperature, found.status
        self.n_iter_, self.best_epoch_ = found.epochs, found.best_epoch
        # float64 from here on, so that a row's probabilities do not depend on the rows beside it
        self._model = model.double()

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities (n, K) of `classes_`, after temperature."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        logits = logits_of(self._model, self._inputs(X)) / self.temperature_
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(odds / odds.sum(axis=1, keepdims=True))

    def predict(self, X: Any) -> np.ndarray:
        """The class with the largest probability for each row, (n,)."""
        best = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[best])

    def _inputs(self, X: np.ndarray) -> torch.Tensor:
        return torch.from_numpy((X - self._center) / self._scale)

    def _fits(self, features: int, classes: np.ndarray) -> bool:
        """Whether there is a fit to go on from, of the same features and classes."""
        return (
            hasattr(self, "temperature_") and len(self._center) == features and np.array_equal(self.classes_, classes)
        )

    def _check_settings(self) -> None:
        for name, least in (("width", 1), ("depth", 0), ("max_epochs", 1), ("patience", 1), ("batch_size", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
                raise ValueError(f"{name} must be a whole number of at least {least}; got {value!r}")
        for name in ("dropout", "validation_fraction"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be a number in [0, 1); got {getattr(self, name)!r}")
        if not 0 < self.learning_rate < np.inf:
            raise ValueError(f"learning_rate must be a number above 0; got {self.learning_rate!r}")
