"""Every adapter as a plain loss of logits and target, as its trainer would call it."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from torch import Tensor

from labelsmooth import CrossEntropyLoss
from labelsmooth.integrations._watching import Watching
from labelsmooth.integrations.huggingface import compute_loss_func
from labelsmooth.integrations.loop import windows

EPSILON = 0.1


def trainer_rows(logits: Tensor, target: Tensor, label_smoothing: float = EPSILON) -> Tensor:
    """A classifier in transformers' Trainer, its labels counted by the Trainer."""
    problem = {"problem_type": "single_label_classification"} if target.is_floating_point() else {}
    with torch.enable_grad():
        return compute_loss_func(label_smoothing, **problem)({"logits": logits}, target, int(target.ne(-100).sum()))


def trainer_causal(logits: Tensor, target: Tensor, label_smoothing: float = EPSILON) -> Tensor:
    """A causal language model: each row the position before the one that has its label."""
    if target.is_floating_point() or logits.ndim != 2:
        raise TypeError("a causal language model has class indices as labels")
    after = torch.cat([logits, logits[-1:].detach() * 0]).unsqueeze(0)
    labels = torch.cat([target.new_full((1,), -100), target]).unsqueeze(0)
    with torch.enable_grad():
        return compute_loss_func(label_smoothing, shift=True)({"logits": after}, labels, target.ne(-100).sum())


def trainer_multi_label(logits: Tensor, target: Tensor, label_smoothing: float = EPSILON) -> Tensor:
    """Yes-or-no questions in transformers' Trainer."""
    with torch.enable_grad():
        count = target.ne(-100).sum()
        return compute_loss_func(label_smoothing, problem_type="multi_label_classification")(
            {"logits": logits}, target, count
        )


def skorch_net(logits: Tensor, target: Tensor, label_smoothing: float = EPSILON) -> Tensor:
    """The loss that a net of skorch computes in a training step."""
    from skorch import NeuralNetClassifier

    from labelsmooth.integrations.skorch import criterion_options

    sizes = {"module__in_features": 3, "module__out_features": 3}
    net = NeuralNetClassifier(torch.nn.Linear, **sizes, **criterion_options(label_smoothing)).initialize()
    return net.get_loss(logits, target, training=True)


def one_window(logits: Tensor, target: Tensor, label_smoothing: float = EPSILON) -> Tensor:
    """A loop of one's own, with windows of one batch; Accelerate's windows are these, divided and multiplied alike."""
    criterion = CrossEntropyLoss(label_smoothing=label_smoothing)
    (window,) = windows([(logits, target)], steps=1)
    return criterion(*window.batches[0], num_items=window.num_items)


def accelerate_window(logits: Tensor, target: Tensor, label_smoothing: float = EPSILON) -> Tensor:
    """The loss as ``accelerator.backward`` takes it, of the first of four batches."""
    from accelerate import Accelerator

    from labelsmooth.integrations import accelerate as ours

    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=4)
    (window,) = ours.windows(accelerator, [(logits, target)])
    loss = CrossEntropyLoss(label_smoothing=label_smoothing)(logits, target, num_items=window.num_items)
    return loss / accelerator.gradient_accumulation_steps


def lightning_window(logits: Tensor, target: Tensor, label_smoothing: float = EPSILON) -> Tensor:
    """The loss under Lightning's callback, times what the callback multiplies the gradient by."""
    strategy = SimpleNamespace(reduce=lambda value, reduce_op: value.float())
    flags = {"validating": False, "testing": False, "sanity_checking": False, "training": True}
    trainer = SimpleNamespace(strategy=strategy, accumulate_grad_batches=2, world_size=1, **flags)
    criterion = CrossEntropyLoss(label_smoothing=label_smoothing)
    module = torch.nn.ModuleList([criterion])
    module.automatic_optimization = True
    watching = Watching(bins=15, exact_accumulation=True)
    watching.setup(trainer, module, "fit")
    watching.on_train_batch_start(trainer, module, None, 0)
    watching.divisor = torch.tensor(8.0)
    return criterion(logits, target) * watching.divisor / watching.counts[0]
