"""What a scheme is: a rule that turns hard (or given) targets into softened ones. Schemes see no logits."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from torch import Tensor, nn

from .. import _checks
from ..targets import Amount, SoftTargets
from ._amounts import choose, of_rows
from ._blend import Background as Background
from ._blend import Layer, blend

if TYPE_CHECKING:
    from .composed import Composed


UNITS = ("epoch", "step")


class Scheme(ABC):
    """Turns targets into softened ones: :meth:`soften`.

    soft_targets  True says that targets which are soft already are meant to be smoothed: no warning
    allow_negative  True where ε < 0 was asked for by name
    needs         in words, what a scheme has to be told beside its amount; None when the amount is enough
    """

    needs: ClassVar[str | None] = None
    soft_targets: bool = False
    allow_negative: bool = False

    if TYPE_CHECKING:

        @property
        def amount(self) -> Amount:
            """ε; of a composed or scheduled scheme the net one, now."""

    def soften(self, targets: SoftTargets) -> SoftTargets:
        """(1 − ε)·targets + ε·r: move the smoothing mass of each row to this scheme's background."""
        return blend(targets, self._layers(targets, 1.0))

    def then(self, other: Scheme) -> Composed:
        """This scheme, then `other`; the net ε of two of the same spread is 1 − (1 − ε₁)(1 − ε₂).

        Example:
            >>> from labelsmooth.schemes import Others, Uniform
            >>> Uniform(0.1).then(Others(0.1)).amount
            0.19
        """
        from .composed import Composed

        return Composed(self, other)

    def observe(self, logits: Tensor, labels: Tensor) -> None:  # noqa: B027 (most schemes have nothing to learn)
        """Look at a training batch; only schemes with a memory do anything with it."""

    def advance(self, unit: str = "epoch") -> None:
        """Note that an "epoch" or a "step" has ended; only schemes with a memory do anything with it.

        Raises:
            ValueError: another unit.
        """
        _checks.one_of(unit, UNITS, "unit")

    @abstractmethod
    def _layers(self, targets: SoftTargets, share: Amount) -> list[Layer]:
        """The amounts for these targets, times `share`, and the schemes whose backgrounds they go to, in order."""


class Mixture(Scheme):
    """A scheme with an amount and one background.

    amount      ε in [0, 1]: a number, or a 0-dimensional tensor (which may ask for a gradient); 0.1 when not given
    per_class   (K,) tensor of ε, one for each true class, in place of `amount`
    per_sample  tensor of ε shaped like the labels, in place of `amount`

    of_own_row  whether a row's background follows from its own target alone; False when neighbours have a say
    """

    of_own_row: ClassVar[bool] = True

    def __init__(
        self,
        amount: Amount | None = None,
        *,
        per_class: Tensor | None = None,
        per_sample: Tensor | None = None,
        soft_targets: bool = False,
    ) -> None:
        chosen, self._by = choose(amount, per_class, per_sample, negative=self.allow_negative)
        self.soft_targets = soft_targets
        self._hold("amount", chosen)

    def _hold(self, name: str, value: Any) -> None:
        """Keep a value; a tensor of a module as a buffer, so that it moves with the module but is no state."""
        if isinstance(self, nn.Module) and isinstance(value, Tensor) and not isinstance(value, nn.Parameter):
            self.register_buffer(name, value, persistent=False)
        else:
            setattr(self, name, value)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._amount_text()})"

    def _amount_text(self) -> str:
        if self._by != "all":
            return f"per_{self._by}=…"
        return f"{float(self.amount.detach()) if isinstance(self.amount, Tensor) else self.amount:g}"

    def _layers(self, targets: SoftTargets, share: Amount) -> list[Layer]:
        amount = of_rows(self.amount, self._by, targets)
        return [Layer(amount if isinstance(share, float) and share == 1 else amount * share, self)]

    @abstractmethod
    def background(self, targets: SoftTargets) -> Background:
        """r for these targets."""
