"""Bad schemes, and schemes that do not fit the batch: rows of `test_bad_inputs.py`."""

from __future__ import annotations

from typing import Any

import torch
from losses.bad_options import NAN, Bad, P, Y, Z, ce, of

from labelsmooth._checks import UsageError
from labelsmooth.schemes import ClassMatrix, Online, Others, Prior, Scheduled, Spatial, Uniform, make, unsmooth
from labelsmooth.targets import SoftTargets


def again(scheme: Any) -> Any:
    return scheme.soften(scheme.soften(SoftTargets(labels=Y, on_label=1.0, num_classes=3)))


SCHEMES: Bad = {
    # amounts by class and by sample
    "per_class of other K": (
        ce(Z, Y, label_smoothing=Uniform(per_class=torch.tensor([0.1, 0.2]))),
        ValueError,
        ("per_class holds 2 amounts", "there are 3 classes", "one for each"),
    ),
    "per_class of other K, probabilities": (
        ce(Z, P, label_smoothing=Uniform(per_class=torch.tensor([0.1, 0.2]))),
        ValueError,
        ("per_class holds 2 amounts", "there are 3 classes"),
    ),
    "per_sample of other N": (
        ce(Z, Y, label_smoothing=Others(per_sample=torch.tensor([0.1, 0.2]))),
        ValueError,
        ("per_sample has shape (2,)", "targets have (4,)", "one amount for each target"),
    ),
    "amount and per_class": (
        of(Uniform, 0.1, per_class=torch.tensor([0.1])),
        ValueError,
        ("give one of amount, per_class= and per_sample=", "got amount and per_class"),
    ),
    "per_class and per_sample": (
        of(Uniform, per_class=torch.tensor([0.1]), per_sample=torch.tensor([0.1])),
        ValueError,
        ("give one of", "got per_class and per_sample"),
    ),
    "per_class nan": (of(Uniform, per_class=[0.1, NAN]), ValueError, ("per_class must be in [0, 1]; got nan",)),
    "per_sample above 1": (
        of(Uniform, per_sample=torch.tensor([0.1, 1.2])),
        ValueError,
        ("per_sample must be in [0, 1]", "got values from 0.1 to 1.2"),
    ),
    "per_class string": (of(Uniform, per_class="half"), TypeError, ("per_class must be numbers", "got 'half'")),
    # schemes
    "Prior of other K": (
        ce(Z, Y, label_smoothing=Prior(0.1, [0.5, 0.5])),
        ValueError,
        ("Prior was built for 2 classes", "there are 3", "build it for 3"),
    ),
    "ClassMatrix of other K": (
        ce(Z, P, label_smoothing=ClassMatrix(0.1, torch.eye(2))),
        ValueError,
        ("ClassMatrix was built for 2 classes", "there are 3"),
    ),
    "Spatial without a map": (ce(Z, Y, label_smoothing=Spatial(0.1)), ValueError, ("needs label maps", "got (4,)")),
    "softened twice": (of(again, Uniform(0.1)), ValueError, ("smoothed already", "first.then(second)")),
    "then a number": (of(Uniform(0.1).then, 0.1), TypeError, ("needs two schemes; got 0.1", "Uniform(0.1)")),
    "negative composed": (
        of(Uniform(0.1).then, Uniform(-0.1, allow_negative=True)),
        ValueError,
        ("allows negative amounts", "use it alone"),
    ),
    "Scheduled without an end": (of(Scheduled, Uniform(0.1)), ValueError, ("over must be", "at least 1; got None")),
    "Scheduled unknown unit": (
        of(Scheduled(Uniform(0.1), over=3).advance, "batch"),
        ValueError,
        ("unit must be one of ['epoch', 'step']", "got 'batch'"),
    ),
    "Uniform unknown unit": (of(Uniform(0.1).advance, "batch"), ValueError, ("['epoch', 'step']", "got 'batch'")),
    "Online unknown unit": (of(Online(0.1, 3).advance, "batch"), ValueError, ("['epoch', 'step']", "got 'batch'")),
    "composed unknown unit": (
        of(Uniform(0.1).then(Others(0.1)).advance, "batch"),
        ValueError,
        ("unit must be one of ['epoch', 'step']", "got 'batch'"),
    ),
    "unit a number": (of(Uniform(0.1).advance, 1), TypeError, ("unit must be a string", "got 1")),
    "Online float labels": (of(Online(0.1, 3).observe, Z, Y.float()), TypeError, ("class indices", "torch.float32")),
    "Online of other K": (
        of(Online(0.1, 3).observe, torch.zeros(4, 2), Y),
        ValueError,
        ("logits with 3 classes in dimension 1", "got (4, 2) and (4,)"),
    ),
    "Prior from text": (of(Prior.from_labels, 0.1, "abc", 3), TypeError, ("labels must be class indices", "'abc'")),
    "make unknown": (of(make, "smooth", 0.1), ValueError, ("scheme must be one of", "'uniform'", "got 'smooth'")),
    "make needs more": (of(make, "prior", 0.1), UsageError, ("needs more than an amount", "Prior.from_labels")),
    "unsmooth everything moved": (of(unsmooth, P, 1.0), ValueError, ("keeps nothing of the label", "got ε = 1")),
    "unsmooth text": (of(unsmooth, "x", 0.1), TypeError, ("probs must be numbers", "got 'x'")),
}
