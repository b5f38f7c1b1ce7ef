"""Schemes with a memory under transformers' Trainer: it tells them when a step or an epoch has ended."""

from __future__ import annotations

from typing import Any

from ..schemes._base import Scheme


def learns(scheme: Scheme) -> bool:
    """Whether this scheme does anything with batches, steps or epochs."""
    kind = type(scheme)
    return kind.observe is not Scheme.observe or kind.advance is not Scheme.advance


def follow(trainer: Any, scheme: Scheme) -> None:
    """Add the callback that advances the scheme."""
    from transformers.trainer_callback import TrainerCallback

    class Advance(TrainerCallback):
        """Ends the scheme's steps and epochs."""

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            scheme.advance("step")

        def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            scheme.advance()

    trainer.add_callback(Advance())
