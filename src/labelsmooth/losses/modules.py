"""`CrossEntropyLoss`: the module, a subclass of torch's, so that whoever looks for torch's finds this one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, final

from torch import Tensor, nn

from ..targets import floor
from . import _mesh, functional
from ._inputs import prepare
from ._options import Options, as_scheme, check_names, check_per_batch, flag, legacy_reduction, options_of
from ._reduction import reduce as _reduce

if TYPE_CHECKING:
    from ..schemes._base import Scheme


class LossReport(NamedTuple):
    """One batch seen four ways, all in nats and reduced alike.

    loss    what is trained; nll: the same rows against the hard target; floor: the least value `loss` can take,
    the entropy of the smoothed target; excess: loss − floor, which compares across ε.
    """

    loss: Tensor
    nll: Tensor
    floor: Tensor
    excess: Tensor


@final
class CrossEntropyLoss(nn.CrossEntropyLoss):
    r"""Cross-entropy with label smoothing: a drop-in for :class:`torch.nn.CrossEntropyLoss`.

    loss = lse(z) − ⟨q, z⟩ with q = (1 − ε)·e_y + ε·r. Takes what torch's module takes, in the same order, and by
    name everything :func:`labelsmooth.cross_entropy` takes. It smooths in training and in evaluation, as torch's
    does, unless `smooth_in_eval` is False. Its floor is the entropy of q, not 0: see :meth:`report`.

    Args:
        weight, ignore_index, reduction, label_smoothing: as in :func:`labelsmooth.cross_entropy`.
        smooth_in_eval: False gives the hard-label loss after ``.eval()``.
        options: class_dim, class_mask, mask_below, weight_mode, normalizer, empty, strict, kernel.

    Shapes: input (K,), (N, K) or (N, K, d1, …); target indices without the class dimension, or probabilities
    shaped like the input. Output a scalar, or the row losses for reduction="none".

    Raises:
        ValueError, TypeError: an amount outside [0, 1] or an unknown option, when the loss is built.

    Example:
        >>> import torch
        >>> criterion = CrossEntropyLoss(label_smoothing=0.1)
        >>> criterion(torch.tensor([[2.0, 0.5, 0.3]]), torch.tensor([0]))
        tensor(0.4473)

    Source: Szegedy et al. 2016, Rethinking the Inception Architecture, section 7.
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
        label_smoothing: float | Tensor | Scheme = 0.0,
        *,
        smooth_in_eval: bool = True,
        **options: Any,
    ) -> None:
        reduction = legacy_reduction(size_average, reduce, reduction)
        check_names(options, "CrossEntropyLoss")
        options_of(ignore_index, reduction, label_smoothing, {"weight": weight, **options})
        super().__init__(weight=weight, ignore_index=ignore_index, reduction=reduction)
        self.label_smoothing = label_smoothing  # type: ignore[assignment]
        self.smooth_in_eval = flag(smooth_in_eval, "smooth_in_eval")
        self.options = options

    def __setattr__(self, name: str, value: Any) -> None:
        """A number may take the place of a scheme with state, and back, as trainers do that switch smoothing off."""
        if name == "label_smoothing" and not isinstance(value, nn.Module):
            self.__dict__.get("_modules", {}).pop(name, None)
        super().__setattr__(name, value)

    def _options(self, **more: Any) -> Options:
        check_per_batch(more, "CrossEntropyLoss")
        smoothing = self.label_smoothing if self.training or self.smooth_in_eval else 0.0
        others = {"weight": self.weight, **self.options, **more}
        return options_of(self.ignore_index, self.reduction, smoothing, others)

    def forward(self, input: Tensor, target: Tensor, **per_batch: Any) -> Tensor:
        """The loss of a batch; `per_batch` may give class_mask, row_mask, sample_weight, num_items for this one."""
        return functional.with_options(input, target, self._options(**per_batch))

    def report(self, input: Tensor, target: Tensor, **per_batch: Any) -> LossReport:
        """{loss, nll, floor, excess} of a batch, reduced as the loss is, without a graph.

        Example:
            >>> import torch
            >>> logits, target = torch.zeros(1, 10), torch.tensor([3])
            >>> print(*(f"{x:.4f}" for x in CrossEntropyLoss(label_smoothing=0.1).report(logits, target)))
            2.3026 2.3026 0.5003 1.8023
        """
        options = self._options(**per_batch)
        if _mesh.is_spread((input, target)):
            raise TypeError("report needs whole rows; give it input.full_tensor() and the plain target")
        input, target = input.detach(), target.detach()
        batch = prepare(input, target, options)
        lowest = _reduce(floor(batch.smoothed(options), batch.logits), batch, options)
        loss = functional.with_options(input, target, options)
        nll = functional.with_options(input, target, replace(options, label_smoothing=0.0))
        return LossReport(loss, nll, lowest, loss - lowest)

    def extra_repr(self) -> str:
        """What was asked for, shown in ``print(model)``."""
        smoothing = as_scheme(self.label_smoothing) if not isinstance(self.label_smoothing, float) else None
        shown = {"label_smoothing": smoothing or self.label_smoothing, "reduction": self.reduction, **self.options}
        if self.ignore_index != -100:
            shown["ignore_index"] = self.ignore_index
        if self.weight is not None:
            shown["weight"] = tuple(self.weight.shape)
        if not self.smooth_in_eval:
            shown["smooth_in_eval"] = False
        return ", ".join(f"{name}={value!r}" for name, value in shown.items())
