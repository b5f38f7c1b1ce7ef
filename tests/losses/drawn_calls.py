"""240 calls of the loss of every kind, drawn once and for all: what its transforms are tested with."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import oracle
import torch
from oracle import Array
from torch import Tensor

from labelsmooth import cross_entropy, schemes

CLASSES = 3
DOUBLE = torch.float64
ROWS: dict[str, tuple[int, ...]] = {"(K,)": (), "(N, K)": (3,), "(N, K, d1)": (2, 2), "(N, K, d1, d2)": (1, 2, 2)}
PI = torch.tensor([0.5, 0.3, 0.2], dtype=DOUBLE)
TABLE = torch.tensor([[0.1, 0.6, 0.3], [0.5, 0.0, 0.5], [0.0, 1.0, 0.0]], dtype=DOUBLE)
MEANT = {"soft_targets": True}
SCHEMES: dict[str, Callable[[], Any]] = {
    "none": lambda: 0.0,
    "uniform": lambda: schemes.Uniform(0.2, **MEANT),
    "others": lambda: schemes.Others(0.2, **MEANT),
    "prior": lambda: schemes.Prior(0.2, PI, **MEANT),
    "class_matrix": lambda: schemes.ClassMatrix(0.2, TABLE, **MEANT),
    "spatial": lambda: schemes.Spatial(0.2, **MEANT),
    "per_class": lambda: schemes.Others(per_class=torch.tensor([0.0, 0.3, 1.0], dtype=DOUBLE), **MEANT),
    "composed": lambda: schemes.Others(0.2, **MEANT).then(schemes.Prior(0.1, PI)),
}
SPREADS: dict[str, Any] = {"none": "uniform", "uniform": "uniform", "others": "others", "prior": PI.numpy()}
AXES: dict[str, tuple[str, ...]] = {
    "kind": ("indices", "probabilities"),
    "rank": tuple(ROWS),
    "reduction": ("mean", "sum", "none"),
    "weight": ("none", "torch", "sample", "by row"),
    "dropped": ("none", "one row"),
    "mask": ("none", "-inf", "class_mask", "class_mask of rows", "mask_below"),
    "scheme": tuple(SCHEMES),
}


@dataclass(eq=False)
class Call:
    """One call of the loss: a function of float64 logits, and what numpy needs to say the same."""

    words: tuple[str, ...]
    logits: Tensor
    target: Tensor
    options: dict[str, Any]
    for_numpy: dict[str, Any]

    def __call__(self, z: Tensor) -> Tensor:
        return cross_entropy(z, self.target, **self.options)

    def total(self, z: Tensor) -> Tensor:
        return self(z).sum()

    def answer(self) -> Array:
        """The gradient of `total`, in numpy."""
        axis = min(1, self.logits.ndim - 1)
        words = dict(zip(AXES, self.words, strict=True))
        more = {"reduction": words["reduction"], "class_axis": axis, **self.for_numpy}
        return oracle.cross_entropy(self.logits.numpy(), self.target.numpy(), **more).gradient.astype(float)


def drawn() -> list[tuple[str, ...]]:
    """Ten calls for each kind, rank and reduction; the other axes by a fixed draw."""
    rng = np.random.default_rng(26)
    found: dict[tuple[str, ...], None] = {}
    for fixed in itertools.product(AXES["kind"], AXES["rank"], AXES["reduction"]):
        mine = 0
        while mine < 10:
            words = (*fixed, *(str(rng.choice(AXES[axis])) for axis in list(AXES)[3:]))
            if words not in found and possible(*words):
                found[words] = None
                mine += 1
    return list(found)


def possible(kind: str, rank: str, reduction: str, weight: str, dropped: str, mask: str, scheme: str) -> bool:
    few = rank == "(K,)" and (dropped != "none" or scheme == "spatial")
    return not (few or (scheme == "spatial" and rank == "(N, K)"))


def build(words: tuple[str, ...]) -> Call:
    kind, rank, reduction, weight, dropped, mask, scheme = words
    g = torch.Generator().manual_seed(hash_of(words))
    rows = ROWS[rank]
    axis = min(1, len(rows))
    shape = (*rows[:1], CLASSES, *rows[1:])
    logits = 2 * torch.randn(shape, generator=g, dtype=DOUBLE)
    labels = torch.randint(CLASSES, rows, generator=g)
    given = torch.randn(shape, generator=g, dtype=DOUBLE).softmax(axis)
    target = labels if kind == "indices" else given
    call = Call(words, logits, target, {"reduction": reduction, "label_smoothing": SCHEMES[scheme]()}, {})
    if scheme in SPREADS:
        call.for_numpy |= {"amount": 0.0 if scheme == "none" else 0.2, "spread": SPREADS[scheme]}
    add_weights(call, weight, rows, g)
    add_mask(call, mask, labels.unsqueeze(axis), axis)
    if dropped != "none":
        drop_a_row(call, kind, rows)
    return call


def hash_of(words: tuple[str, ...]) -> int:
    return sum(i * ord(c) for i, c in enumerate(" ".join(words), 1))


def both(call: Call, **options: Any) -> None:
    call.options |= options
    call.for_numpy |= {name: x.numpy() if isinstance(x, Tensor) else x for name, x in options.items()}


def add_weights(call: Call, weight: str, rows: tuple[int, ...], g: torch.Generator) -> None:
    if weight in ("torch", "sample"):
        both(call, weight=torch.tensor([0.5, 2.0, 1.0], dtype=DOUBLE), weight_mode=weight)
    elif weight == "by row":
        both(call, sample_weight=0.5 + torch.rand(rows, generator=g, dtype=DOUBLE))


def add_mask(call: Call, mask: str, labels: Tensor, axis: int) -> None:
    """Forbid one class a row, never the true one."""
    forbidden = torch.zeros(call.logits.shape, dtype=torch.bool).scatter(axis, (labels + 1) % CLASSES, True)
    if mask == "class_mask":
        call.target = torch.zeros_like(call.target) if not call.target.is_floating_point() else call.target
        both(call, class_mask=torch.tensor([True, False, True]))
    elif mask == "class_mask of rows":
        both(call, class_mask=~forbidden)
    elif mask != "none":
        call.logits[forbidden] = -torch.inf if mask == "-inf" else -50
        if mask == "mask_below":
            both(call, mask_below=-40.0)


def drop_a_row(call: Call, kind: str, rows: tuple[int, ...]) -> None:
    """The last row counts nowhere, and holds NaN."""
    keep = torch.ones(rows, dtype=torch.bool)
    keep.view(-1)[-1] = False
    call.logits = torch.where(keep.unsqueeze(1), call.logits, torch.nan)
    if kind == "indices":
        call.target = torch.where(keep, call.target, -100)
    else:
        both(call, row_mask=keep)


CALLS = drawn()


Y = torch.tensor([0, 2, 1, 1])
Z = torch.tensor([[1.0, -0.5, 0.3], [0.0, 2.0, -1.0], [0.7, 0.1, 0.2], [-3.0, 0.4, 1.5]], dtype=DOUBLE)
