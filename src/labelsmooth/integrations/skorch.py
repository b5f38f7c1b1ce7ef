"""skorch: nets with smoothed labels whose probabilities are right, and a callback that looks at them."""

from __future__ import annotations

from functools import partial
from typing import Any, final

import torch
from torch import Tensor, nn

from .._checks import require
from ..losses import CrossEntropyLoss
from ..schemes._base import Scheme
from . import _figures

require("trainers", "skorch")  # a missing extra is named before anything here needs it

from skorch.callbacks import Callback  # noqa: E402


def criterion_options(
    label_smoothing: float | Tensor | Scheme | None = 0.1, *, loss: type[nn.Module] = CrossEntropyLoss, **options: Any
) -> dict[str, Any]:
    """What a skorch net needs to train with smoothed labels: ``NeuralNetClassifier(Net, **criterion_options(0.1))``.

    The net's module returns logits. `valid_loss` is the hard-label loss (T16), and `predict_proba` gives
    softmax(logits): skorch does so by itself only for losses that are torch's cross-entropy or binary cross-entropy,
    which ours are; for another `loss` the softmax is named here.

    Args:
        label_smoothing: ε or a scheme; None for a loss that has no such argument.
        loss: CrossEntropyLoss; BCEWithLogitsLoss for NeuralNetBinaryClassifier; or another loss of logits.
        options: further arguments of the loss.

    Returns:
        criterion, criterion__label_smoothing and so on, ready for grid searches over ``criterion__label_smoothing``.

    Example:
        >>> criterion_options(0.1)["criterion__label_smoothing"], criterion_options(0.1)["criterion__smooth_in_eval"]
        (0.1, False)
    """
    given: dict[str, Any] = {"smooth_in_eval": False} if _knows_evaluation(loss) else {}
    given |= {} if label_smoothing is None else {"label_smoothing": label_smoothing}
    made: dict[str, Any] = {"criterion": loss, **{f"criterion__{name}": x for name, x in (given | options).items()}}
    if not issubclass(loss, nn.CrossEntropyLoss | nn.BCEWithLogitsLoss):
        made["predict_nonlinearity"] = partial(torch.softmax, dim=-1)
    return made


@final
class LabelSmoothing(Callback):
    """Watches a net of skorch: writes valid_nll, valid_ece and valid_smoothed_loss, and tells schemes of batches.

    Schemes with a memory (Online, Scheduled) see training batches and are told of steps and epochs. A module that
    returns probabilities, as skorch's own default loss wants it, is refused on the first batch.

    Args:
        bins: of the calibration error.
    """

    def __init__(self, bins: int = 15) -> None:
        self.bins = bins

    def on_epoch_begin(self, net: Any, *args: Any, **kwargs: Any) -> None:
        """Start the figures of an epoch."""
        self.running_ = _figures.Running(self.bins, getattr(net.criterion_, "ignore_index", -100))
        self.checked_ = False

    def on_batch_end(self, net: Any, batch: Any = None, training: bool = False, **kwargs: Any) -> None:
        """Look at a batch: `y_pred` are its logits."""
        logits, labels = _first(kwargs["y_pred"]).detach(), torch.as_tensor(batch[1])
        labels = labels.to(logits.device)
        scheme = getattr(net.criterion_, "label_smoothing", None)
        if not training:
            if _figures.is_ours(net.criterion_):
                _figures.add_batch(self.running_, net.criterion_, logits, _shaped(net.criterion_, logits, labels))
            return
        if not self.checked_:
            _refuse_probabilities(logits, type(net.module_).__name__)
            self.checked_ = True
        if isinstance(scheme, Scheme) and not labels.is_floating_point():
            scheme.observe(logits, labels)
        if isinstance(scheme, Scheme):
            scheme.advance("step")

    def on_epoch_end(self, net: Any, *args: Any, **kwargs: Any) -> None:
        """Write the figures, and end the schemes' epoch."""
        if self.running_.rows.rows:
            found = self.running_.compute()
            for name in ("nll", "ece", "smoothed_loss"):
                net.history.record(f"valid_{name}", found[name])
        scheme = getattr(net.criterion_, "label_smoothing", None)
        if isinstance(scheme, Scheme):
            scheme.advance()


def _knows_evaluation(loss: type[nn.Module]) -> bool:
    return loss.__module__.startswith("labelsmooth.losses") and issubclass(
        loss, nn.CrossEntropyLoss | nn.BCEWithLogitsLoss
    )


def _first(predicted: Any) -> Tensor:
    return predicted[0] if isinstance(predicted, tuple) else predicted


def _shaped(criterion: nn.Module, logits: Tensor, labels: Tensor) -> Tensor:
    """Binary nets may have logits (n,) or (n, 1) for labels (n,)."""
    return labels.reshape(logits.shape) if labels.numel() == logits.numel() else labels


def _refuse_probabilities(outputs: Tensor, module: str) -> None:
    if outputs.ndim < 2 or outputs.shape[1] < 2 or len(outputs) < 2:
        return
    if bool((outputs >= 0).all()) and bool(((outputs.sum(1) - 1).abs() < 1e-4).all()):
        raise ValueError(
            f"{module} returns probabilities, and this loss takes logits: take the softmax out of the module's forward "
            "(predict_proba applies it)"
        )
