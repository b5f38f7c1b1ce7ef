"""The lines of the table: what is computed, at which size. No torch is loaded here."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from .._checks import UsageError

AMOUNT = 0.1


@dataclass(frozen=True)
class Size:
    """A loss of logits (N, K, d1, …), or with `features` a linear head from (N, D).

    target  "indices" or "probabilities"
    scheme  "uniform", "prior", "matrix" or "rows" (an amount for each row)
    """

    name: str
    shape: tuple[int, ...]
    dtype: str = "float32"
    target: str = "indices"
    scheme: str = "uniform"
    features: int | None = None

    @property
    def entries(self) -> int:
        """Logits in all."""
        return prod(self.shape)


def _head(n: int, d: int, k: int) -> Size:
    return Size(f"head-{n}x{d}x{k}", (n, k), features=d)


TABLE = (
    Size("128x10", (128, 10)),
    Size("4096x100", (4096, 100)),
    Size("8192x1000", (8192, 1000)),
    Size("2048x32000", (2048, 32000)),
    Size("512x128256", (512, 128256)),
    Size("8x21x512x512", (8, 21, 512, 512)),
    Size("2048x32000-bfloat16", (2048, 32000), dtype="bfloat16"),
    Size("2048x32000-prior", (2048, 32000), scheme="prior"),
    Size("2048x32000-rows", (2048, 32000), scheme="rows"),
    Size("2048x32000-probabilities", (2048, 32000), target="probabilities"),
    Size("8192x1000-matrix", (8192, 1000), scheme="matrix"),
    _head(4096, 256, 32000),
    _head(2048, 512, 32000),
)
QUICK = ("128x10", "4096x100", "1024x1000", "head-256x64x2000")
OTHERS = (Size("1024x1000", (1024, 1000)), _head(256, 64, 2000), Size("8x10", (8, 10)), _head(16, 8, 50))


def names() -> list[str]:
    """Every size that has a name.

    >>> "2048x32000" in names()
    True
    """
    return [size.name for size in (*TABLE, *OTHERS)]


def chosen(asked: tuple[str, ...] | None, quick: bool) -> list[Size]:
    """The sizes asked for; by default the whole table, or with `quick` a few small ones."""
    known = {size.name: size for size in (*TABLE, *OTHERS)}
    wanted = asked or (QUICK if quick else tuple(size.name for size in TABLE))
    if unknown := [name for name in wanted if name not in known]:
        raise UsageError(f"there is no size {', '.join(unknown)}; there are: {', '.join(known)}")
    return [known[name] for name in wanted]
