"""torchmetrics: the figures of calibration as a `Metric`, with the same bits however rows are split over processes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .._checks import require

if TYPE_CHECKING:
    from ._torchmetrics import CalibrationMetric as CalibrationMetric


def calibration_metric(
    preds: str = "logits",
    *,
    bins: int = 15,
    ignore_index: int | None = None,
    top_k: int | Sequence[int] = (),
    sharpness: bool = False,
    class_dim: int = 1,
    **torchmetrics_options: Any,
) -> CalibrationMetric:
    """A torchmetrics `Metric`: ``update(preds, target)``, ``compute()`` gives a dictionary of the figures so far.

    The figures are those of :class:`~labelsmooth.calibration.CalibrationAccumulator`: accuracy, nll, brier, signed_gap,
    confidence, ece, ece_l2, ece_max, ece_debiased, and rows. Its states are sums of whole numbers, which torchmetrics
    adds over processes: any split of the rows gives the same bits. Each update copies `preds` to the CPU.

    Args:
        preds: what is passed first to update, "logits" or "probs"; never guessed from the values (C3).
        bins, ignore_index, top_k, sharpness: as the accumulator takes them.
        class_dim: the class dimension of `preds`; targets have the shape without it.
        torchmetrics_options: sync_on_compute, process_group and what else every Metric takes.

    Raises:
        ValueError: another name for `preds`; while updating, shapes that do not fit. DataError (a ValueError):
        compute() before any row came.

    Example:
        >>> import torch
        >>> metric = calibration_metric("probs")  # doctest: +SKIP
        >>> metric.update(torch.tensor([[0.75, 0.25], [0.75, 0.25]]), torch.tensor([0, 1]))  # doctest: +SKIP
        >>> metric.compute()["ece"]  # doctest: +SKIP
        tensor(0.2500, dtype=torch.float64)
    """
    require("trainers", "torchmetrics")
    from ._torchmetrics import CalibrationMetric

    settings = {"bins": bins, "ignore_index": ignore_index, "top_k": top_k, "sharpness": sharpness}
    return CalibrationMetric(preds, settings, class_dim, **torchmetrics_options)


def __getattr__(name: str) -> Any:
    if name != "CalibrationMetric":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has: calibration_metric")
    require("trainers", "torchmetrics")
    from ._torchmetrics import CalibrationMetric

    return CalibrationMetric
