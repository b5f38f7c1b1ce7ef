"""Lightning: a callback that keeps accumulation exact, validation hard, and schemes informed."""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from typing import Any

from .._checks import MissingExtra
from ._watching import Watching

HOMES = ("lightning.pytorch", "pytorch_lightning")


def smoothing_callback(*, bins: int = 15, exact_accumulation: bool = True) -> Any:
    """A callback for ``Trainer(callbacks=[smoothing_callback()])``, for modules that hold a loss of labelsmooth.

    The module keeps the loss as an attribute, ``self.criterion = CrossEntropyLoss(label_smoothing=0.1)``, and its steps
    call it. The callback then

    - has `criterion` give the hard-label loss while it validates and tests (T16), and logs val_nll, val_ece,
      val_smoothed_loss, val_accuracy, val_brier, val_ece_debiased, val_signed_gap and val_rows (test_… in tests), over
      all processes, without the rows that a distributed sampler repeats;
    - makes the gradient of `accumulate_grad_batches` and of several processes that of one big batch, however uneven
      (T20, T21): Lightning takes a mean of means, and divides a short last window by its full length. Gradients are
      scaled before they are clipped, and the training loss is divided by the mean count of the window before;
    - tells schemes with a memory (Online, Scheduled) of batches, steps and epochs.

    Args:
        bins: of the calibration errors.
        exact_accumulation: False leaves Lightning's mean of means.

    Raises:
        ValueError: when fitting starts, a module without a loss of labelsmooth, or whose loss has a reduction or
        normalizer of its own beside accumulation.
        MissingExtra: neither ``lightning`` nor ``pytorch_lightning`` is installed.
    """
    return _class()(bins=bins, exact_accumulation=exact_accumulation)


@cache
def _class() -> type:
    """The callback as a subclass of Lightning's, of the package that is in use."""
    base = import_module(f"{_home()}.callbacks").Callback
    return type("LabelSmoothing", (Watching, base), {"__module__": __name__, "__doc__": Watching.__doc__})


def _home() -> str:
    for home in [home for home in HOMES if home in sys.modules] + list(HOMES):
        try:
            import_module(home)
        except ImportError:
            continue
        return home
    raise MissingExtra("lightning is not installed; install it with: pip install 'labelsmooth[trainers]'")
