"""Bad options: rows of `test_bad_inputs.py`, and what its rows are written with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from labelsmooth import CrossEntropyLoss, LabelSmoothingLoss, cross_entropy, smooth_labels

Bad = dict[str, tuple[Callable[[], Any], type[Exception], tuple[str, ...]]]
Z, Y = torch.zeros(4, 3), torch.tensor([0, 1, 2, 0])
P = torch.full((4, 3), 1 / 3)
NAN, RANGE = float("nan"), "label_smoothing must be a number in [0, 1]"
TYPICAL = "Typical values are 0.05 to 0.2"


def ce(*args: Any, **options: Any) -> Callable[[], Any]:
    """A call of `cross_entropy`."""
    return lambda: cross_entropy(*args, **options)


def of(function: Callable[..., Any], *args: Any, **options: Any) -> Callable[[], Any]:
    return lambda: function(*args, **options)


OPTIONS: Bad = {
    "T37 unknown reduction": (ce(Z, Y, reduction="avg"), ValueError, ("['mean', 'sum', 'none']", "got 'avg'")),
    "T37 reduction None": (ce(Z, Y, reduction=None), TypeError, ("reduction must be a string", "'none']", "got None")),
    "T37 reduction in a list": (ce(Z, Y, reduction=["mean"]), TypeError, ("must be a string", "got ['mean']")),
    "KL reduction mean": (
        of(LabelSmoothingLoss, 0.1, reduction="mean"),
        ValueError,
        ("['batchmean', 'torch_batchmean', 'sum', 'none']", "got 'mean'"),
    ),
    "unknown weight_mode": (ce(Z, Y, weight_mode="class"), ValueError, ("['torch', 'sample']", "got 'class'")),
    "unknown normalizer": (ce(Z, Y, normalizer="batch"), ValueError, ("['rows', 'weights']", "got 'batch'")),
    "unknown empty": (ce(Z, Y, empty="error"), ValueError, ("empty must be one of ['nan', 'zero']", "got 'error'")),
    "empty a number": (ce(Z, Y, empty=0), TypeError, ("empty must be a string", "got 0")),
    "unknown option": (
        of(CrossEntropyLoss, smoothing=0.1),
        TypeError,
        ("CrossEntropyLoss has no option 'smoothing'", "there are: weight", "label_smoothing"),
    ),
    "unknown option of a batch": (
        lambda: CrossEntropyLoss()(Z, Y, temperature=2),
        TypeError,
        ("CrossEntropyLoss has no option 'temperature'", "row_mask"),
    ),
    "ignore_index a float": (ce(Z, Y, ignore_index=1.0), TypeError, ("ignore_index must be an int", "got float 1.0")),
    "ignore_index None": (ce(Z, Y, ignore_index=None), TypeError, ("ignore_index must be an int", "NoneType None")),
    "ignore_index a bool": (ce(Z, Y, ignore_index=True), TypeError, ("ignore_index must be an int", "got bool True")),
    "T10 ignore_index for probabilities": (
        ce(Z, P, ignore_index=0),
        ValueError,
        ("ignore_index=0 has no index to meet", "class probabilities", "row_mask="),
    ),
    "class_dim too large": (
        ce(Z, Y, class_dim=2),
        IndexError,
        ("class dimension must be in [-2, 1]", "shape (4, 3)", "got 2"),
    ),
    "class_dim too low": (ce(Z, Y, class_dim=-3), IndexError, ("class dimension must be in [-2, 1]", "got -3")),
    "class_dim a string": (ce(Z, Y, class_dim="last"), TypeError, ("class_dim must be an int", "got str 'last'")),
    "class_dim a float": (ce(Z, Y, class_dim=1.0), TypeError, ("class_dim must be an int", "got float 1.0")),
    "KL dim too large": (
        of(LabelSmoothingLoss(dim=2), Z, Y),
        IndexError,
        ("class dimension must be in [-2, 1]", "got 2"),
    ),
    "KL dim a string": (of(LabelSmoothingLoss, dim="last"), TypeError, ("must be an int; got str 'last'",)),
    # options that would go unnoticed
    "strict a text": (ce(Z, Y, strict="no"), TypeError, ("strict must be True or False", "got str 'no'")),
    "strict a number": (of(CrossEntropyLoss, strict=1), TypeError, ("strict must be True or False", "got int 1")),
    "smooth_in_eval a text": (
        of(CrossEntropyLoss, smooth_in_eval="no"),
        TypeError,
        ("smooth_in_eval must be True or False", "got str 'no'"),
    ),
    "num_items of a sum": (
        ce(Z, Y, num_items=4, reduction="sum"),
        ValueError,
        ("num_items= says what the mean divides by", "reduction='sum'", 'reduction="mean"'),
    ),
    "num_items of no reduction, module": (
        lambda: CrossEntropyLoss(reduction="none")(Z, Y, num_items=4),
        ValueError,
        ("num_items= says what the mean divides by", "reduction='none'"),
    ),
    "normalizer of a sum": (
        of(CrossEntropyLoss, reduction="sum", normalizer="rows"),
        ValueError,
        ("normalizer= says what the mean divides by", "leave normalizer= out"),
    ),
    "reduction of a batch": (
        lambda: CrossEntropyLoss()(Z, Y, reduction="none"),
        TypeError,
        ("takes reduction when it is built", "for a batch: class_mask, row_mask"),
    ),
    "label_smoothing of a report": (
        lambda: CrossEntropyLoss().report(Z, Y, label_smoothing=0.1),
        TypeError,
        ("takes label_smoothing when it is built",),
    ),
    # masks
    "class_mask of numbers": (ce(Z, Y, class_mask=torch.ones(3)), TypeError, ("must be a bool tensor", "float32")),
    "class_mask in a list": (ce(Z, Y, class_mask=[True] * 3), TypeError, ("True for what counts", "got list")),
    "class_mask of other K": (
        ce(Z, Y, class_mask=torch.ones(4, dtype=torch.bool)),
        ValueError,
        ("class_mask must have shape (3,) or the input's", "got (4,)"),
    ),
    "row_mask of numbers": (ce(Z, Y, row_mask=torch.ones(4)), TypeError, ("row_mask must be a bool tensor", "float32")),
    "row_mask of other N": (
        ce(Z, Y, row_mask=torch.ones(3, dtype=torch.bool)),
        ValueError,
        ("row_mask must have one entry for each row, shape (4,)", "got shape (3,)"),
    ),
    "mask_below a string": (ce(Z, Y, mask_below="-1e9"), TypeError, ("mask_below must be a number", "got '-1e9'")),
    "mask_below nan": (ce(Z, Y, mask_below=NAN), TypeError, ("mask_below must be a number", "got nan")),
    # weights and counts
    "weight of other K": (
        ce(Z, Y, weight=torch.ones(4)),
        ValueError,
        ("each of the 3 classes, shape (3,)", "got shape (4,)", "sample_weight="),
    ),
    "weight (K, 1)": (ce(Z, Y, torch.ones(3, 1)), ValueError, ("shape (3,)", "got shape (3, 1)")),
    "weight in a list": (of(CrossEntropyLoss, [1.0, 2.0, 3.0]), TypeError, ("weight must be a tensor", "got list")),
    "weight complex": (ce(Z, Y, torch.ones(3) + 0j), TypeError, ("tensor of real numbers", "got torch.complex64")),
    "sample_weight of other N": (
        ce(Z, Y, sample_weight=torch.ones(3)),
        ValueError,
        ("sample_weight must have one entry for each row, shape (4,)", "got shape (3,)"),
    ),
    "sample_weight negative": (
        ce(Z, Y, sample_weight=torch.tensor([1.0, -0.5, 1.0, 2.0])),
        ValueError,
        ("sample_weight must be finite and at least 0", "between -0.5 and 2", 'reduction="none"'),
    ),
    "sample_weight nan": (
        ce(Z, Y, sample_weight=torch.tensor([1.0, NAN, 1.0, 2.0])),
        ValueError,
        ("sample_weight must be finite and at least 0 in every row that counts", "between nan and nan"),
    ),
    "sample_weight infinite": (
        ce(Z, Y, sample_weight=torch.tensor([1.0, float("inf"), 1.0, 2.0])),
        ValueError,
        ("sample_weight must be finite", "between 1 and inf"),
    ),
    "sample_weight in a list": (ce(Z, Y, sample_weight=[1.0] * 4), TypeError, ("must be a tensor", "got list")),
    "num_items and normalizer": (
        ce(Z, Y, num_items=4, normalizer="rows"),
        ValueError,
        ("num_items= is the normalizer already", "not both"),
    ),
    "num_items a string": (ce(Z, Y, num_items="4"), TypeError, ("num_items must be a number", "got '4'")),
    "num_items a bool": (ce(Z, Y, num_items=True), TypeError, ("num_items must be a number", "got True")),
    "num_items negative": (ce(Z, Y, num_items=-4), ValueError, ("at least 0", "got -4")),
    "num_items nan": (ce(Z, Y, num_items=NAN), ValueError, ("at least 0", "got nan")),
    "num_items of each row": (
        ce(Z, Y, num_items=torch.ones(4)),
        ValueError,
        ("num_items must be one number", "got a tensor of shape (4,)"),
    ),
    # strict
    "T14 sums of 2, strict": (
        ce(Z, 2 * P, strict=True),
        ValueError,
        ("sum to 1 over the class dimension", "sums up to 1 away from 1", "Normalise it", "class_dim="),
    ),
    "T14 negative, strict": (
        ce(Z, torch.tensor([[1.5, -0.5, 0.0]]).expand(4, 3), strict=True),
        ValueError,
        ("must be ≥ 0", "a minimum of -0.5"),
    ),
    "T14 nan, strict": (ce(Z, P * NAN, strict=True), ValueError, ("must be ≥ 0", "a minimum of nan")),
    "T13 soft already, strict": (
        ce(Z, smooth_labels(Y, 3, 0.1), label_smoothing=0.1, strict=True),
        ValueError,
        ("smoothing twice", "label_smoothing=0.1 ", "by 0.1 more", "together 0.19", "soft_targets=True"),
    ),
}
