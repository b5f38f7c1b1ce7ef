"""T40, T41: the module as others handle it."""

from __future__ import annotations

import copy
import io
import pickle
from typing import Any

import pytest
import torch
from losses.subject import K
from torch import Tensor, nn

from labelsmooth import CrossEntropyLoss
from labelsmooth.schemes import Others

OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "smoothed": {"label_smoothing": 0.1},
    "scheme": {"label_smoothing": Others(0.1), "reduction": "none"},
    "weighted": {"weight": torch.linspace(0.5, 2, K), "label_smoothing": 0.1, "ignore_index": 3},
    "options": {"label_smoothing": 0.1, "empty": "zero", "normalizer": "rows", "smooth_in_eval": False},
}


@pytest.mark.parametrize("copied", ["deepcopy", "pickle", "torch.save"])
@pytest.mark.parametrize("name", OPTIONS)
def test_T40_copies_are_the_same_loss(name: str, copied: str) -> None:
    loss = CrossEntropyLoss(**OPTIONS[name]).eval()
    if copied == "torch.save":
        file = io.BytesIO()
        torch.save(loss, file)
        file.seek(0)
        other = torch.load(file, weights_only=False)
    else:
        other = copy.deepcopy(loss) if copied == "deepcopy" else pickle.loads(pickle.dumps(loss))
    z, y = torch.randn(6, K), torch.tensor([0, 1, 2, 3, 4, 0])
    assert torch.equal(loss(z, y), other(z, y)) and torch.equal(loss.train()(z, y), other.train()(z, y))
    assert repr(loss) == repr(other)


@pytest.mark.parametrize("weight", [None, torch.rand(K)])
def test_T40_states_are_exchanged_with_torchs(weight: Tensor | None) -> None:
    ours = CrossEntropyLoss(None if weight is None else torch.ones(K), label_smoothing=0.1)
    theirs = nn.CrossEntropyLoss(weight, label_smoothing=0.1)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict(), strict=True)
    z, y = torch.randn(6, K), torch.randint(K, (6,))
    torch.testing.assert_close(ours(z, y), theirs(z, y))
    nn.CrossEntropyLoss(None if weight is None else torch.ones(K)).load_state_dict(ours.state_dict(), strict=True)


def test_T40_moves_with_the_model() -> None:
    model = nn.ModuleDict({"net": nn.Linear(3, K), "loss": CrossEntropyLoss(torch.rand(K), label_smoothing=0.1)})
    assert model.double()["loss"].weight.dtype == torch.float64
    value = model["loss"](model["net"](torch.randn(4, 3).double()), torch.arange(4))
    assert value.dtype == torch.float64
    assert model.to("meta")["loss"].weight.device.type == "meta"
    assert "label_smoothing=0.1" in repr(model)


def test_T41_is_one_of_torchs() -> None:
    loss = CrossEntropyLoss(label_smoothing=0.1, ignore_index=3, reduction="sum")
    assert isinstance(loss, nn.CrossEntropyLoss) and isinstance(loss, nn.modules.loss._WeightedLoss)
    assert (loss.label_smoothing, loss.ignore_index, loss.reduction, loss.weight) == (0.1, 3, "sum", None)
    assert [n for n in vars(nn.CrossEntropyLoss()) if not hasattr(loss, n)] == []
