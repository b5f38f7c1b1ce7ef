"""Schemes with a memory under transformers' Trainer: it tells them when a step or an epoch has ended."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from ..schemes._base import Scheme


def learns(scheme: Scheme) -> bool:
    """Whether this scheme does anything with batches, steps or epochs."""
    kind = type(scheme)
    return kind.observe is not Scheme.observe or kind.advance is not Scheme.advance


def follow(trainer: Any, scheme: Scheme, device: torch.device) -> None:
    """Move the scheme to the device of the logits, and add the callback that advances it."""
    from transformers.trainer_callback import TrainerCallback

    class Advance(TrainerCallback):
        """Ends the scheme's steps and epochs."""

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            scheme.advance("step")

        def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            scheme.advance()

    if isinstance(scheme, nn.Module):
        scheme.to(device)
    trainer.add_callback(Advance())
