"""A training loop of one's own: windows of gradient accumulation, and the figures of an evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple, final

import torch
from torch import Tensor, nn

from . import _figures

Labels = str | int | Callable[[Any], Tensor] | None


class Window(NamedTuple):
    """The batches of one optimizer step, and what each batch's sum of losses is divided by."""

    batches: list[Any]
    num_items: Tensor


def windows(loader: Iterable[Any], steps: int, *, labels: Labels = None, ignore_index: int = -100) -> Iterator[Window]:
    """Batches by the optimizer step, `steps` at a time (the last window may be shorter), with their count of labels.

    With ``num_items=window.num_items`` in the loss, the gradients of a window add up to that of one big batch, however
    uneven its batches are; a mean of means is another gradient (T20).

    Args:
        loader: anything that gives batches.
        steps: batches in a window, at least 1.
        labels: where a batch keeps its labels: a key, a position or a function of the batch. None: "labels" in a
            mapping, the second of a sequence.
        ignore_index: labels that do not count.

    Raises:
        ValueError: steps below 1, a batch without labels.

    Example:
        >>> import torch
        >>> batches = [(torch.zeros(n, 2), torch.zeros(n, dtype=torch.long)) for n in (3, 1, 2)]
        >>> [(len(window.batches), int(window.num_items)) for window in windows(batches, steps=2)]
        [(2, 4), (1, 2)]
    """
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise ValueError(f"steps must be a whole number of batches for each optimizer step, at least 1; got {steps!r}")
    batches = iter(loader)
    while held := list(islice(batches, steps)):
        counts = [counted(labels_of(batch, labels), ignore_index) for batch in held]
        yield Window(held, torch.stack([count.to(counts[0].device) for count in counts]).sum())


def labels_of(batch: Any, labels: Labels = None) -> Tensor:
    """The labels of a batch."""
    if callable(labels):
        return labels(batch)
    key: Any = labels if labels is not None else "labels" if isinstance(batch, Mapping) else 1
    try:
        found = batch[key]
    except (KeyError, IndexError, TypeError) as error:
        have = ", ".join(map(str, batch)) if isinstance(batch, Mapping) else f"a {type(batch).__name__}"
        raise ValueError(
            f"no labels at {key!r} in a batch that holds {have}; labels= says where they are: a key, a position, or a "
            "function of the batch"
        ) from error
    if not isinstance(found, Tensor):
        raise ValueError(f"labels must be a tensor; at {key!r} the batch holds {type(found).__name__}")
    return found


def counted(labels: Tensor, ignore_index: int) -> Tensor:
    """How many labels count; floating ones are rows of class probabilities."""
    if labels.is_floating_point():
        return torch.tensor(labels.numel() // max(labels.shape[-1], 1), device=labels.device)
    return (labels != ignore_index).sum()


@final
class Evaluation:
    """Figures of an evaluation that comes in batches, against hard labels, with the smoothed loss beside them.

    smoothed_loss is what `criterion` trains; nll, brier, accuracy, ece, ece_debiased and signed_gap compare across ε;
    rows is the number of labels they rest on. Means are over labels, not over batches.

    Args:
        criterion: :class:`~labelsmooth.CrossEntropyLoss` or :class:`~labelsmooth.BCEWithLogitsLoss`, as it trains;
            for the second each yes-or-no question is a row.
        bins: of the calibration errors.

    Raises:
        TypeError: another loss. DataError (a ValueError): compute() before any label came, labels that are not hard.

    Example:
        >>> import torch
        >>> from labelsmooth import CrossEntropyLoss
        >>> evaluation = Evaluation(CrossEntropyLoss(label_smoothing=0.1))
        >>> evaluation.add(torch.tensor([[2.0, 0.5, 0.3]]), torch.tensor([0]))
        >>> found = evaluation.compute()
        >>> round(found["nll"], 4), round(found["smoothed_loss"], 4), found["rows"]
        (0.3406, 0.4473, 1)
    """

    def __init__(self, criterion: nn.Module, *, bins: int = 15) -> None:
        if not _figures.is_ours(criterion):
            raise TypeError(
                "Evaluation needs the loss that trains, a labelsmooth.CrossEntropyLoss or BCEWithLogitsLoss; got "
                f"{type(criterion).__name__}"
            )
        self.criterion = criterion
        self._running = _figures.Running(bins, getattr(criterion, "ignore_index", -100))

    def add(self, logits: Tensor, labels: Tensor) -> None:
        """Add a batch, with logits and labels as the criterion takes them."""
        _figures.add_batch(self._running, self.criterion, logits, labels)

    def compute(self) -> dict[str, float]:
        """The figures of all batches so far."""
        return self._running.compute()

    def state(self) -> dict[str, Any]:
        """What this evaluation knows, as one process sends it to another."""
        return self._running.state()
