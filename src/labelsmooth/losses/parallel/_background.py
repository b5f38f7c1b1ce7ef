"""The background of a target whose classes lie on several ranks: this rank's columns, and what is known of the rest.

q = own·e_y + each·(w∘v) with v the raw background; each = b / Σ_allowed v. Tables are whole on every rank, so that sums
over all classes need no message as long as no class is masked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...targets import Amount, SoftTargets


@dataclass(frozen=True, eq=False)
class Background:
    """r of the rows (R, K) by its spread; `table` is (K,), (K, K) or (R, K), float64; `weight` (K,) or None."""

    spread: str
    labels: Tensor
    table: Tensor | None
    weight: Tensor | None
    first: int
    size: int
    classes: int
    allowed: int | None

    @property
    def even(self) -> bool:
        """Whether every class, or every other class, has the same share before weights."""
        return self.spread in ("uniform", "others")

    def here(self, rows: slice) -> tuple[Tensor | None, Tensor | None]:
        """v and the class weights in this rank's columns, each (1, n), (rows, n), or None where it is 1 everywhere.

        That "others" is 0 at the label is for the caller to see to.
        """
        columns = slice(self.first, self.first + self.size)
        weight = None if self.weight is None else self.weight[columns].unsqueeze(0)
        return None if self.table is None else self._rows(rows)[:, columns], weight

    def whole(self) -> tuple[Tensor, Tensor] | None:
        """Σ v and Σ w·v over the allowed classes of each row, (R,); None where only all ranks together know."""
        if self.spread == "none":
            return self._rows_of(1.0), self._rows_of(0.0)
        if self.allowed == self.classes:
            return self._unmasked()
        if self.even and self.weight is None and self.allowed is not None:
            count = self._rows_of(self.allowed - (self.spread == "others"))
            return count, count
        return None

    def without(self, rows: Tensor, top: Tensor) -> Tensor:
        """Σ w·v over all classes but `top` of these rows, never by subtraction of one large share; no class masked,
        or counts known."""
        labels = self.labels[rows]
        if self.even and self.weight is None:
            count = (self.allowed or 0) - 1
            return (count - (top != labels).double()) if self.spread == "others" else self._rows_of(count)[rows]
        if self.table is not None and self.table.ndim == 2:
            v = self._select(rows) if self.weight is None else self._select(rows) * self.weight
            return v.scatter(1, top.unsqueeze(1), 0).sum(1)
        left = exclusive(self._vector())[top]
        if self.spread == "others":
            left = torch.where(top == labels, left, left - self._vector()[labels])
        return left

    def at(self, rows: Tensor, classes: Tensor) -> Tensor:
        """w·v at one class of each of these rows."""
        if self.table is not None and self.table.ndim == 2:
            v = self._select(rows).gather(1, classes.unsqueeze(1)).squeeze(1)
            return v if self.weight is None else v * self.weight[classes]
        v = self._rows_of(1.0)[rows] if self.table is None and self.weight is None else self._vector()[classes]
        return torch.where(classes == self.labels[rows], 0, v) if self.spread == "others" else v

    def cut(self, rows: slice) -> Background:
        """That of these rows."""
        table = self.table[rows] if self.spread == "by_row" and self.table is not None else self.table
        return replace(self, labels=self.labels[rows], table=table)

    def _unmasked(self) -> tuple[Tensor, Tensor]:
        if self.table is not None and self.table.ndim == 2:
            weighted = self.table.sum(1) if self.weight is None else self.table @ self.weight
            total, mass = self.table.sum(1), weighted
            return (total[self.labels], mass[self.labels]) if self.spread == "by_class" else (total, mass)
        total = self._rows_of(self.classes if self.table is None else float(self.table.sum()))
        mass = total if self.weight is None else self._rows_of(float(self._vector().sum()))
        if self.spread != "others":
            return total, mass
        return total - 1, total - 1 if self.weight is None else exclusive(self.weight)[self.labels]

    def _vector(self) -> Tensor:
        """w·v where one row serves all, (K,)."""
        if self.table is None:
            return self.weight  # type: ignore[return-value]
        return self.table if self.weight is None else self.table * self.weight

    def _rows(self, rows: slice) -> Tensor:
        table: Tensor = self.table  # type: ignore[assignment]
        if self.spread == "by_class":
            return table[self.labels[rows]]
        return table[rows] if self.spread == "by_row" else table.unsqueeze(0)

    def _select(self, rows: Tensor) -> Tensor:
        table: Tensor = self.table  # type: ignore[assignment]
        return table[self.labels[rows]] if self.spread == "by_class" else table[rows]

    def _rows_of(self, value: float) -> Tensor:
        return torch.full(self.labels.shape, value, dtype=torch.float64, device=self.labels.device)


def exclusive(vector: Tensor) -> Tensor:
    """For each entry the sum of all others, without subtraction."""
    zero = vector.new_zeros(1)
    before = torch.cat((zero, vector[:-1].cumsum(0)))
    after = torch.cat((vector[1:].flip(0).cumsum(0).flip(0), zero))
    return before + after


def background_of(targets: SoftTargets, first: int, size: int, classes: int, allowed: int | None) -> Background:
    """The background of targets (N, d1, …) whose rows are laid out flat."""
    labels: Tensor = targets.labels  # type: ignore[assignment]
    table = None if targets.spread in ("none", "uniform", "others") else targets.background.double()  # type: ignore
    if targets.spread == "by_row":
        table = flat_rows(table)  # type: ignore[arg-type]
    weight = None if targets.class_weight is None else targets.class_weight.double()
    return Background(targets.spread, labels.reshape(-1), table, weight, first, size, classes, allowed)


def flat_rows(x: Tensor) -> Tensor:
    """(N, K, d1, …) as (rows, K)."""
    return x.movedim(1, -1).reshape(x.shape[:1].numel() * x.shape[2:].numel(), x.shape[1])


def each_row(amount: Amount, labels: Tensor) -> Tensor:
    """An amount as one float64 for each row."""
    if isinstance(amount, Tensor):
        return amount.detach().double().expand(labels.shape).reshape(-1)
    return torch.full((labels.numel(),), float(amount), dtype=torch.float64, device=labels.device)
