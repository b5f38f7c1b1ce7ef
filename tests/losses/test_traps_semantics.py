"""T11–T16: what amounts, targets and modes mean, and which are refused. Truth is the oracle's."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from agreement import ROUTES, agree, evaluate
from losses.double_batch import INF, NAN, K, example
from torch import nn
from torch.nn import functional as F

from labelsmooth import CrossEntropyLoss, _notices, convert_smoothing, cross_entropy, smooth_labels
from labelsmooth.schemes import Others, Uniform


@pytest.fixture(autouse=True)
def _every_warning_again() -> Iterator[None]:
    _notices.forget()
    yield
    _notices.forget()


def said(call: Callable[[], Any]) -> list[str]:
    """The warnings of a call."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        call()
    return [str(w.message) for w in heard]


@pytest.mark.parametrize("classes", [2, 3, 5, 1000])
def test_T11_three_conventions_have_three_names(classes: int) -> None:
    eps, hot = 0.1, np.eye(classes)[[1]]
    written = {
        "uniform": (1 - eps) * hot + eps / classes,
        "others": (1 - eps) * hot + eps * (1 - hot) / (classes - 1),
        "classy_vision": (hot + eps / classes) / (1 + eps),
    }
    for source, q in written.items():
        uniform = convert_smoothing(eps, classes, source=source, to="uniform")
        np.testing.assert_allclose(smooth_labels([1], classes, Uniform(uniform), dtype=torch.float64), q, rtol=1e-14)
        assert convert_smoothing(uniform, classes, source="uniform", to=source) == pytest.approx(eps, rel=1e-14)
    np.testing.assert_allclose(smooth_labels([1], classes, Others(eps), dtype=torch.float64), written["others"])
    assert abs(written["uniform"] - written["others"]).max() > 1e-5 < abs(written["uniform"] - q).max()


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("scheme", [Uniform(0.1), Others(0.1)], ids=str)
def test_T11_each_convention_has_its_own_loss(route: str, scheme: Any) -> None:
    agree(*example(), route, label_smoothing=scheme)


@pytest.mark.parametrize("amount", [-0.1, -5.0, NAN])
def test_T12_amounts_that_torch_ignores_are_refused(amount: float) -> None:
    z, y = example()
    theirs = nn.CrossEntropyLoss(label_smoothing=amount)(z, y)
    assert theirs == F.cross_entropy(z, y)  # torch takes it for 0
    with pytest.raises(ValueError, match=r"\[0, 1\].*0.05 to 0.2|must be asked for"):
        CrossEntropyLoss(label_smoothing=amount)


@pytest.mark.parametrize("amount, kind", [(1.5, ValueError), (INF, ValueError), (True, TypeError), ("0.1", TypeError)])
def test_T12_refused_when_the_loss_is_built(amount: Any, kind: type[Exception]) -> None:
    nn.CrossEntropyLoss(label_smoothing=amount)  # torch builds it, and takes True for 1
    with pytest.raises(kind, match=r"a number in \[0, 1\]"):
        CrossEntropyLoss(label_smoothing=amount)


def test_T12_amounts_by_class_and_by_sample_only_by_name() -> None:
    z, y = torch.randn(K, K, dtype=torch.float64), torch.arange(K).flip(0)
    amounts = torch.linspace(0, 0.4, K, dtype=torch.float64)
    with pytest.raises(ValueError, match=r"per_class= or per_sample="):
        cross_entropy(z, y, label_smoothing=amounts)
    by_class = cross_entropy(z, y, label_smoothing=Uniform(per_class=amounts))
    by_row = cross_entropy(z, y, label_smoothing=Uniform(per_sample=amounts))
    log_p = z.log_softmax(1).numpy()
    for value, eps in ((by_class, amounts.numpy()[y]), (by_row, amounts.numpy())):
        rows = -(1 - eps) * log_p[np.arange(K), y] - eps * log_p.mean(1)
        assert value.item() == pytest.approx(rows.mean(), rel=1e-13)
    assert abs(by_class - by_row) > 1e-3


def test_T13_smoothing_twice_is_said_once_with_the_net_amount() -> None:
    z, y = example()
    soft = smooth_labels(y, K, 0.1, dtype=torch.float64)

    def three_times() -> None:
        for _ in range(3):
            cross_entropy(z, soft, label_smoothing=0.2)

    assert said(lambda: F.cross_entropy(z, soft, label_smoothing=0.2)) == []  # torch
    (message,) = said(three_times)
    for words in ("label_smoothing=0.1 ", "0.2 more", "together 0.28", "soft_targets=True"):
        assert words in message
    net = agree(z, y, label_smoothing=0.28).loss
    torch.testing.assert_close(evaluate(z, soft, label_smoothing=Uniform(0.2, soft_targets=True)).loss, net)


def test_T13_nothing_is_said_where_nothing_is_doubled() -> None:
    z, y = example()
    hot, soft = F.one_hot(y, K).double(), smooth_labels(y, K, 0.1, dtype=torch.float64)
    calls: list[Callable[[], Any]] = [
        lambda: cross_entropy(z, hot, label_smoothing=0.1),
        lambda: cross_entropy(z, soft),
        lambda: cross_entropy(z, y, label_smoothing=0.1),
        lambda: cross_entropy(z, soft, label_smoothing=Uniform(0.1, soft_targets=True)),
    ]
    assert [said(call) for call in calls] == [[]] * 4
    with pytest.raises(ValueError, match="smoothing twice"):
        cross_entropy(z, soft, label_smoothing=0.1, strict=True)


NO_DISTRIBUTION = {"sums of 2": lambda q: 2 * q, "negative": lambda q: q - 0.3, "another dimension": lambda q: q.T}


@pytest.mark.parametrize("name", NO_DISTRIBUTION)
def test_T14_targets_that_are_no_distribution(name: str) -> None:
    z, _ = example((K,))
    q = NO_DISTRIBUTION[name](torch.randn(K, K, dtype=torch.float64).mul(2).softmax(1))
    assert said(lambda: F.cross_entropy(z, q)) == []  # torch
    (message,) = said(lambda: torch.testing.assert_close(cross_entropy(z, q), F.cross_entropy(z, q)))
    assert "sum to 1" in message and "class_dim=" in message
    with pytest.raises(ValueError, match="sum to 1"):
        cross_entropy(z, q, strict=True)


def test_T15_classes_last_are_read_as_told() -> None:
    g = torch.Generator().manual_seed(0)
    z = torch.randn(2, K, K, generator=g, dtype=torch.float64)
    y = torch.randint(K, (2, K), generator=g)
    second, last = agree(z, y, label_smoothing=0.1), agree(z, y, label_smoothing=0.1, class_dim=-1)
    assert F.cross_entropy(z, y, label_smoothing=0.1) == pytest.approx(second.loss.item())  # torch: no choice
    assert abs(second.loss - last.loss) > 1e-3
    torch.testing.assert_close(last.loss, cross_entropy(z.movedim(-1, 1), y, label_smoothing=0.1))


def test_T15_both_readings_are_in_the_message() -> None:
    z, y = torch.randn(2, 4, K), torch.zeros(2, 4, dtype=torch.long)
    with pytest.raises(ValueError) as caught:
        cross_entropy(z, y)
    for words in ("K = 4 classes in dimension 1", "must be (2, 5)", "K = 5 classes in the last", "class_dim=-1"):
        assert words in str(caught.value)
    assert cross_entropy(z, y, class_dim=-1).isfinite()


def test_T16_evaluation_as_torch_or_hard_on_request() -> None:
    z, y = example()
    smooth, hard = F.cross_entropy(z, y, label_smoothing=0.3), F.cross_entropy(z, y)
    assert nn.CrossEntropyLoss(label_smoothing=0.3).eval()(z, y) == smooth  # torch: no eval mode
    torch.testing.assert_close(CrossEntropyLoss(label_smoothing=0.3).eval()(z, y), smooth)
    loss = CrossEntropyLoss(label_smoothing=0.3, smooth_in_eval=False)
    for mode, expected in ((False, hard), (True, smooth), (False, hard)):
        torch.testing.assert_close(loss.train(mode)(z, y), expected)


def test_T16_the_report_keeps_the_hard_loss_apart() -> None:
    z, y = example()
    report = CrossEntropyLoss(label_smoothing=0.3).report(z, y)
    torch.testing.assert_close(report.loss, F.cross_entropy(z, y, label_smoothing=0.3))
    torch.testing.assert_close(report.nll, F.cross_entropy(z, y))
    q = smooth_labels([0], K, 0.3, dtype=torch.float64)
    torch.testing.assert_close(report.floor, -(q * q.log()).sum())
    torch.testing.assert_close(report.excess, report.loss - report.floor)
