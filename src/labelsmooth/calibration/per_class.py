"""Class by class: what a top-label average hides about rare classes (C18)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._classes import class_names
from ._classwise import ClassBins
from ._inputs import Scores, bin_count
from ._rows import checked
from ._statistics import EachClass
from ._tally import tally


@dataclass(frozen=True, eq=False)
class ClassTable:
    """One entry for each of K classes; all arrays (K,). NaN where a class has no row or was never predicted.

    `count` rows of the class; `recall` share of them predicted right; `precision` share of its predictions that are
    right; `probability` its mean probability over all rows; `frequency` its share of the rows; `signed_error`
    probability − frequency; `calibration_error` its own binned error; `nll` the mean over its rows.
    """

    classes: list[str]
    count: np.ndarray
    recall: np.ndarray
    precision: np.ndarray
    probability: np.ndarray
    frequency: np.ndarray
    signed_error: np.ndarray
    calibration_error: np.ndarray
    nll: np.ndarray

    def rows(self) -> list[dict[str, Any]]:
        """The table as a list of plain dictionaries, one a class."""
        names = [name for name in self.__dataclass_fields__ if name != "classes"]
        return [
            {"class": label, **{name: getattr(self, name)[k].item() for name in names}}
            for k, label in enumerate(self.classes)
        ]


def per_class_table(
    labels: Any,
    *,
    logits: Any = None,
    probs: Any = None,
    bins: int = 15,
    classes: Sequence[str] | None = None,
    weights: Any = None,
    ignore_index: int | None = None,
) -> ClassTable:
    """Recall, precision, mean probability against frequency, calibration error and NLL of each class.

    `classes` names the K columns, else ValueError. Other arguments and errors as for
    :func:`~labelsmooth.calibration.expected_calibration_error`.

    >>> table = per_class_table([0, 0, 1], probs=[[0.9, 0.1], [0.8, 0.2], [0.7, 0.3]])
    >>> table.recall.tolist(), table.signed_error.round(3).tolist()
    ([1.0, 0.0], [0.133, -0.133])
    """
    return class_table(class_bins(checked(labels, logits, probs, weights, ignore_index), bins), classes)


def class_bins(rows: tuple[Scores, np.ndarray, np.ndarray | None], bins: int) -> ClassBins:
    """The bins of each class, of checked rows."""
    size = bin_count(bins)
    return ClassBins(tally([EachClass(size)], *rows)[0], size)


def class_table(bins: ClassBins, classes: Sequence[str] | None) -> ClassTable:
    """The table that these bins give."""
    count, signed = np.array(bins.sums["rows"]), bins.signed_errors()
    return ClassTable(
        class_names(classes, len(count)),
        count,
        bins.recall(),
        bins.precision(),
        signed + bins.frequency(),
        bins.frequency(),
        signed,
        bins.errors(),
        bins.nll(),
    )


def classwise_calibration_error(
    labels: Any,
    *,
    logits: Any = None,
    probs: Any = None,
    bins: int = 15,
    weights: Any = None,
    ignore_index: int | None = None,
) -> float:
    """Mean over classes of each class's own binned error: (1/K)·Σ_k Σ_b (n_kb/n)·|mean p_k − frequency of k|.

    Arguments and errors as for :func:`~labelsmooth.calibration.expected_calibration_error`. Source: Kull et al. 2019,
    section 2 (classwise-ECE); the static calibration error of Nixon et al. 2019.

    >>> round(classwise_calibration_error([0, 1], probs=[[0.9, 0.1], [0.9, 0.1]]), 12)
    0.4
    """
    return float(class_bins(checked(labels, logits, probs, weights, ignore_index), bins).errors().mean())
