"""Who is timed: labelsmooth, torch in its several ways, the divergence of the textbooks, and peers that are installed.

A contestant says in words why it sits a size out, or builds a function without arguments that returns the loss.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .. import losses
from ..schemes.class_matrix import ClassMatrix
from ..schemes.prior import Prior
from ..schemes.uniform import Uniform
from ._inputs import Inputs, written_targets
from ._sizes import AMOUNT, Size

Loss = Callable[[], Tensor]


@dataclass(frozen=True)
class Contestant:
    """Build: from inputs to the loss. sits_out: why not, or None. spread, divergence: what its value is.

    huge_pages  it runs in a process of its own in which torch asks for huge pages
    needs       a module that has to be installed
    """

    name: str
    build: Callable[[Inputs], Loss]
    sits_out: Callable[[Size], str | None]
    spread: str = "uniform"
    divergence: bool = False
    huge_pages: bool = False
    needs: str | None = None


def _ours(inputs: Inputs) -> Loss:
    if inputs.logits is None:
        hidden, matrix = inputs.leaves
        return lambda: losses.linear_cross_entropy(hidden, matrix, inputs.labels, label_smoothing=AMOUNT)
    logits, target, scheme = inputs.logits, _target(inputs), _scheme(inputs)
    return lambda: losses.cross_entropy(logits, target, label_smoothing=scheme)


def _target(inputs: Inputs) -> Tensor:
    return inputs.labels if inputs.given is None else inputs.given


def _scheme(inputs: Inputs) -> Any:
    if inputs.given is not None:
        return Uniform(AMOUNT, soft_targets=True)
    if inputs.prior is not None:
        return Prior(AMOUNT, inputs.prior)
    if inputs.table is not None:
        return ClassMatrix(AMOUNT, inputs.table)
    return AMOUNT if inputs.amounts is None else Uniform(per_sample=inputs.amounts)


def _torch(inputs: Inputs) -> Loss:
    """Where torch has no such scheme, it is given the targets written out, made before the clock runs."""
    if inputs.logits is None:
        hidden, matrix = inputs.leaves
        return lambda: F.cross_entropy(hidden @ matrix.T, inputs.labels, label_smoothing=AMOUNT)
    logits = inputs.logits
    if inputs.size.scheme != "uniform":
        q = written_targets(inputs, slice(None), torch.float32)
        return lambda: F.cross_entropy(logits, q)
    target = _target(inputs)
    return lambda: F.cross_entropy(logits, target, label_smoothing=AMOUNT)


def _compiled(inputs: Inputs) -> Loss:
    loss: Any = torch.compile(F.cross_entropy)
    return lambda: loss(inputs.logits, inputs.labels, label_smoothing=AMOUNT)


def _divergence(inputs: Inputs) -> Loss:
    """log-softmax, a one-hot target whose mass goes to the other classes, the mean over the batch of KL."""
    logits, labels = inputs.logits, inputs.labels

    def loss() -> Tensor:
        logp = F.log_softmax(logits, 1)  # type: ignore[arg-type]
        target = torch.full_like(logp, AMOUNT / (logp.shape[1] - 1))
        target.scatter_(1, labels.unsqueeze(1), 1 - AMOUNT)
        return F.kl_div(logp, target, reduction="batchmean")

    return loss


def _torch_head(inputs: Inputs) -> Loss:
    hidden, matrix = inputs.leaves
    options = torch.nn.LinearCrossEntropyOptions()
    return lambda: F.linear_cross_entropy(hidden, matrix, inputs.labels, options=options)


def _timm(inputs: Inputs) -> Loss:
    loss = import_module("timm.loss").LabelSmoothingCrossEntropy(AMOUNT)
    return lambda: loss(inputs.logits, inputs.labels)


def _liger(inputs: Inputs) -> Loss:
    """It writes its gradient into the logits, and is given a copy."""
    loss = import_module("liger_kernel.transformers.functional").liger_cross_entropy
    return lambda: loss(inputs.logits.clone(), inputs.labels, label_smoothing=AMOUNT)  # type: ignore[union-attr]


def _flash(inputs: Inputs) -> Loss:
    loss = import_module("flash_attn.losses.cross_entropy").CrossEntropyLoss(label_smoothing=AMOUNT)
    return lambda: loss(inputs.logits, inputs.labels)


def _everything(size: Size) -> str | None:
    return None


def _no_head(size: Size) -> str | None:
    return "it has no linear head" if size.features is not None else None


def _heads_only(size: Size) -> str | None:
    if size.features is None:
        return "it is a linear head"
    return None if hasattr(F, "linear_cross_entropy") else "torch has it from 2.13 on"


def _plain(size: Size) -> str | None:
    if size.features is not None or size.target != "indices" or size.scheme != "uniform" or len(size.shape) > 2:
        return "it takes (N, K) with class indices and uniform smoothing"
    return None


CONTESTANTS = (
    Contestant("labelsmooth", _ours, _everything),
    Contestant("torch", _torch, _everything),
    Contestant("torch, huge pages", _torch, _everything, huge_pages=True),
    Contestant("torch.compile", _compiled, _plain),
    Contestant("torch's chunked head, unsmoothed", _torch_head, _heads_only, spread="hard"),
    Contestant("Kullback-Leibler form", _divergence, _plain, spread="others", divergence=True),
    Contestant("timm", _timm, _plain, needs="timm.loss"),
    Contestant("Liger", _liger, _plain, needs="liger_kernel.transformers.functional"),
    Contestant("flash-attention", _flash, _plain, needs="flash_attn.losses.cross_entropy"),
)


def absent(contestant: Contestant, device: str) -> str | None:
    """Why a peer cannot take part on this machine, or None."""
    if contestant.needs is None:
        return None
    if device == "cpu" and contestant.name != "timm":
        return "it runs on a GPU"
    try:
        import_module(contestant.needs)
    except ImportError as error:
        return f"it is not installed ({error})"
    except (RuntimeError, AttributeError) as error:
        return f"it does not load beside this torch: {str(error).splitlines()[0]}"
    return None


def named(name: str) -> Contestant:
    """The contestant of that name."""
    return next(each for each in CONTESTANTS if each.name == name)
