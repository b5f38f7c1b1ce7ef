"""skorch: probabilities, the hard loss of validation, and schemes with a memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from labelsmooth import BCEWithLogitsLoss, CrossEntropyLoss, LabelSmoothingLoss, calibration
from labelsmooth.integrations.skorch import LabelSmoothing, criterion_options
from labelsmooth.rivals import FocalLoss
from labelsmooth.schemes import Online

RNG = np.random.default_rng(0)
Y = RNG.integers(0, 3, 90)
X = (2 * np.eye(3)[Y] + RNG.normal(size=(90, 3))).astype(np.float32)


def trained(options: dict[str, Any], **more: Any) -> Any:
    from skorch import NeuralNetClassifier

    torch.manual_seed(0)
    sizes = {"module__in_features": 3, "module__out_features": 3}
    settings = {"max_epochs": 2, "lr": 0.5, "verbose": 0, "classes": [0, 1, 2], **sizes, **options, **more}
    return NeuralNetClassifier(torch.nn.Linear, **settings).fit(X, Y)


LOSSES: dict[str, dict[str, Any]] = {
    "ours": criterion_options(0.1),
    "the Kullback-Leibler form": criterion_options(None, loss=LabelSmoothingLoss, smoothing=0.1),
    "a rival": criterion_options(None, loss=FocalLoss, gamma=2.0),
}


@pytest.mark.parametrize("name", LOSSES)
def test_predict_proba_gives_probabilities(name: str) -> None:
    net = trained(LOSSES[name])
    logits = net.forward(X).double()
    np.testing.assert_allclose(net.predict_proba(X), logits.softmax(-1), rtol=1e-5)
    assert (net.predict(X) == logits.argmax(-1).numpy()).all()


def test_without_the_options_skorch_shows_logits_as_probabilities() -> None:
    net = trained({"criterion": LabelSmoothingLoss, "criterion__smoothing": 0.1})
    assert np.abs(net.predict_proba(X).sum(1) - 1).max() > 0.1


def test_binary_nets_too() -> None:
    from skorch import NeuralNetBinaryClassifier

    options = criterion_options(0.1, loss=BCEWithLogitsLoss)
    sizes = {"module__in_features": 3, "module__out_features": 1}
    net = NeuralNetBinaryClassifier(
        torch.nn.Linear, max_epochs=1, verbose=0, callbacks=[LabelSmoothing()], **sizes, **options
    )
    net.fit(X, (Y == 0).astype(np.float32))
    found = net.predict_proba(X)
    np.testing.assert_allclose(found[:, 1], net.forward(X).sigmoid().reshape(-1), rtol=1e-5)
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-6)
    assert net.history[-1, "valid_nll"] == pytest.approx(net.history[-1, "valid_loss"], rel=1e-5)


def test_T16_valid_loss_is_the_hard_loss_and_the_smoothed_one_stands_beside_it() -> None:
    from skorch.helper import predefined_split
    from torch.utils.data import TensorDataset

    held = TensorDataset(torch.from_numpy(X[:40]), torch.from_numpy(Y[:40]))
    net = trained(criterion_options(0.1), train_split=predefined_split(held), batch_size=7, lr=0.0,
                  callbacks=[LabelSmoothing(bins=10)])  # fmt: skip
    logits, last = net.forward(X[:40]), net.history[-1]
    assert last["valid_loss"] == pytest.approx(calibration.nll(Y[:40], logits=logits), rel=1e-5)
    assert last["valid_nll"] == pytest.approx(calibration.nll(Y[:40], logits=logits), rel=1e-6)
    ece = calibration.expected_calibration_error(Y[:40], logits=logits, bins=10)
    assert last["valid_ece"] == pytest.approx(ece, rel=1e-5)
    smoothed = CrossEntropyLoss(label_smoothing=0.1)(logits, torch.from_numpy(Y[:40]))
    assert last["valid_smoothed_loss"] == pytest.approx(float(smoothed), rel=1e-6)


def test_a_scheme_with_a_memory_is_told() -> None:
    net = trained(criterion_options(Online(0.5, 3)), lr=0.0, train_split=None, callbacks=[LabelSmoothing()])
    by_hand = Online(0.5, 3)
    by_hand.observe(net.forward(X), torch.from_numpy(Y))
    by_hand.advance()
    torch.testing.assert_close(net.criterion_.label_smoothing.table, by_hand.table, rtol=1e-6, atol=1e-9)


def test_a_module_that_returns_probabilities_is_refused() -> None:
    from skorch import NeuralNetClassifier

    net = NeuralNetClassifier(
        torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Softmax(1)), verbose=0, callbacks=[LabelSmoothing()],
        **criterion_options(0.1),
    )  # fmt: skip
    with pytest.raises(ValueError, match="take the softmax out of the module's forward"):
        net.fit(X, Y)
