"""Accelerate: one gradient for a window however many processes share it, and figures without padded duplicates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, final

import torch
from torch import Tensor, nn

from . import loop
from ._figures import together
from .loop import Labels, Window

if TYPE_CHECKING:
    from accelerate import Accelerator


def windows(
    accelerator: Accelerator, loader: Iterable[Any], *, labels: Labels = None, ignore_index: int = -100
) -> Iterator[Window]:
    """Batches by the optimizer step, with the `num_items` that makes all processes' gradients that of one big batch.

    ``accelerator.backward`` divides by the steps of accumulation and processes average their gradients, so num_items is
    the labels of the window on all processes, divided by both. Each window costs one reduction of one number.

    Args:
        accelerator: with the gradient_accumulation_steps that make a window.
        loader: the loader that it prepared.
        labels, ignore_index: as in :func:`labelsmooth.integrations.loop.windows`.

    Example, of a loop; the optimizer steps once a window::

        for window in windows(accelerator, loader):
            for batch in micro_batches(accelerator, model, window):
                loss = criterion(model(batch["x"]), batch["labels"], num_items=window.num_items)
                accelerator.backward(loss)
            optimizer.step()
            optimizer.zero_grad()
    """
    steps = accelerator.gradient_accumulation_steps
    for window in loop.windows(loader, steps, labels=labels, ignore_index=ignore_index):
        total = accelerator.reduce(window.num_items.to(accelerator.device), reduction="sum")
        yield Window(window.batches, total / (steps * accelerator.num_processes))


def micro_batches(accelerator: Accelerator, model: nn.Module, window: Window) -> Iterator[Any]:
    """The batches of a window; gradients are exchanged between processes at the last one alone."""
    *first, last = window.batches
    for batch in first:
        with accelerator.no_sync(model):
            yield batch
    yield last


@final
class Evaluation:
    """:class:`labelsmooth.integrations.loop.Evaluation` over all processes, each row counted once.

    Accelerate fills the last batches up with rows from the front, so that all processes get as many; those are left
    out as ``gather_for_metrics`` leaves them out. Logits stay where they are: what travels is a number a row, and a few
    kilobytes at the end. All processes get the same figures, with the same bits however the rows were shared, but for
    smoothed_loss, which is a sum of floats.

    Args:
        accelerator: what prepared the loader.
        criterion, bins: as in :class:`labelsmooth.integrations.loop.Evaluation`.
    """

    def __init__(self, accelerator: Accelerator, criterion: nn.Module, *, bins: int = 15) -> None:
        self.accelerator = accelerator
        self._mine = loop.Evaluation(criterion, bins=bins)

    def add(self, logits: Tensor, labels: Tensor) -> None:
        """Add a batch of this process; every process calls it for every batch of the prepared loader."""
        kept = self._counted(len(labels), labels.device)
        if bool(kept.any()):
            self._mine.add(logits[kept], labels[kept])

    def compute(self) -> dict[str, float]:
        """The figures of all processes; every process calls it."""
        from accelerate.utils import gather_object

        return together(gather_object([self._mine.state()]))

    def _counted(self, rows: int, device: torch.device) -> Tensor:
        """Which rows of this process's batch are no duplicates: each row's number, gathered as metrics are."""
        first = self.accelerator.process_index << 32
        mine = torch.arange(first, first + rows, device=device)
        return torch.isin(mine, self.accelerator.gather_for_metrics(mine))
