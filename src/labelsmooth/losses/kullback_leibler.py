"""`LabelSmoothingLoss`: the Kullback–Leibler form, whose floor is 0."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from torch import Tensor, nn

from .. import _checks
from ..kernels._sums import ordered
from ..targets import floor
from . import _dispatch
from ._inputs import prepare
from ._options import Options

if TYPE_CHECKING:
    from ..schemes._base import Scheme

REDUCTIONS = ("batchmean", "torch_batchmean", "sum", "none")


@final
class LabelSmoothingLoss(nn.Module):
    r"""Divergence of softened targets q from softmax(z): KL(q‖p) = Σ_k q_k (log q_k − log p_k) ≥ 0.

    It is the smoothed cross-entropy less the entropy of q: the same gradient, but a floor of 0, so that its values
    compare across ε. With smoothing=0 it is plain cross-entropy.

    Args:
        smoothing: ε in [0, 1], spread uniformly, or a scheme.
        dim: the class dimension of the logits.
        reduction: "batchmean" divides the sum by the number of target rows that count; "torch_batchmean" by
            ``input.size(0)``, as :class:`torch.nn.KLDivLoss` does for any number of dimensions; "sum"; "none".
        ignore_index: rows with this label count nowhere.

    Shapes: logits of any shape with K classes in `dim`; target the same without `dim` (indices), or the same
    (probabilities, floating point).

    Raises:
        ValueError, TypeError: an amount outside [0, 1], an unknown reduction, shapes that do not fit.

    Example:
        >>> import torch
        >>> LabelSmoothingLoss(smoothing=0.1)(torch.tensor([[2.0, 0.5, 0.3]]), torch.tensor([0]))
        tensor(0.1561)

    Source: Kullback & Leibler 1951, section 2; Szegedy et al. 2016, section 7.
    """

    def __init__(
        self,
        smoothing: float | Tensor | Scheme = 0.1,
        dim: int = -1,
        reduction: str = "batchmean",
        *,
        ignore_index: int = -100,
    ) -> None:
        super().__init__()
        self.smoothing, self.dim, self.ignore_index = smoothing, dim, ignore_index
        self.reduction = _checks.one_of(reduction, REDUCTIONS, "reduction")
        self._options()

    def _options(self, row_mask: Tensor | None = None) -> Options:
        options = Options(None, self.ignore_index, "none", self.smoothing, class_dim=self.dim, row_mask=row_mask)
        if options.scheme is not None and options.scheme.allow_negative:
            raise ValueError(
                f"LabelSmoothingLoss takes no negative smoothing, got {options.scheme!r}: a divergence needs log q, "
                "and q would fall below 0. CrossEntropyLoss takes it"
            )
        return options

    def forward(self, input: Tensor, target: Tensor, *, row_mask: Tensor | None = None) -> Tensor:
        """KL(q‖softmax(input)), reduced; `row_mask`, bool, one for each row: False drops the row."""
        options = self._options(row_mask)
        batch = prepare(input, target, options)
        targets = batch.smoothed(options)
        rows = _dispatch.row_losses(batch.logits, targets) - floor(targets, batch.logits)
        if self.reduction == "none":
            return rows if batch.batched else rows.squeeze(0)
        if self.reduction == "sum":
            return ordered(rows)
        counted = rows.numel() if targets.keep is None else targets.keep.sum()
        return ordered(rows, counted if self.reduction == "batchmean" else (input.shape[0] if batch.batched else 1))

    def extra_repr(self) -> str:
        """What was asked for, shown in ``print(model)``."""
        return f"smoothing={self.smoothing!r}, dim={self.dim}, reduction={self.reduction!r}"
