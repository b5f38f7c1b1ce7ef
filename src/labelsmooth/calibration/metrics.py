"""Row averages: accuracy, NLL, Brier score, signed gap. They decide; binned errors do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._inputs import scores
from ._rows import checked, measure
from ._scores import accuracy_of, signed_gap_of, weighted_mean
from ._statistics import Concentration, TopK
from ._tally import tally


def accuracy(
    labels: Any, *, logits: Any = None, probs: Any = None, weights: Any = None, ignore_index: int | None = None
) -> float:
    """Share of rows whose top class is the label; of equal top scores the first class counts as the top.

    `labels` (n,) integers; `logits` or `probs` (n, K), exactly one; `weights` (n,) row weights; rows labelled
    `ignore_index` are left out. Raises TypeError for both or no scores, IndexError for a label out of range, DataError
    (a ValueError) for empty input, NaN, or probabilities that do not sum to 1 within 1e-3.

    >>> accuracy([0, 1], probs=[[0.9, 0.1], [0.8, 0.2]])
    0.5
    """
    return accuracy_of(measure(labels, logits, probs, weights, ignore_index))


def nll(
    labels: Any, *, logits: Any = None, probs: Any = None, weights: Any = None, ignore_index: int | None = None
) -> float:
    """Mean negative log-likelihood −log p_y of the labels, in nats: the cross-entropy with hard labels.

    From logits log Σ exp(z − max) − (z_y − max), in float64, so no probability underflows; nothing is clipped: a label
    of probability 0 (or of logit −inf) gives inf. Arguments and errors as for :func:`accuracy`.

    >>> round(nll([0], logits=[[2.0, 0.5, 0.3]]), 4)
    0.3406
    """
    rows = measure(labels, logits, probs, weights, ignore_index)
    return weighted_mean(rows.nll, rows.weights)


def brier_score(
    labels: Any, *, logits: Any = None, probs: Any = None, weights: Any = None, ignore_index: int | None = None
) -> float:
    """Mean over rows of Σ_k (p_k − [k = y])², from 0 to 2 (Brier 1950, the sum over all classes).

    scikit-learn's `brier_score_loss` of two classes is half of it. Arguments and errors as for :func:`accuracy`.

    >>> round(brier_score([0, 1], probs=[[0.9, 0.1], [0.8, 0.2]]), 12)
    0.65
    """
    rows = measure(labels, logits, probs, weights, ignore_index)
    return weighted_mean(rows.brier, rows.weights)


def signed_gap(
    labels: Any, *, logits: Any = None, probs: Any = None, weights: Any = None, ignore_index: int | None = None
) -> float:
    """Mean confidence − accuracy: above 0 the model is over-confident, below 0 under-confident, on average.

    |signed gap| ≤ ECE for every binning. Arguments and errors as for :func:`accuracy`.

    >>> round(signed_gap([0, 1], probs=[[0.9, 0.1], [0.8, 0.2]]), 12)
    0.35
    """
    return signed_gap_of(measure(labels, logits, probs, weights, ignore_index))


def row_nll(labels: Any, logits: Any = None, *, probs: Any = None) -> np.ndarray:
    """−log p_y of each row, (n,) float64, in nats; arguments and errors as for :func:`accuracy`.

    >>> row_nll([0, 1], [[0.0, 0.0], [0.0, 0.0]]).round(4).tolist()
    [0.6931, 0.6931]
    """
    return measure(labels, logits, probs).nll


def top_k_accuracy(
    labels: Any,
    *,
    logits: Any = None,
    probs: Any = None,
    k: int = 5,
    weights: Any = None,
    ignore_index: int | None = None,
) -> float:
    """Share of rows whose label is among the k highest scores; of equal scores lower class indices come first.

    `k` from 1 (which is :func:`accuracy`) up, else ValueError; other arguments and errors as for :func:`accuracy`.

    >>> top_k_accuracy([2, 0], probs=[[0.5, 0.2, 0.3], [0.1, 0.4, 0.5]], k=2)
    0.5
    """
    (rank,) = ranks(k)
    (found,) = tally([TopK(rank)], *checked(labels, logits, probs, weights, ignore_index))
    return TopK(rank).figures(found)[f"top_{rank}_accuracy"]


def ranks(k: int | Sequence[int]) -> tuple[int, ...]:
    """The k of top-k accuracies, ascending."""
    given = [k] if isinstance(k, (int, np.integer, float)) else list(k)
    for each in given:
        if isinstance(each, bool) or not isinstance(each, (int, np.integer)) or each < 1:
            raise ValueError(f"k must be a whole number, 1 or more; got {each!r}")
    return tuple(sorted({int(each) for each in given}))


@dataclass(frozen=True)
class Sharpness:
    """Mean top probability, mean entropy in nats, and mean Σ_k p_k², whatever the labels are."""

    confidence: float
    entropy: float
    purity: float


def sharpness(*, logits: Any = None, probs: Any = None, weights: Any = None) -> Sharpness:
    """How concentrated the predictions are: confidence, entropy −Σ p·ln p (nats), purity Σ p², averaged over rows.

    A property of the predictions alone: of two calibrated models the sharper one is better. `logits` or `probs`
    (n, K), exactly one; errors as for :func:`accuracy`. Source: Gneiting, Balabdaoui & Raftery 2007, section 2.3.

    >>> sharpness(probs=[[0.5, 0.5], [1.0, 0.0]]).purity
    0.75
    """
    no_labels = np.zeros(len(scores(logits, probs).array), dtype=np.int64)
    (found,) = tally([Concentration()], *checked(no_labels, logits, probs, weights))
    return Sharpness(**Concentration().figures(found))
