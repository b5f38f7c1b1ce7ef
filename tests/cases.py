"""Seeded random cases for the loss: case `number` of `seed` is always the same case.

Each case draws a dtype, a number of classes, a rank, a memory layout, the scale of the logits, a kind of target, a
scheme, weights, rows that do not count, masked classes, and a reduction. `draw(seed, number)` gives it with the exact
logits as numbers (for `oracle.solve`) and as a tensor (for a loss), and `arguments(case)` the call itself.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import torch
from layouts import lay_out
from oracle import Array, Options
from torch import Tensor

DTYPES = {"float64": torch.float64, "float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
INTEGERS = {"int64": torch.int64, "int32": torch.int32, "int16": torch.int16, "int8": torch.int8, "uint8": torch.uint8}
CLASSES = {1: 3, 2: 12, 3: 12, 5: 12, 7: 8, 10: 12, 17: 8, 33: 8, 100: 8, 257: 6, 1000: 5, 2049: 2.5, 5000: 2.5}
HUGE_CLASSES = {32_000: 0.35, 128_256: 0.1}
AMOUNTS = (0.0, 0.01, 0.05, 0.1, 0.1, 0.1, 0.2, 0.3, 0.5, 0.9, 1.0)
SCALES = {1e-3: 1, 0.1: 1, 1.0: 5, 3.0: 3, 10.0: 2, 30.0: 1, 100.0: 1, 1000.0: 1}


@dataclass(eq=False)
class Case:
    """One call: what goes in, as numbers and as tensors, and the words it is filed under."""

    seed: int
    number: int
    rng: np.random.Generator
    kind: dict[str, str] = field(default_factory=dict)
    shape: tuple[int, ...] = ()
    K: int = 1
    exact: Array = field(default_factory=lambda: np.zeros(0))
    logits: Tensor = field(default_factory=lambda: torch.zeros(0))
    target: Tensor = field(default_factory=lambda: torch.zeros(0))
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def dtype(self) -> torch.dtype:
        return DTYPES[self.kind["dtype"]]

    @property
    def wide(self) -> torch.dtype:
        """The dtype of the loss: float32 for half-precision logits."""
        return torch.float64 if self.dtype == torch.float64 else torch.float32

    @property
    def plain(self) -> bool:
        """Whether the call must be one that `torch.nn.functional.cross_entropy` has words for."""
        return self.kind["call"] == "torch's"

    @property
    def axis(self) -> int:
        return int(self.options["class_axis"])

    @property
    def rows(self) -> tuple[int, ...]:
        return tuple(n for i, n in enumerate(self.shape) if i != self.axis)

    def oracle_options(self) -> Options:
        return Options(**self.options)

    def __str__(self) -> str:
        words = ", ".join(f"{name} {value}" for name, value in self.kind.items() if value not in ("no", "none"))
        return f"case {self.number} of seed {self.seed}: {tuple(self.shape)}, {words}"


def draw(seed: int, number: int) -> Case:
    case = Case(seed, number, np.random.default_rng([seed, number]))
    for step in (_shape, _logits, _targets, _scheme, _weights, _dropped_rows, _masks, _special, _reduction, _store):
        step(case)
    return case


def pick(case: Case, name: str, choices: dict[Any, float]) -> Any:
    """Draw one of `choices` by weight and file the case under it."""
    value = list(choices)[bisect_right(_steps(tuple(choices.values())), case.rng.random())]
    case.kind[name] = str(value)
    return value


@cache
def _steps(weights: tuple[float, ...]) -> list[float]:
    """Where a uniform draw goes from one choice to the next, as in `Generator.choice`, which takes far longer."""
    chances = np.array(weights, float)
    steps = (chances / chances.sum()).cumsum()
    return list((steps / steps[-1]).tolist())


def _shape(case: Case) -> None:
    rng = case.rng
    pick(case, "call", {"torch's": 6, "more": 4})
    pick(case, "dtype", {"float64": 3, "float32": 5, "bfloat16": 2, "float16": 2})
    K = case.K = pick(case, "classes", CLASSES | HUGE_CLASSES)
    rank = pick(case, "rank", {"(K,)": 1, "(N, K)": 6, "(N, K, d1)": 2, "(N, K, d1, d2)": 1.5})
    budget = np.exp(rng.uniform(0, np.log(12_000)))
    most = 3 if K > 300 else max(1, int(min(6000 if rng.random() < 0.1 else 160, budget / K)))
    rows = int(rng.integers(1, most + 1))
    if rank == "(K,)":
        case.shape = (K,)
    elif rank == "(N, K)":
        case.shape = (0 if rng.random() < 0.01 else rows, K)
    else:
        dims = rng.integers(1, 5 if K <= 300 else 3, size=1 if rank == "(N, K, d1)" else 2)
        case.shape = (max(1, rows // int(dims.prod())), K, *map(int, dims))
    last = len(case.shape) > 2 and rng.random() < 0.3 and not case.plain
    case.kind["class dim"] = "last" if last else "1"
    if last:
        case.shape = (case.shape[0], *case.shape[2:], K)
    case.options["class_axis"] = 0 if len(case.shape) == 1 else len(case.shape) - 1 if last else 1


def _logits(case: Case) -> None:
    rng, dtype = case.rng, case.kind["dtype"]
    scale = pick(case, "scale", SCALES)
    shift = pick(case, "shift", {0: 8, 30: 1, 1000: 2, -1000: 1})
    z = rng.normal(size=case.shape) * scale + shift
    style = pick(case, "logits", {"normal": 10, "ties": 1, "equal": 0.5, "huge": 0.5, "heavy tails": 1})
    if style == "ties":
        z = np.round(z / scale) * scale
    elif style == "equal":
        z = np.full(case.shape, float(shift))
    elif style == "huge":
        z = z * (10.0 if dtype == "float16" else 1e30)
    elif style == "heavy tails":
        z = rng.standard_t(2, size=case.shape) * scale + shift
    case.exact = np.clip(z, -60_000, 60_000) if dtype == "float16" else z


def _targets(case: Case) -> None:
    rng = case.rng
    labels = rng.integers(0, case.K, size=case.rows)
    if pick(case, "target", {"indices": 3, "probabilities": 1}) == "indices":
        narrow = [name for name, t in INTEGERS.items() if torch.iinfo(t).max >= case.K - 1]
        narrow = ["int64"] if case.plain else narrow
        kind = pick(case, "target dtype", {name: 4 if name == "int64" else 1 for name in narrow})
        case.target = torch.from_numpy(np.asarray(labels)).to(INTEGERS[kind])
    else:
        kind = pick(case, "target dtype", {"same": 3, "float32": 1, "float64": 1})
        case.target = _probabilities(case, labels).to(case.dtype if kind == "same" else DTYPES[kind])
    if pick(case, "confident", {"no": 5, "yes": 1}) == "yes":
        size = rng.uniform(5, 30, size=(*case.rows, 1))
        at_label = np.moveaxis(case.exact, case.axis, -1)
        highest = at_label.max(-1, keepdims=True)
        np.put_along_axis(at_label, np.asarray(labels)[..., None], highest + size, -1)


def _probabilities(case: Case, labels: Array) -> Tensor:
    rng, K = case.rng, case.K
    style = pick(case, "probabilities", {"dirichlet": 3, "one-hot": 1, "sparse": 2, "mixed": 1})
    hot = np.eye(K)[labels] if K <= 300 else (np.arange(K) == np.asarray(labels)[..., None]).astype(float)
    t = hot
    if style in ("dirichlet", "sparse"):
        t = rng.gamma(0.5, size=(*case.rows, K)) * (rng.random((*case.rows, K)) < (0.3 if style == "sparse" else 1))
        t = np.where(t.sum(-1, keepdims=True) > 1e-6, t, hot)
        t = t / t.sum(-1, keepdims=True)
    elif style == "mixed":
        lam = rng.random((*case.rows, 1))
        t = lam * hot + (1 - lam) * np.roll(hot, 1, -1)
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(t, -1, case.axis)))


def _scheme(case: Case) -> None:
    rng, K, indices = case.rng, case.K, case.kind["target"] == "indices"
    amount = float(rng.choice(AMOUNTS)) if rng.random() < 0.85 else float(rng.random())
    case.kind["amount"] = "0" if amount == 0 else "1" if amount == 1 else "in between"
    case.options["amount"] = amount
    choices = {"number": 3, "uniform": 1, "prior": 1.5, "per_sample": 1}
    if indices:
        choices |= {"others": 2, "per_class": 1} | ({"matrix": 1.5} if K <= 300 else {})
    scheme = pick(case, "scheme", {"number": 1} if case.plain else choices)
    if scheme == "others":
        case.options["spread"] = "others"
    elif scheme in ("prior", "matrix"):
        table = rng.gamma(0.7, size=(K,) if scheme == "prior" else (K, K)) + 1e-3
        table *= rng.random(table.shape) < 0.8
        table[..., 0] += ~table.any(-1)
        case.options["spread"] = table / table.sum(-1, keepdims=True)
    elif scheme == "per_class":
        case.options["amount_by_class"] = np.where(rng.random(K) < 0.3, 0, rng.random(K))
    elif scheme == "per_sample":
        case.options["amount_by_row"] = np.asarray(rng.random(case.rows))


def _weights(case: Case) -> None:
    rng = case.rng
    mode = pick(case, "class weights", {"none": 2, "torch": 1} | ({} if case.plain else {"sample": 1}))
    if mode != "none":
        weight = rng.uniform(0.05, 3, size=case.K) * (rng.random(case.K) < 0.9)
        weight[0] = 1 if case.K == 1 else weight[0]
        case.options |= {"weight": _exact(weight, case.dtype), "weight_mode": mode}
    if pick(case, "sample weights", {"none": 1} if case.plain else {"none": 4, "given": 1}) == "given":
        case.options["sample_weight"] = np.asarray(rng.uniform(0.1, 2, size=case.rows) * (rng.random(case.rows) < 0.9))


def _dropped_rows(case: Case) -> None:
    rng = case.rng
    how = (
        {"none": 6}
        | ({} if case.plain else {"row_mask": 3})
        | ({"ignored": 4} if case.kind["target"] == "indices" else {})
    )
    how = pick(case, "dropped rows", how)
    share = rng.choice([0.2, 0.5, 1.0], p=[0.7, 0.25, 0.05])
    dropped = np.asarray(rng.random(case.rows) < share)
    if how == "row_mask":
        case.options["row_mask"] = ~dropped
    elif how == "ignored":
        info = torch.iinfo(case.target.dtype)
        marks = {"-100": 6, "-1": 1, "K": 1, "a class": 1} if info.min < 0 else {"255": 2, "a class": 1, "-100": 1}
        mark = pick(case, "ignore_index", marks)
        index = {"K": case.K, "a class": int(rng.integers(case.K))}.get(mark)
        index = int(mark) if index is None else index
        case.options["ignore_index"] = index
        if info.min <= index <= info.max:
            case.target[torch.from_numpy(dropped)] = index
        dropped = (case.target.long() == index).numpy()
    if how != "none" and rng.random() < 0.5:
        rows = np.moveaxis(case.exact, case.axis, -1)
        rows[dropped] = rng.choice([np.nan, np.inf, -np.inf, 7.0])
        case.kind["dropped rows hold"] = "non-finite"


def _masks(case: Case) -> None:
    rng = case.rng
    ours = {} if case.plain else {"class_mask (K,)": 2, "class_mask full": 2, "mask_below": 1.5}
    how = pick(case, "mask", {"none": 8, "-inf": 2} | ours)
    if how == "none":
        return
    share = rng.choice([0.1, 0.5, 0.9])
    shared = how == "class_mask (K,)"
    forbidden = rng.random(case.K if shared else case.shape) < share
    if rng.random() < 0.7 and case.kind["target"] == "indices" and not shared:
        labels = case.target.long().clamp(0, case.K - 1).numpy()[..., None]
        np.put_along_axis(np.moveaxis(forbidden, case.axis, -1), labels, False, -1)
    if how == "-inf":
        case.exact[forbidden] = -np.inf
    elif how == "mask_below":
        case.options["mask_below"] = float(-59_000 if case.kind["dtype"] == "float16" else -1e33)
        case.exact[forbidden] = torch.finfo(case.dtype).min
    else:
        case.options["class_mask"] = ~forbidden
        if not shared and rng.random() < 0.3:
            case.exact[forbidden] = rng.choice([np.nan, np.inf, 1e4])
            case.kind["forbidden classes hold"] = "anything"


def _special(case: Case) -> None:
    """A few cases with NaN or +inf in a row that counts: a wrong finite number must not come out."""
    value = pick(case, "spoiled", {"no": 60, "nan": 1, "inf": 1})
    if value != "no" and case.exact.size:
        at = tuple(int(case.rng.integers(n)) for n in case.shape)
        case.exact[at] = float(value)


def _reduction(case: Case) -> None:
    rng = case.rng
    reduction = case.options["reduction"] = pick(case, "reduction", {"mean": 3, "sum": 1, "none": 1.5})
    eighths = rng.integers(-16, 17, size=case.rows if reduction == "none" else ())
    case.options["upstream"] = np.where(eighths == 0, 1, eighths) / 8
    if reduction == "mean" and not case.plain:
        case.options["empty"] = pick(case, "empty", {"nan": 2, "zero": 1})
        divisor = pick(case, "normalizer", {"none": 4, "num_items": 1, "rows": 1, "weights": 1})
        if divisor == "num_items":
            case.options["num_items"] = float(rng.integers(1, 50))
        elif divisor != "none":
            case.options["normalizer"] = divisor


def _exact(x: Array, dtype: torch.dtype) -> Array:
    """The numbers that `x` becomes when it is stored in `dtype`."""
    return torch.from_numpy(np.ascontiguousarray(x)).to(dtype).double().numpy()


def _store(case: Case) -> None:
    """Lay the logits out in memory, and let `exact` hold what the dtype made of them."""
    stored = torch.from_numpy(np.ascontiguousarray(case.exact)).to(case.dtype).reshape(case.shape)
    layouts = {"contiguous": 6, "offset": 2, "strided": 2}
    if len(case.shape) > 1:
        layouts |= {"transposed": 2, "rows strided": 1, "expanded": 1}
    if len(case.shape) == 4 and case.axis == 1:
        layouts["channels last"] = 3
    layout = pick(case, "layout", layouts)
    stored = stored[:1].expand(case.shape) if layout == "expanded" and case.shape[0] else lay_out(stored, layout)
    case.logits, case.exact = stored, stored.double().numpy()
    _keep_from_optimum(case)
    if case.rng.random() < 0.2 and case.target.ndim:
        case.target = lay_out(case.target, "strided")
        case.kind["target layout"] = "strided"


def _keep_from_optimum(case: Case) -> None:
    """All the mass spread over logits that hardly differ is met already: the gradient there would be all rounding."""
    if case.options["amount"] == 1 and case.exact.size and case.K > 1:
        finite = np.where(np.isfinite(case.exact), case.exact, np.nan)
        spread = np.fmax.reduce(finite, case.axis) - np.fmin.reduce(finite, case.axis)
        if (spread < 0.01).any():
            case.options["amount"] = 0.9
            case.kind["amount"] = "in between"
