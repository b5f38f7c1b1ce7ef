"""One call of the compiled kernel: SoftTargets and tensors become the numbers that `native/arguments.h` lists."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from struct import Struct
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..targets import Amount, SoftTargets
from ._compiled import Opened

DIMS = 4
PACK = Struct("=57q7d")
DTYPES = {torch.float32: 0, torch.float64: 1, torch.bfloat16: 2, torch.float16: 3}
SPREADS = {"none": 0, "uniform": 1, "others": 2, "shared": 3, "by_class": 4, "by_row": 5}
NOTHING = (0, 0, 0, 0, 0, 0)
DONE, OUT_OF_RANGE, OUT_OF_MEMORY = range(3)
BY_NUMBER, BY_ROWS, BY_WEIGHTS = range(3)


class Divisor(NamedTuple):
    """What the sum of the losses is divided by: a number; or the rows that count; or their class weights."""

    number: float = 1.0
    how: int = BY_NUMBER
    of_nothing: float = float("nan")


ONE = Divisor()


class Found(NamedTuple):
    """What the kernel reports."""

    status: int
    row: int
    finite_masks: bool


class Call:
    """Everything about a call but where its results go."""

    def __init__(self, logits: Tensor, targets: SoftTargets, ignore_index: int | None = None) -> None:
        self.logits, self.targets, self.ignore_index = logits, targets, ignore_index
        self.rows = (logits.shape[0], *logits.shape[2:])
        self.kept: list[Tensor] = []

    def run(
        self,
        library: Opened,
        *,
        gradient: Tensor | None = None,
        losses: Tensor | None = None,
        result: Tensor | None = None,
        factor: Tensor | None = None,
        divisor: Divisor = ONE,
    ) -> Found:
        """Compute; `gradient` is that of the result times `factor`, row by row."""
        found = (ctypes.c_int64 * 5)()
        packed = self.packed(gradient, losses, result, factor, divisor, ctypes.addressof(found))
        library.calls.ls_run(library.number, packed)
        return Found(found[0], found[1], bool(found[2]))

    def packed(
        self,
        gradient: Tensor | None,
        losses: Tensor | None,
        result: Tensor | None,
        factor: Tensor | None,
        divisor: Divisor,
        found: int = 0,
    ) -> bytes:
        """The call in numbers."""
        output = result if result is not None else losses
        return PACK.pack(
            *self._shape(gradient),
            *self._targets(),
            _address(factor),
            0 if factor is None else DTYPES[factor.dtype],
            _address(losses),
            _address(result),
            0 if output is None else DTYPES[output.dtype],
            divisor.how,
            self.ignore_index is not None,
            self.ignore_index or 0,
            self.targets.mask_below is not None,
            0,
            found,
            *self._amounts(),
            1.0,
            divisor.number,
            self.targets.mask_below or 0.0,
            divisor.of_nothing,
        )

    def _shape(self, gradient: Tensor | None) -> Sequence[int]:
        z, t = self.logits, self.targets
        threads = torch.get_num_threads()
        if z.ndim == 2 and t.given is None and t.background is None and t.class_mask is None:
            n, k = z.shape
            row, of_class = z.stride()
            at = NOTHING if gradient is None else _matrix(gradient)
            shape = (k, 1, 1, 1, n, threads, DTYPES[z.dtype], z.data_ptr(), of_class, 0, 0, 0, row)
            return (*shape, *at, *NOTHING, *NOTHING, *NOTHING)
        over = [z, gradient, t.given, t.background if t.spread == "by_row" else None, _full(t.class_mask)]
        sizes, strides = _frame(self.rows, over)
        places: list[int] = []
        for x, steps in zip(over, strides, strict=True):
            places += NOTHING if x is None else (x.data_ptr(), x.stride(1), *steps)
        if t.spread in ("shared", "by_class"):
            places[18:24] = self._table()
        if t.class_mask is not None and t.class_mask.ndim == 1:
            places[24:30] = (t.class_mask.data_ptr(), t.class_mask.stride(0), 0, 0, 0, 0)
        return (z.shape[1], *sizes, threads, DTYPES[z.dtype], *places)

    def _table(self) -> tuple[int, ...]:
        table: Tensor = self.targets.background  # type: ignore[assignment]
        return (table.data_ptr(), table.stride(-1), table.stride(0) if table.ndim == 2 else 0, 0, 0, 0)

    def _targets(self) -> tuple[int, ...]:
        t = self.targets
        return (
            0 if t.given is None else DTYPES[t.given.dtype],
            0 if t.background is None else DTYPES[t.background.dtype],
            SPREADS[t.spread],
            self._in_order(t.labels, torch.int64),
            self._in_order(t.keep, torch.bool),
            self._many(t.on_label),
            self._many(t.on_background),
            self._many(t.on_given),
            self._in_order(t.class_weight, torch.float64),
        )

    def _amounts(self) -> tuple[float, float, float]:
        t = self.targets
        return _number(t.on_label), _number(t.on_background), _number(t.on_given)

    def _many(self, amount: Amount) -> int:
        if not isinstance(amount, Tensor) or not amount.ndim:
            return 0
        return self._in_order(amount.expand(self.rows), torch.float64)

    def _in_order(self, x: Tensor | None, dtype: torch.dtype) -> int:
        """Where the numbers of `x` are, one after another; a copy is kept until the call is over."""
        if x is None:
            return 0
        if x.dtype is not dtype or not x.is_contiguous():
            x = x.detach().to(dtype).contiguous()
            self.kept.append(x)
        return x.data_ptr()


def _address(x: Tensor | None) -> int:
    return 0 if x is None else x.data_ptr()


def _matrix(x: Tensor) -> tuple[int, ...]:
    row, of_class = x.stride()
    return (x.data_ptr(), of_class, 0, 0, 0, row)


def _full(mask: Tensor | None) -> Tensor | None:
    return mask if mask is not None and mask.ndim > 1 else None


def _number(amount: Amount) -> float:
    if isinstance(amount, Tensor):
        return 0.0 if amount.ndim else amount.item()
    return amount


def _frame(rows: tuple[int, ...], over: Sequence[Tensor | None]) -> tuple[list[int], list[list[int]]]:
    """Sizes and strides of the rows in DIMS dimensions; neighbours that lie in one stretch everywhere are joined."""
    steps = [None if x is None else [x.stride(0), *x.stride()[2:]] for x in over]
    sizes = list(rows)
    at = len(sizes) - 2
    while at >= 0:
        if all(s is None or s[at] == s[at + 1] * sizes[at + 1] for s in steps):
            sizes[at : at + 2] = [sizes[at] * sizes[at + 1]]
            for s in steps:
                if s is not None:
                    del s[at]
        at -= 1
    fill = [0] * (DIMS - len(sizes))
    return [1] * len(fill) + sizes, [[0] * DIMS if s is None else fill + s for s in steps]


def joined_dims(rows: tuple[int, ...], over: Sequence[Tensor | None]) -> int:
    """How many dimensions the rows need."""
    sizes, _ = _frame(rows, over)
    return len(sizes)


def fits(x: Any) -> bool:
    """Whether the kernel reads this tensor as it is."""
    return x is None or (x.dtype in (torch.float32, torch.float64) and x.device.type == "cpu")


def misfit(logits: Tensor, targets: SoftTargets) -> str | None:
    """What about these tensors the compiled kernel cannot read, or None."""
    if logits.device.type != "cpu":
        return f"the logits are on {logits.device.type}"
    if not all(x.device.type == "cpu" for x in targets.tensors().values()):
        return "a part of the targets is on another device"
    if not fits(targets.given) or not fits(targets.background):
        return "probabilities or background are neither float32 nor float64"
    for amount in (targets.on_label, targets.on_background, targets.on_given):
        if isinstance(amount, Tensor) and amount.ndim not in (0, logits.ndim - 1):
            return "an amount is given for each class of each row"
    if logits.ndim > DIMS + 1 and joined_dims((logits.shape[0], *logits.shape[2:]), _over(logits, targets)) > DIMS:
        return f"the rows lie in more than {DIMS} dimensions"
    return None


def _over(logits: Tensor, targets: SoftTargets) -> list[Tensor | None]:
    by_row = targets.background if targets.spread == "by_row" else None
    return [logits, targets.given, by_row, _full(targets.class_mask)]
