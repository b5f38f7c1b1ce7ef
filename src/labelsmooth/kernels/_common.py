"""Rows that share one background and have no mask: hard, uniform, others, a prior, class weights.

They need no (rows, K) target: q_k = own·[k = y] + each·v_k, with v_k = 1 times class weight and prior. The gradient of
the true class is minus the sum of all others', so that p_y − q_y never cancels.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ..targets import Amount, SoftTargets, along_classes, factor
from ._sums import over_classes

LOW_HALF = -32_000.0
LIMITS = {torch.float64: 1e299, torch.float32: 1e29, torch.bfloat16: 1e29, torch.float16: 1e29}
"""Losses that a logit near the dtype's lowest number would exceed, small though its share of the mass is."""


class Common(NamedTuple):
    """q of a block; a tensor here has a class dimension, which is of size 1 where it holds one number a row."""

    labels: Tensor
    own: Amount  # on y; less what the background would have there when it leaves y out
    each: Amount
    v: Tensor | None  # None is 1
    mass: Amount  # Σ q_k


class Found(NamedTuple):
    """With d = z − max z, in float64."""

    loss: Tensor  # (n, 1, d1, …)
    total: Tensor  # Σ exp d, (n, 1, d1, …)
    exps: Tensor  # exp d


def takes(z: Tensor, targets: SoftTargets) -> bool:
    """On other devices than the CPU nothing may wait for a value, so masked logits cannot be looked for."""
    plain = targets.given is None and targets.class_mask is None and targets.mask_below is None
    return plain and targets.spread in ("none", "uniform", "others", "shared") and z.device.type == "cpu"


def common(targets: SoftTargets, z: Tensor) -> Common:
    """The targets in this form."""
    labels = targets.labels.unsqueeze(1)  # type: ignore[union-attr]
    own, each = factor(targets.on_label, z.ndim, torch.float64), factor(targets.on_background, z.ndim, torch.float64)
    if targets.spread == "others" and z.shape[1] == 1:
        own, each = own + each, 0.0
    if targets.class_weight is not None:
        own = own * targets.class_weight.double()[labels]
    if targets.spread == "none":
        return Common(labels, own, 0.0, None, own)
    return _with_background(labels, own, each, targets, z)


def _with_background(labels: Tensor, own: Amount, each: Amount, targets: SoftTargets, z: Tensor) -> Common:
    others, classes = targets.spread == "others", z.shape[1]
    if targets.spread != "shared":
        each = each / max(classes - others, 1)
    v = _vector(targets)
    whole: Amount = float(classes) if v is None else v.sum()
    if others:
        own = own - (each if v is None else each * v[labels])
    return Common(labels, own, each, None if v is None else along_classes(v, z.ndim), own + each * whole)


def _vector(targets: SoftTargets) -> Tensor | None:
    weight = None if targets.class_weight is None else targets.class_weight.double()
    if targets.spread != "shared":
        return weight
    shared = targets.background.double()  # type: ignore[union-attr]
    shared = shared / shared.sum()
    return shared if weight is None else shared * weight


def find(z: Tensor, q: Common) -> Found | None:
    """m·log Σ exp d − ⟨q, d⟩; None when a logit is masked, not finite or suspiciously low."""
    d = _below_peak(z)
    loss = _loss(d, q)
    if _suspicious(z, *(x.item() for x in loss.aminmax())):
        return None
    total = over_classes(d.exp_())
    return Found(loss.add_(_times(total.log(), q.mass)), total, d)


def total(z: Tensor, q: Common) -> tuple[float, Tensor] | None:
    """As `find` and `gradient` for the sum of a small input's losses, as a number: a third fewer calls of torch.

    None too where q is not the same for all rows with one label.
    """
    if isinstance(q.own, Tensor) or isinstance(q.each, Tensor) or q.v is not None:
        return None
    d = _below_peak(z)
    inner = q.own * d.gather(1, q.labels).sum().item()
    if q.each:
        inner += q.each * d.sum().item()
    if _suspicious(z, inner, inner):
        return None
    totals = over_classes(d.exp_())
    loss = float(q.mass) * totals.log().sum().item() - inner
    return loss, gradient(Found(totals, totals, d), q)


def _below_peak(z: Tensor) -> Tensor:
    """z − max z in float64."""
    wide = z.double()
    peak = wide.amax(1, keepdim=True)
    return wide - peak if wide is z else wide.sub_(peak)


def gradient(found: Found, q: Common) -> Tensor:
    """m·p − q, in place of the exponentials."""
    p = _times(found.exps.div_(found.total), q.mass)
    if not _none(q.each):
        p.sub_(q.each if q.v is None else q.each * q.v)
    p.scatter_(1, q.labels, 0)
    return p.scatter_(1, q.labels, over_classes(p).neg_())


def _loss(d: Tensor, q: Common) -> Tensor:
    """−⟨q, d⟩."""
    at_label = d.gather(1, q.labels)
    loss = 0 - at_label * q.own if isinstance(q.own, Tensor) else torch.rsub(at_label, 0, alpha=q.own)
    if _none(q.each):
        return loss
    inner = over_classes(d if q.v is None else d * q.v)
    return loss - q.each * inner if isinstance(q.each, Tensor) else torch.sub(loss, inner, alpha=q.each)


def _suspicious(z: Tensor, low: float, high: float) -> bool:
    """Then every class has to be looked at: a loss is huge or not a number, or float16 may hold its lowest number."""
    if z.dtype == torch.float16 and not z.amin().item() > LOW_HALF:
        return True
    limit = LIMITS[z.dtype]
    return not (low > -limit and high < limit)


def _none(amount: Amount) -> bool:
    return isinstance(amount, float) and amount == 0


def _times(x: Tensor, mass: Amount) -> Tensor:
    return x if isinstance(mass, float) and mass == 1 else x.mul_(mass)
