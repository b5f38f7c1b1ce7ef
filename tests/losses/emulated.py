"""Losses of other libraries in numpy, from their documentation, and our call for the same.

Each row of PEERS is a row of the table in docs/emulation.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from labelsmooth import binary_cross_entropy_with_logits, convert_smoothing, cross_entropy
from labelsmooth.schemes import Others, Uniform

Array = np.ndarray
ROWS, CLASSES, IGNORED = 9, 6, -100


@dataclass(frozen=True)
class Batch:
    """Logits, labels (some of them ignored), class weights, yes-or-no targets and a window's count."""

    z: Array
    y: Array
    weight: Array
    many: Array
    window: int = 20

    @property
    def counts(self) -> Array:
        return self.y != IGNORED

    @property
    def hot(self) -> Array:
        return np.eye(CLASSES)[np.where(self.counts, self.y, 0)]

    @property
    def log_p(self) -> Array:
        top = self.z.max(1, keepdims=True)
        return self.z - top - np.log(np.exp(self.z - top).sum(1, keepdims=True))

    @property
    def nll(self) -> Array:
        return -(self.hot * self.log_p).sum(1)

    def against(self, q: Array) -> Array:
        """−Σ q log p of each row."""
        return -(q * self.log_p).sum(1)

    def binary(self, q: Array) -> Array:
        """−q log σ(z) − (1 − q) log(1 − σ(z)) of each element."""
        return q * np.logaddexp(0, -self.z) + (1 - q) * np.logaddexp(0, self.z)


@dataclass(frozen=True)
class Peer:
    """A library's loss: its formula for (batch, ε), and our call for the same."""

    name: str
    theirs: Callable[[Batch, float], Array]
    ours: Callable[[Tensor, Batch, float], Tensor]
    ignores: bool = True
    tolerance: float = 1e-13

    def __str__(self) -> str:
        return self.name


def labels(b: Batch) -> Tensor:
    return torch.from_numpy(b.y)


def torch_weighted(b: Batch, ε: float) -> Array:
    rows = (1 - ε) * b.weight[np.where(b.counts, b.y, 0)] * b.nll + ε / CLASSES * -(b.weight * b.log_p).sum(1)
    return rows[b.counts].sum() / b.weight[b.y[b.counts]].sum()


def timm(b: Batch, ε: float) -> Array:
    return ((1 - ε) * b.nll + ε * -b.log_p.mean(1)).mean()


def hugging_face(b: Batch, ε: float, items: int | None = None) -> Array:
    active = items or b.counts.sum()
    nll = b.nll[b.counts].sum() / active
    smoothed = -b.log_p.sum(1)[b.counts].sum() / (active * CLASSES)
    return (1 - ε) * nll + ε * smoothed


def fairseq(b: Batch, ε: float) -> Array:
    each = ε / (CLASSES - 1)
    return ((1 - ε - each) * b.nll + each * -b.log_p.sum(1))[b.counts].sum()


def fairseq_older(b: Batch, ε: float) -> Array:
    return ((1 - ε) * b.nll + ε / CLASSES * -b.log_p.sum(1))[b.counts].sum()


def keras(b: Batch, ε: float) -> Array:
    return b.against(b.hot * (1 - ε) + ε / CLASSES).mean()


def optax(b: Batch, ε: float) -> Array:
    return b.against((1 - ε) * b.hot + ε / CLASSES)


def megatron(b: Batch, ε: float) -> Array:
    smoothing = ε * CLASSES / (CLASSES - 1)
    return (1 - smoothing) * b.nll - smoothing * b.log_p.mean(1)


def mmpretrain_classy(b: Batch, ε: float) -> Array:
    return b.against((b.hot + ε / CLASSES) / (1 + ε)).mean()


def classy_vision(b: Batch, ε: float) -> Array:
    """With the float32 eps that it adds to both divisors."""
    eps = np.finfo(np.float32).eps
    q = b.hot / (eps + b.hot.sum(1, keepdims=True)) + ε / CLASSES
    return b.against(q / (eps + q.sum(1, keepdims=True))).mean()


def uniform_of_classy(z: Tensor, b: Batch, ε: float) -> Tensor:
    amount = convert_smoothing(ε, CLASSES, source="classy_vision", to="uniform")
    return cross_entropy(z, labels(b), label_smoothing=amount)


def binary(convention: str, target: str = "many") -> Callable[[Tensor, Batch, float], Tensor]:
    return lambda z, b, ε: binary_cross_entropy_with_logits(
        z, torch.from_numpy(getattr(b, target)), label_smoothing=ε, convention=convention
    )


PEERS = [
    Peer(
        "torch.nn.CrossEntropyLoss",
        torch_weighted,
        lambda z, b, ε: cross_entropy(z, labels(b), torch.from_numpy(b.weight), label_smoothing=ε),
    ),
    Peer(
        "timm LabelSmoothingCrossEntropy",
        timm,
        lambda z, b, ε: cross_entropy(z, labels(b), label_smoothing=ε),
        ignores=False,
    ),
    Peer(
        "Hugging Face LabelSmoother",
        hugging_face,
        lambda z, b, ε: cross_entropy(z, labels(b), label_smoothing=ε),
    ),
    Peer(
        "Hugging Face LabelSmoother, num_items_in_batch",
        lambda b, ε: hugging_face(b, ε, b.window),
        lambda z, b, ε: cross_entropy(z, labels(b), label_smoothing=ε, num_items=b.window),
    ),
    Peer(
        "fairseq label_smoothed_cross_entropy",
        fairseq,
        lambda z, b, ε: cross_entropy(z, labels(b), label_smoothing=Others(ε), reduction="sum"),
    ),
    Peer(
        "fairseq, older versions",
        fairseq_older,
        lambda z, b, ε: cross_entropy(z, labels(b), label_smoothing=Uniform(ε), reduction="sum"),
    ),
    Peer(
        "Keras CategoricalCrossentropy",
        keras,
        lambda z, b, ε: cross_entropy(z, torch.from_numpy(b.hot), label_smoothing=ε, class_dim=-1),
        ignores=False,
    ),
    Peer(
        "optax smooth_labels",
        optax,
        lambda z, b, ε: cross_entropy(z, torch.from_numpy(b.hot), label_smoothing=ε, reduction="none"),
        ignores=False,
    ),
    Peer(
        "Megatron-LM vocab_parallel_cross_entropy",
        megatron,
        lambda z, b, ε: cross_entropy(z, labels(b), label_smoothing=Others(ε), reduction="none"),
        ignores=False,
    ),
    Peer(
        "MMPretrain LabelSmoothLoss, original",
        keras,
        lambda z, b, ε: cross_entropy(z, labels(b), label_smoothing=ε),
        ignores=False,
    ),
    Peer("MMPretrain LabelSmoothLoss, classy_vision", mmpretrain_classy, uniform_of_classy, ignores=False),
    Peer(
        "MMPretrain LabelSmoothLoss, multi_label",
        lambda b, ε: b.binary(np.where(b.many > 0, 1 - ε, ε)).mean(),
        binary("others"),
    ),
    Peer("ClassyVision LabelSmoothingCrossEntropyLoss", classy_vision, uniform_of_classy, False, 1e-6),
    Peer(
        "Keras BinaryCrossentropy",
        lambda b, ε: b.binary(b.many * (1 - ε) + 0.5 * ε).mean(),
        binary("uniform"),
    ),
    Peer(
        "YOLO smooth_BCE",
        lambda b, ε: b.binary(np.where(b.many > 0, 1 - 0.5 * ε, 0.5 * ε)).mean(),
        binary("uniform"),
    ),
    Peer(
        "timm BinaryCrossEntropy",
        lambda b, ε: b.binary(np.where(b.hot > 0, 1 - ε + ε / CLASSES, ε / CLASSES)).mean(),
        binary("classes", "hot"),
        ignores=False,
    ),
    Peer(
        "one-sided smoothing of GANs",
        lambda b, ε: b.binary(np.where(b.many > 0, 1 - ε, 0)).mean(),
        binary("positives"),
    ),
]
