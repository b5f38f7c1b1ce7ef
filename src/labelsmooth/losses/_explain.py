"""`explain`: which kernel a call of `cross_entropy` runs, and why not the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..kernels import _compiled
from . import _dispatch, _mesh
from ._inputs import prepare
from ._options import check_names, options_of

if TYPE_CHECKING:
    from ..schemes._base import Scheme


@dataclass(frozen=True)
class Explanation:
    """Which kernel runs, and what it runs with.

    kernel           its name, as `kernel=` takes it
    refusals         of each kernel that cannot take the call: why, in words
    instruction_set  what the compiled kernel uses on this machine; None when there is no compiled kernel
    threads          how many threads it uses
    huge_pages       what the system gives to a large gradient: "always", "madvise" (on request, which is made), "never"
    """

    kernel: str
    refusals: dict[str, str]
    instruction_set: str | None
    threads: int
    huge_pages: str

    def __str__(self) -> str:
        lines = [f"{self.kernel} runs"]
        lines += [f"{name} does not: {reason}" for name, reason in self.refusals.items()]
        if self.instruction_set is not None:
            lines += [f"compiled kernel: {self.instruction_set}, {self.threads} threads, huge pages: {self.huge_pages}"]
        return "\n".join(lines)

    __repr__ = __str__


def explain(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float | Tensor | Scheme = 0.0,
    **options: Any,
) -> Explanation:
    r"""Say which kernel `cross_entropy` would run for this call, and why not the others; nothing is computed.

    Args:
        input, target, weight, ignore_index, reduction, label_smoothing, options: as in
            :func:`labelsmooth.cross_entropy`, `kernel` included.

    Returns:
        An :class:`Explanation`: `kernel`, `refusals`, `instruction_set`, `threads`, `huge_pages`; it prints as a few
        lines.

    Raises:
        TypeError, ValueError, IndexError: as the call itself would.

    Example:
        >>> import torch
        >>> explain(torch.zeros(2, 3), torch.tensor([0, 2]), label_smoothing=0.1, kernel="formula").kernel
        'formula'

    Source: none; it describes this library.
    """
    check_names(options, "explain")
    if _mesh.is_spread((input, target)):
        raise TypeError("explain tells which kernel takes whole rows; the loss of a DTensor has no choice of kernels")
    asked = options_of(ignore_index, reduction, label_smoothing, {"weight": weight, **options})
    batch = prepare(input, target, asked)
    targets = batch.smoothed(asked)
    chosen = _dispatch.chosen(batch.logits, targets, asked.kernel)
    reasons = {name: kernel.refuses(batch.logits, targets) for name, kernel in _dispatch.KERNELS.items()}
    opened = _compiled.load()
    is_open = isinstance(opened, _compiled.Opened)
    return Explanation(
        kernel=_dispatch.name_of(chosen),
        refusals={name: reason for name, reason in reasons.items() if reason is not None},
        instruction_set=opened.instruction_set if isinstance(opened, _compiled.Opened) else None,
        threads=torch.get_num_threads() if is_open and opened.openmp else 1,  # type: ignore[union-attr]
        huge_pages=_compiled.huge_pages(),
    )
