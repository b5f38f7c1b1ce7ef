"""What the Lightning callback does, without Lightning: looks at each call of the loss in a module."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..losses import CrossEntropyLoss
from ..schemes._base import Scheme
from . import _figures
from ._figures import Running, together


class Watching:
    """Watches the losses of labelsmooth in a module while it trains, validates and tests."""

    def __init__(self, *, bins: int, exact_accumulation: bool) -> None:
        self.bins, self.exact_accumulation = bins, exact_accumulation
        self.handles: list[Any] = []
        self.before: list[tuple[Any, bool]] = []
        self.divisor: Any = None
        self.counts: list[Tensor] = []

    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """Find the losses, have them validate with hard labels, and listen to their calls."""
        losses = [each for each in pl_module.modules() if _figures.is_ours(each)]
        if not losses:
            raise ValueError(
                f"{type(pl_module).__name__} holds no loss of labelsmooth to watch; keep it as an attribute of the "
                "module: self.criterion = labelsmooth.CrossEntropyLoss(label_smoothing=0.1)"
            )
        self.trainer, self.losses = trainer, losses
        self.exact = self._needed(trainer, pl_module) and stage == "fit"
        if self.exact:
            _check_mean(losses)
        self.before = [(loss, loss.smooth_in_eval) for loss in losses]
        for loss in losses:
            loss.smooth_in_eval = False
            self.handles.append(loss.register_forward_pre_hook(self._before, with_kwargs=True))
            self.handles.append(loss.register_forward_hook(self._after))

    def teardown(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """Leave the losses as they were."""
        for handle in self.handles:
            handle.remove()
        for loss, smooth_in_eval in self.before:
            loss.smooth_in_eval = smooth_in_eval
        self.handles, self.before = [], []

    def _needed(self, trainer: Any, pl_module: Any) -> bool:
        shared = trainer.accumulate_grad_batches > 1 or trainer.world_size > 1
        return bool(self.exact_accumulation and shared and pl_module.automatic_optimization)

    # ---- training

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        """A batch has one call of the loss."""
        self.called = False

    def _before(self, loss: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not (self.exact and self.trainer.training):
            return None
        if self.called or kwargs:
            given = ", ".join(f"{name}=" for name in kwargs) or "a second call"
            raise ValueError(
                f"the loss got {given} in a training step, and the callback's exact accumulation wants one call of "
                "(logits, labels); give exact_accumulation=False to smoothing_callback to divide by yourself"
            )
        self.called = True
        count = _divisor(loss, *args)
        self.counts.append(count)
        if self.divisor is None:
            self.divisor = self.trainer.strategy.reduce(count.clone(), reduce_op="mean").clamp(min=1)
        return args, {"num_items": self.divisor}

    def _after(self, loss: nn.Module, args: tuple[Any, ...], output: Tensor) -> None:
        logits, labels = args[0].detach(), args[1]
        if self.trainer.validating or self.trainer.testing or self.trainer.sanity_checking:
            self._evaluate(loss, logits, labels)
        elif self.trainer.training and isinstance(loss.label_smoothing, Scheme) and not labels.is_floating_point():
            loss.label_smoothing.observe(logits, labels)

    def on_before_optimizer_step(self, trainer: Any, pl_module: Any, optimizer: Any) -> None:
        """Make the gradient that of one big batch, and end the schemes' step."""
        if self.exact and self.counts:
            shares = trainer.accumulate_grad_batches * trainer.world_size
            total = trainer.strategy.reduce(torch.stack(self.counts).sum(), reduce_op="sum")
            some = total > 0  # of a window without labels the gradient is 0, and its count no divisor
            _scale(optimizer, torch.where(some, self.divisor * shares / total, 1.0))
            self.divisor, self.counts = torch.where(some, total / shares, self.divisor), []
        self._advance("step")

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """End the schemes' epoch."""
        self._advance("epoch")

    def _advance(self, unit: str) -> None:
        for loss in self.losses:
            if isinstance(loss.label_smoothing, Scheme):
                loss.label_smoothing.advance(unit)

    # ---- validation and tests

    def on_validation_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        """Start the figures."""
        self.running = Running(self.bins, getattr(self.losses[0], "ignore_index", -100))
        self.own: int | None = None
        self.at = -1

    def on_validation_batch_start(
        self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Find out how many rows of a data loader are this process's own, when it begins."""
        if dataloader_idx != self.at:
            self.at, self.own = dataloader_idx, _own_rows(trainer, dataloader_idx)

    def on_validation_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Log the figures of all processes."""
        self._log(trainer, pl_module, "val")

    def on_test_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        """Start the figures."""
        self.on_validation_epoch_start(trainer, pl_module)

    def on_test_batch_start(
        self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """As in validation."""
        self.on_validation_batch_start(trainer, pl_module, batch, batch_idx, dataloader_idx)

    def on_test_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Log the figures of all processes."""
        self._log(trainer, pl_module, "test")

    def _evaluate(self, loss: nn.Module, logits: Tensor, labels: Tensor) -> None:
        if self.own is not None:
            kept = min(self.own, len(labels))
            self.own -= kept
            logits, labels = logits[:kept], labels[:kept]
        if len(labels):
            _figures.add_batch(self.running, loss, logits, labels)

    def _log(self, trainer: Any, pl_module: Any, prefix: str) -> None:
        states = [self.running.state()]
        if trainer.world_size > 1:
            states = [{} for _ in range(trainer.world_size)]
            torch.distributed.all_gather_object(states, self.running.state())
        if any(state["rows"]["rows"] for state in states):
            found = {f"{prefix}_{name}": float(value) for name, value in together(states).items()}
            pl_module.log_dict(found, rank_zero_only=False, sync_dist=False)


def _check_mean(losses: list[Any]) -> None:
    for loss in losses:
        if loss.reduction != "mean" or loss.options.get("normalizer"):
            raise ValueError(
                f'exact accumulation divides the loss by the labels of a whole window, and needs reduction="mean" '
                f"without normalizer=; got {loss}. Give exact_accumulation=False to smoothing_callback"
            )


def _divisor(loss: nn.Module, logits: Tensor, labels: Tensor) -> Tensor:
    """What the mean of this batch divides by."""
    if not isinstance(loss, CrossEntropyLoss):
        return torch.tensor(float(labels.numel()), device=logits.device)
    if labels.is_floating_point():
        dim = loss.options.get("class_dim")
        return torch.tensor(float(labels.numel() // labels.shape[1 if dim is None else dim]), device=logits.device)
    keep = labels != loss.ignore_index
    if loss.weight is None:
        return keep.sum().float()
    return loss.weight[torch.where(keep, labels, 0)].where(keep, 0).sum().float()


def _scale(optimizer: Any, factor: Any) -> None:
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            if parameter.grad is not None:
                parameter.grad.mul_(factor.to(parameter.grad.device))


def _own_rows(trainer: Any, dataloader_idx: int) -> int | None:
    """Rows of a data loader before its distributed sampler repeats some; None where nothing is repeated."""
    loaders = trainer.test_dataloaders if trainer.testing else trainer.val_dataloaders
    loader = loaders[dataloader_idx] if isinstance(loaders, (list, tuple)) else loaders
    sampler = getattr(loader, "sampler", None)
    if not isinstance(sampler, torch.utils.data.DistributedSampler):
        return None
    return len(range(sampler.rank, len(sampler.dataset), sampler.num_replicas))  # type: ignore[arg-type]
