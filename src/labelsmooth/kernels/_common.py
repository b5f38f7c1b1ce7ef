"""Rows without a mask, as nearly all are: q_k = own·[k = y] + each·v_k, v one number, one row for all, or a row each.

They need no test of every class: a masked or spoiled logit shows in its row's loss. No p_k − q_k cancels where p_k is
near 1: the gradient of one class, y or the likeliest, is minus the sum of all others'.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ..targets import Amount, SoftTargets, along_classes, factor
from ._room import Room
from ._sums import over_classes

LOW_HALF = -32_000.0
LIMITS = {torch.float64: 1e299, torch.float32: 1e29, torch.bfloat16: 1e29, torch.float16: 1e29}
"""Losses that a logit near the dtype's lowest number would exceed, small though its share of the mass is."""


class Common(NamedTuple):
    """q of a block, in float64; a tensor here has a class dimension, of size 1 where it holds one number a row."""

    labels: Tensor | None
    own: Amount  # on y; less what the background would have there when it leaves y out
    each: Amount
    v: Tensor | None  # None is 1
    mass: Amount  # Σ q_k
    keep: Tensor | None  # rows that count
    half: bool  # whether no class but y has more than half of the mass


class Found(NamedTuple):
    """What the gradient is made of, in float64."""

    loss: Tensor  # (n, 1, d1, …), 0 in rows that do not count
    exps: Tensor  # exp(z − max z), or p
    total: Tensor | None  # Σ exp(z − max z), (n, 1, d1, …); None is 1
    left: Tensor  # the class whose gradient is found from all others': y, or the likeliest


def takes(z: Tensor, targets: SoftTargets) -> bool:
    """On other devices than the CPU nothing may wait for a value, so masked logits cannot be looked for."""
    masked = targets.class_mask is not None or targets.mask_below is not None
    return not masked and (targets.labels is None or targets.given is None) and z.device.type == "cpu"


def common(targets: SoftTargets, z: Tensor, room: Room) -> Common:
    """The targets in this form."""
    keep = None if targets.keep is None else targets.keep.unsqueeze(1)
    if targets.labels is None:
        return _given(targets, keep, room)
    labels, weight, classes = targets.labels.unsqueeze(1), targets.class_weight, z.shape[1]
    own, each = _wide(targets.on_label, z), _wide(targets.on_background, z)
    if targets.spread == "others" and classes == 1:
        own, each = own + each, 0.0
    half = weight is None and _share(targets, classes) <= 0.5
    if weight is not None:
        own = own * weight.double()[labels]
    if targets.spread == "none":
        return Common(labels, own, 0.0, None, own, keep, half=True)
    if targets.spread in ("by_class", "by_row"):
        v, each, mass = _table(targets, each, room)
        return Common(labels, own, each, v, own + mass, keep, half)
    vector = _vector(targets)
    if targets.spread != "shared":
        each = each / max(classes - (targets.spread == "others"), 1)
    mass = each * (float(classes) if vector is None else vector.sum())
    if targets.spread == "others":
        own = own - (each if vector is None else each * vector[labels])
    shaped = None if vector is None else along_classes(vector, z.ndim)
    return Common(labels, own, each, shaped, own + mass, keep, half)


def _wide(amount: Amount, z: Tensor) -> Amount:
    shaped = factor(amount, z.ndim, torch.float64)
    return shaped.double() if isinstance(shaped, Tensor) else shaped


def _share(targets: SoftTargets, classes: int) -> float:
    """The most that a class may get of the background, as a bound."""
    amount = 1.0 if isinstance(targets.on_background, Tensor) else targets.on_background
    return amount / {"uniform": classes, "others": max(classes - 1, 1)}.get(targets.spread, 1)


def _vector(targets: SoftTargets) -> Tensor | None:
    weight = None if targets.class_weight is None else targets.class_weight.double()
    if targets.spread != "shared":
        return weight
    shared = targets.background.double()  # type: ignore[union-attr]
    shared = shared / shared.sum()
    return shared if weight is None else shared * weight


def _table(targets: SoftTargets, each: Amount, room: Room) -> tuple[Tensor, Amount, Amount]:
    """A background for each class or each row, what to multiply it by, and the mass it then has."""
    v = _background(targets, room)
    scale = each / over_classes(v)
    if targets.class_weight is None:
        return v, scale, each
    v = v.mul_(along_classes(targets.class_weight.double(), v.ndim))
    return v, scale, scale * over_classes(v)


def _background(targets: SoftTargets, room: Room) -> Tensor:
    table: Tensor = targets.background  # type: ignore[assignment]
    if targets.spread != "by_class":
        return room.copy(table)
    labels: Tensor = targets.labels  # type: ignore[assignment]
    rows, at = room.empty(torch.Size((labels.numel(), table.shape[1]))), labels.reshape(-1)
    if table.dtype == torch.float64:
        torch.index_select(table, 0, at, out=rows)  # half the time of table[labels]
    else:
        rows.copy_(table.index_select(0, at))
    return rows.view(*labels.shape, -1).movedim(-1, 1)


def _given(targets: SoftTargets, keep: Tensor | None, room: Room) -> Common:
    """Probabilities that were given, and any background beside them."""
    q = room.copy(targets.given)  # type: ignore[arg-type]
    on_given, each = _wide(targets.on_given, q), _wide(targets.on_background, q)
    if targets.spread == "uniform":
        q = _plus(q, on_given, each / q.shape[1])
    elif targets.spread == "others" and q.shape[1] > 1:
        total = over_classes(q)
        each = each / (total * (q.shape[1] - 1))
        q = q.mul_(on_given - each).add_(each * total)
    elif targets.spread in ("none", "others"):
        q = _times(q, on_given if targets.spread == "none" else on_given + each)
    else:
        r = along_classes(targets.background.double(), q.ndim)  # type: ignore[union-attr]
        q = q.mul_(on_given).add_(r * (each / over_classes(r)))
    if targets.class_weight is not None:
        q = q.mul_(along_classes(targets.class_weight.double(), q.ndim))
    return Common(None, 0.0, 1.0, q, over_classes(q), keep, half=False)


def _plus(t: Tensor, share: Amount, more: Amount) -> Tensor:
    """share·t + more, in one pass where both are numbers."""
    if isinstance(share, Tensor) or isinstance(more, Tensor):
        return t.mul_(share).add_(more)
    return torch.add(t.new_tensor(more), t, alpha=share, out=t)


def find(z: Tensor, q: Common, room: Room) -> Found | None:
    """m·log Σ exp d − ⟨q, d⟩ with d = z − max z; None when a logit is masked, not finite or suspiciously low."""
    d = room.copy(z)
    peak, left = (d.amax(1, keepdim=True), q.labels) if q.half else d.max(1, keepdim=True)
    loss = _drop(_cross(d.sub_(peak), q, room), q)
    if _suspicious(z, *(x.item() for x in loss.aminmax())):
        return None
    total = over_classes(d.exp_())
    return Found(loss.add_(_drop(_times(total.log(), q.mass), q)), d, total, left)  # type: ignore[arg-type]


def total(z: Tensor, q: Common) -> tuple[float, Found] | None:
    """The sum of a small input's losses, −⟨q, log p⟩, and what its gradient needs: half as many calls of torch.

    None too for float64, which log_softmax is too coarse for.
    """
    if z.itemsize > 4:
        return None
    log_p = z.double().log_softmax(1)
    loss = _sum_of_cross(log_p, q, Room())
    if _suspicious(z, loss, loss):
        return None
    left = q.labels if q.half else log_p.argmax(1, keepdim=True)
    return loss, Found(log_p, log_p.exp_(), None, left)  # type: ignore[arg-type]


def gradient(found: Found, q: Common) -> Tensor:
    """m·p − q, in place of the exponentials; 0 in rows that do not count."""
    p = _times(found.exps if found.total is None else found.exps.div_(found.total), q.mass)
    at_label = None if q.labels is None or q.half else p.gather(1, q.labels) - _at_label(p, q)
    if q.v is not None:
        p = p.addcmul_(q.v, q.each, value=-1) if isinstance(q.each, Tensor) else p.sub_(q.v, alpha=q.each)
    elif not _is(q.each, 0):
        p.sub_(q.each)
    if at_label is not None:
        p.scatter_(1, q.labels, at_label)  # type: ignore[arg-type]
    p.scatter_(1, found.left, 0)
    return _drop(p.scatter_(1, found.left, over_classes(p).neg_()), q)


def _at_label(like: Tensor, q: Common) -> Amount:
    """q_y."""
    v = 1.0 if q.v is None else q.v.expand_as(like).gather(1, q.labels)  # type: ignore[arg-type]
    return q.own + q.each * v


def _cross(d: Tensor, q: Common, room: Room) -> Tensor:
    """−⟨q, d⟩."""
    loss = None if q.labels is None else d.gather(1, q.labels) * -q.own
    if _is(q.each, 0) and loss is not None:
        return loss
    weighed = d if q.v is None else torch.mul(d, q.v, out=room.empty(d.shape))
    inner = _times(over_classes(weighed), q.each)
    return inner.neg_() if loss is None else loss.sub_(inner)


def _sum_of_cross(d: Tensor, q: Common, room: Room) -> float:
    """Σ −⟨q, d⟩ over the rows that count."""
    if q.v is not None or q.keep is not None or isinstance(q.own, Tensor) or isinstance(q.each, Tensor):
        return _drop(_cross(d, q, room), q).sum().item()
    inner = q.own * d.gather(1, q.labels).sum().item()  # type: ignore[arg-type]
    return 0.0 - (inner + q.each * d.sum().item() if q.each else inner)


def _drop(x: Tensor, q: Common) -> Tensor:
    """0 in rows that do not count, whatever is there."""
    if q.keep is None:
        return x
    if x.ndim > 2 or x.shape[1] == 1:
        return x.masked_fill_(~q.keep, 0)
    return x.index_fill_(0, (~q.keep).view(-1).nonzero().view(-1), 0)  # a fifth of the time


def _suspicious(z: Tensor, low: float, high: float) -> bool:
    """Then every class has to be looked at: a loss is huge or not a number, or float16 may hold its lowest number."""
    if z.dtype == torch.float16 and not z.amin().item() > LOW_HALF:
        return True
    limit = LIMITS[z.dtype]
    return not (low > -limit and high < limit)


def _is(amount: Amount, value: float) -> bool:
    return not isinstance(amount, Tensor) and amount == value


def _times(x: Tensor, factor: Amount) -> Tensor:
    return x if _is(factor, 1) else x.mul_(factor)
