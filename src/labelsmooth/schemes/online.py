"""Online: the rows are learned, epoch by epoch, from what the model itself confuses."""

from __future__ import annotations

from typing import Unpack, final

import torch
from torch import Tensor, distributed

from ..targets import Amount
from ._amounts import AmountOptions
from ._modules import TableScheme
from ._tables import class_count

ROWS = 1 << 14
"""Rows that are looked at together, so that a label map needs no second copy of its logits."""


@final
class Online(TableScheme):
    r"""Spread ε by what the model said last epoch: q = (1 − ε)·e_y + ε·R[y].

    R[y] is the mean softmax of last epoch's correctly predicted samples of class y; a class without any is uniform,
    and so is every class in the first epoch. The loss never learns by itself: call :meth:`observe` on each training
    batch, and :meth:`advance` when an epoch ends.

    Args:
        amount: ε in [0, 1] (0.5 in the source), or a 0-dimensional tensor; None with `per_class` or `per_sample`.
        num_classes: K; the state has two (K, K) tables of float64.
        per_class: (K,) tensor, ε by true class, in place of `amount`.
        per_sample: tensor shaped like the labels, ε by sample, in place of `amount`.
        soft_targets: True where targets that are soft already are meant to be smoothed: no warning.

    State (in the loss's ``state_dict``, as ``label_smoothing.…``): table (K, K), what is used; sums (K, K) and counts
    (K,), what this epoch has seen.

    Raises:
        ValueError: num_classes that is no int of at least 1, an amount outside [0, 1].

    Example:
        >>> online = Online(0.5, 2)
        >>> online.observe(torch.tensor([[2.0, 0.0], [1.0, 0.0]]), torch.tensor([0, 1]))
        >>> online.advance()
        >>> online.table
        tensor([[0.8808, 0.1192],
                [0.5000, 0.5000]], dtype=torch.float64)

    Source: Zhang et al. 2021, Delving Deep into Label Smoothing, section 3.
    """

    needs = "the number of classes, and a training loop that calls observe and advance: Online(amount, num_classes)"

    table: Tensor
    sums: Tensor
    counts: Tensor

    def __init__(self, amount: Amount | None, num_classes: int, **options: Unpack[AmountOptions]) -> None:
        super().__init__(amount, **options)
        k = class_count(num_classes)
        self.register_buffer("table", torch.full((k, k), 1 / k, dtype=torch.float64))
        self.register_buffer("sums", torch.zeros((k, k), dtype=torch.float64))
        self.register_buffer("counts", torch.zeros(k, dtype=torch.int64))

    @torch.no_grad()
    def observe(self, logits: Tensor, labels: Tensor, *, ignore_index: int = -100, class_dim: int = 1) -> None:
        """Add the correctly predicted rows of a training batch to this epoch's sums.

        Args:
            logits: (N, K, d1, …), or with the classes in `class_dim`.
            labels: class indices (N, d1, …); those equal to `ignore_index` are passed over.

        Raises:
            TypeError: labels that are not indices. ValueError: shapes that do not fit each other or K.
        """
        _check_batch(logits, labels, class_dim, len(self.counts))
        flat = logits.movedim(class_dim, -1).reshape(-1, len(self.counts))
        every = labels.reshape(-1).long()
        for z, y in zip(flat.split(ROWS), every.split(ROWS), strict=True):
            self._add(z, y, y != ignore_index)

    def _add(self, z: Tensor, y: Tensor, keep: Tensor) -> None:
        p = z.softmax(-1, dtype=torch.float64)
        correct = keep & (z.argmax(-1) == y) & p.isfinite().all(-1)
        y = torch.where(correct, y, 0)
        self.sums.index_add_(0, y, torch.where(correct.unsqueeze(-1), p, 0))
        self.counts.index_add_(0, y, correct.long())

    @torch.no_grad()
    def advance(self, unit: str = "epoch", *, group: distributed.ProcessGroup | None = None) -> None:
        """End an epoch: the means seen become the table, and counting starts again; other units do nothing.

        Where ``torch.distributed`` runs, sums and counts of all processes of `group` are added first, so that every
        process must call it, and all end with the same table.
        """
        super().advance(unit)
        if unit != "epoch":
            return
        if distributed.is_available() and distributed.is_initialized():
            distributed.all_reduce(self.sums, group=group)
            distributed.all_reduce(self.counts, group=group)
        count = self.counts.unsqueeze(-1)
        self.table.copy_(torch.where(count > 0, self.sums / count.clamp(min=1), 1 / len(self.counts)))
        self.sums.zero_()
        self.counts.zero_()


def _check_batch(logits: Tensor, labels: Tensor, class_dim: int, num_classes: int) -> None:
    if labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool:
        raise TypeError(f"observe needs class indices of an integer dtype; got {labels.dtype}")
    rows = list(logits.shape)
    k = rows.pop(class_dim) if -logits.ndim <= class_dim < logits.ndim else None
    if k != num_classes or list(labels.shape) != rows:
        raise ValueError(
            f"observe needs logits with {num_classes} classes in dimension {class_dim} and labels shaped like them "
            f"without it; got {tuple(logits.shape)} and {tuple(labels.shape)}"
        )
