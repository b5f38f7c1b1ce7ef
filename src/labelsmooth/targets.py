"""SoftTargets: what every scheme produces and every kernel reads, q = a·e_y + b·r + c·t."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

Spread = Literal["none", "uniform", "others", "shared", "by_class", "by_row"]
Amount = float | Tensor


@dataclass(frozen=True, eq=False)
class SoftTargets:
    """A batch of target distributions, kept as the few numbers a row that make it, never as (N, K).

    q = a·e_y + b·r + c·t: the true class e_y, a background r, and the probabilities t that a user gave.
    Shapes: classes are dimension 1 of the logits, (N, K, d1, …); a row is one (n, d1, …).

    labels       (N, d1, …) int64, every value in [0, K); None when only probabilities were given
    on_label     a: a number or (N, d1, …)
    on_background  b: likewise
    on_given     c: likewise
    spread       how r is spread: "none"; "uniform" over all K classes; over the "others"; one "shared" row (K,);
                 "by_class", row y of a (K, K) table; "by_row", (N, K, d1, …)
    background   the tensor that "shared", "by_class" and "by_row" need
    given        t: (N, K, d1, …), or None
    class_weight (K,): q_k is multiplied by w_k after the background is spread (what torch's class weights do)
    keep         (N, d1, …) bool: rows that count; None when all do. Other rows have loss 0 and gradient exactly 0
    class_mask   bool, (K,) or (N, K, d1, …): classes that may have mass; a logit of −inf forbids its class as well
    mask_below   logits under this number forbid their class as well
    num_classes, dtype  K, and what the loss is computed in: for schemes that write rows out; None where not known
    """

    labels: Tensor | None = None
    on_label: Amount = 0.0
    on_background: Amount = 0.0
    on_given: Amount = 0.0
    spread: Spread = "none"
    background: Tensor | None = None
    given: Tensor | None = None
    class_weight: Tensor | None = None
    keep: Tensor | None = None
    class_mask: Tensor | None = None
    mask_below: float | None = None
    num_classes: int | None = None
    dtype: torch.dtype | None = None

    def tensors(self) -> dict[str, Tensor]:
        """The fields that hold a tensor."""
        return {name: value for name, value in self.__dict__.items() if isinstance(value, Tensor)}

    def changed(self, **fields: Any) -> SoftTargets:
        """The same targets with these fields instead; `dataclasses.replace` takes five times as long."""
        copy = object.__new__(SoftTargets)
        copy.__dict__.update(self.__dict__, **fields)
        return copy

    def needs_grad(self) -> bool:
        """Whether anything but the logits asks for a gradient."""
        return any(isinstance(value, Tensor) and value.requires_grad for value in self.__dict__.values())

    def classes(self) -> int:
        """K; a ValueError where it cannot be known."""
        if self.given is not None:
            return self.given.shape[1]
        if self.num_classes is None:
            raise ValueError("these targets hold class indices alone; a scheme that writes rows out needs num_classes=")
        return self.num_classes

    def row_shape(self) -> torch.Size:
        """(N, d1, …)."""
        if self.labels is not None:
            return self.labels.shape
        if self.given is None:
            raise ValueError("SoftTargets needs labels or given probabilities; got neither")
        return torch.Size((self.given.shape[0], *self.given.shape[2:]))

    def background_rows(self) -> Tensor:
        """r written out without any mask, (N, K, d1, …), each row summing to 1."""
        n, *dims = self.row_shape()
        device = (self.given if self.labels is None else self.labels).device  # type: ignore[union-attr]
        every = torch.ones((n, self.classes(), *dims), dtype=torch.bool, device=device)
        return self._spread(self._own(every, self.precision()), every, self.precision())

    def precision(self) -> torch.dtype:
        """What rows are written out in: the loss's dtype where it is known."""
        if self.dtype is not None:
            return self.dtype
        return torch.get_default_dtype() if self.given is None else self.given.dtype

    def allowed(self, logits: Tensor) -> Tensor:
        """Classes that may have mass, bool (N, K, d1, …): the logit is not −inf and no mask forbids it."""
        allowed = logits != -torch.inf
        if self.mask_below is not None:
            allowed = allowed & ~(logits < self.mask_below)
        if self.class_mask is not None:
            allowed = allowed & along_classes(self.class_mask, logits.ndim)
        return allowed

    def probabilities(self, allowed: Tensor, dtype: torch.dtype) -> Tensor:
        """q written out, (N, K, d1, …), with the background and t restricted to the allowed classes.

        Each keeps its total: what forbidden classes would have had goes to the allowed ones in proportion. A
        background with nothing left goes to the true class. A row whose true class is forbidden keeps that mass,
        so that its loss is +inf. A row whose label is no class is NaN.
        """
        own = self._own(allowed, dtype)
        q = self._on_label(allowed, dtype) * own if self.given is None else self._given_part(own, allowed, dtype)
        if self.spread != "none":
            q = q + factor(self.on_background, allowed.ndim, dtype) * self._spread(own, allowed, dtype)
        return q if self.class_weight is None else q * along_classes(self.class_weight.to(dtype), allowed.ndim)

    def _own(self, allowed: Tensor, dtype: torch.dtype) -> Tensor:
        """e_y, or t restricted to the allowed classes when there are no labels."""
        if self.labels is not None:
            return one_hot(self.labels, allowed.shape[1], dtype)
        if self.given is None:
            raise ValueError("SoftTargets needs labels or given probabilities; got neither")
        return restrict(self.given.to(dtype), allowed)

    def _given_part(self, own: Tensor, allowed: Tensor, dtype: torch.dtype) -> Tensor:
        on_given = factor(self.on_given, allowed.ndim, dtype)
        if self.labels is None:
            return on_given * own
        given = restrict(self.given.to(dtype), allowed)  # type: ignore[union-attr]
        return self._on_label(allowed, dtype) * own + on_given * given

    def _on_label(self, allowed: Tensor, dtype: torch.dtype) -> Amount:
        """a of each row, NaN where the label is no class: where no value may be looked at, nothing else tells."""
        labels: Tensor = self.labels  # type: ignore[assignment]
        outside = (labels < 0) | (labels >= allowed.shape[1])
        spoils = torch.ones_like(labels, dtype=dtype).masked_fill(outside, torch.nan).unsqueeze(1)
        return spoils * factor(self.on_label, allowed.ndim, dtype)

    def _spread(self, own: Tensor, allowed: Tensor, dtype: torch.dtype) -> Tensor:
        """r restricted to the allowed classes; where nothing is left, the true class's own distribution."""
        raw = torch.where(allowed, self._raw_background(own, allowed, dtype), 0)
        total = raw.sum(1, keepdim=True)
        return torch.where(total > 0, raw / torch.where(total > 0, total, 1), own)

    def _raw_background(self, own: Tensor, allowed: Tensor, dtype: torch.dtype) -> Tensor:
        if self.spread == "uniform":
            return allowed.to(dtype)
        if self.spread == "others":
            whole = own if self.given is None or self.labels is not None else self.given.to(dtype)
            return whole.sum(1, keepdim=True) - whole
        table: Tensor = self.background  # type: ignore[assignment]
        if self.spread == "shared":
            return along_classes(table.to(dtype), allowed.ndim)
        if self.spread == "by_class":
            return table[self.labels].movedim(-1, 1).to(dtype)
        return table.to(dtype)


def one_hot(labels: Tensor, num_classes: int, dtype: torch.dtype) -> Tensor:
    """e_y along dimension 1, (N, K, d1, …), by comparison so that every transform of torch can follow it."""
    classes = torch.arange(num_classes, device=labels.device)
    return (labels.unsqueeze(1) == along_classes(classes, labels.ndim + 1)).to(dtype)


def along_classes(vector: Tensor, ndim: int) -> Tensor:
    """A (K,) tensor shaped to broadcast along dimension 1 of an `ndim`-dimensional one; others unchanged."""
    return vector.view(1, -1, *[1] * (ndim - 2)) if vector.ndim == 1 else vector


def rows(amount: Amount, ndim: int) -> Amount:
    """A number as it is; a (N, d1, …) tensor with a class dimension of size 1 put in."""
    return amount.unsqueeze(1) if isinstance(amount, Tensor) and amount.ndim == ndim - 1 and amount.ndim else amount


def factor(amount: Amount, ndim: int, dtype: torch.dtype) -> Amount:
    """As `rows`, in `dtype`: amounts are kept wider than the loss, so that (1 − ε) + ε is 1."""
    shaped = rows(amount, ndim)
    return shaped.to(dtype) if isinstance(shaped, Tensor) and shaped.ndim else shaped


def restrict(given: Tensor, allowed: Tensor) -> Tensor:
    """Move the mass of forbidden classes to the allowed ones in proportion; unchanged where none would be left."""
    kept = torch.where(allowed, given, 0)
    left = kept.sum(1, keepdim=True)
    scaled = kept * (given.sum(1, keepdim=True) / torch.where(left > 0, left, 1))
    whole = allowed.all(1, keepdim=True) | ~(left > 0)
    return torch.where(whole, given, scaled)


def out_of_range(
    labels: Tensor, row: int, num_classes: int, ignore_index: int | None, what: str = "target"
) -> IndexError:
    """What to raise for a label that is no class; `row` counts along the flattened labels."""
    place = tuple(int(i) for i in np.unravel_index(row, labels.shape)) if labels.ndim else ()
    also = "" if ignore_index is None else f", or equal ignore_index={ignore_index}"
    at = f" at row {place[0] if len(place) == 1 else place}" if place else ""
    return IndexError(
        f"{what}{at} is {labels[place].item()}, but with {num_classes} classes an index must be in "
        f"[0, {num_classes - 1}]{also}"
    )


def floor(targets: SoftTargets, logits: Tensor) -> Tensor:
    """The least value each row's loss can take, m·H(q/m) in nats, (N, d1, …): a smoothed loss never reaches 0.

    It is −inf where a target is negative (negative smoothing).
    """
    dtype = torch.float32 if logits.itemsize < 4 else logits.dtype
    z = logits if targets.keep is None else torch.where(targets.keep.unsqueeze(1), logits, 0)
    q = targets.probabilities(targets.allowed(z), dtype)
    lowest = torch.xlogy(q.sum(1), q.sum(1)) - torch.xlogy(q, q).sum(1)
    lowest = torch.where((q < 0).any(1), -torch.inf, lowest)
    return lowest if targets.keep is None else torch.where(targets.keep, lowest, 0)
