"""The mission's rows that a loss alone can meet: S1–S4, S6, S7, S12, and the face people see."""

from __future__ import annotations

import inspect
import itertools
from typing import Any

import numpy as np
import oracle
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import labelsmooth
from labelsmooth import CrossEntropyLoss, LabelSmoothingLoss, convert_smoothing, cross_entropy, smooth_labels
from labelsmooth.schemes import Others, Uniform

CLASSES = 5
ROWS: dict[str, tuple[int, ...]] = {"(K,)": (), "(N, K)": (7,), "(N, K, d1)": (3, 4), "(N, K, d1, d2)": (2, 3, 2)}


def example(rows: tuple[int, ...], kind: str, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Float64 logits with classes second, and indices or probabilities for them."""
    g = torch.Generator().manual_seed(seed)
    shape = (*rows[:1], CLASSES, *rows[1:])
    logits = 3 * torch.randn(shape, generator=g, dtype=torch.float64)
    if kind == "indices":
        return logits, torch.randint(CLASSES, rows, generator=g)
    given = torch.randn(shape, generator=g, dtype=torch.float64).softmax(min(1, len(rows)))
    return logits, F.one_hot(given.argmax(min(1, len(rows))), CLASSES).to(given).movedim(-1, min(1, len(rows))) if (
        kind == "one-hot"
    ) else given


def value_and_gradient(loss: Any, logits: Tensor) -> tuple[Tensor, Tensor]:
    z = logits.detach().clone().requires_grad_()
    value = loss(z)
    (gradient,) = torch.autograd.grad(value.sum(), z)
    return value.detach(), gradient


def assert_same(ours: Any, theirs: Any, logits: Tensor) -> None:
    for a, b in zip(value_and_gradient(ours, logits), value_and_gradient(theirs, logits), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-13, equal_nan=True)


@pytest.mark.filterwarnings("ignore:smoothing twice")
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS)
@pytest.mark.parametrize("kind", ["indices", "probabilities", "one-hot"])
def test_S1_same_as_torch(kind: str, rows: tuple[int, ...], label_smoothing: float) -> None:
    logits, target = example(rows, kind)
    weights = (None, torch.linspace(0.2, 2, CLASSES, dtype=torch.float64))
    ignored = (-100, 2) if kind == "indices" else (-100,)
    for weight, ignore_index, reduction in itertools.product(weights, ignored, ("mean", "sum", "none")):
        options: dict[str, Any] = {"weight": weight, "ignore_index": ignore_index, "reduction": reduction}
        options["label_smoothing"] = label_smoothing
        assert_same(
            lambda z, options=options: cross_entropy(z, target, **options),
            lambda z, options=options: F.cross_entropy(z, target, **options),
            logits,
        )
        assert_same(
            lambda z, options=options: CrossEntropyLoss(**options)(z, target),
            lambda z, options=options: nn.CrossEntropyLoss(**options)(z, target),
            logits,
        )


def test_S1_arguments_by_position_mean_what_they_mean_in_torch() -> None:
    logits, target = example((7,), "indices")
    weight = torch.rand(CLASSES, dtype=torch.float64)
    positional = (weight, None, 2, None, "sum", 0.1)
    assert_same(
        lambda z: cross_entropy(z, target, *positional), lambda z: F.cross_entropy(z, target, *positional), logits
    )
    assert_same(
        lambda z: CrossEntropyLoss(*positional)(z, target),
        lambda z: nn.CrossEntropyLoss(*positional)(z, target),
        logits,
    )


def kullback_leibler(logits: Tensor, target: Tensor, smoothing: float, dim: int) -> np.ndarray:
    """KL(q‖p) of each row in numpy, with the softened one-hot targets written out."""
    z = np.moveaxis(logits.numpy(), dim, -1)
    log_p = z - np.log(np.exp(z).sum(-1, keepdims=True))
    q = np.full(z.shape, smoothing / z.shape[-1])
    np.put_along_axis(q, target.numpy()[..., None], 1 - smoothing + smoothing / z.shape[-1], -1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(q > 0, q * (np.log(q) - log_p), 0).sum(-1)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
@pytest.mark.parametrize("shape, dim", [((4, 5), -1), ((2, 3, 5), 1), ((2, 3, 5), -1), ((2, 3, 5), 0), ((5,), 0)])
def test_S2_kullback_leibler_form_over_any_dim(shape: tuple[int, ...], dim: int, smoothing: float) -> None:
    torch.manual_seed(0)
    logits = torch.randn(shape, dtype=torch.float64)
    target = torch.randint(shape[dim], [n for i, n in enumerate(shape) if i != dim % len(shape)])
    rows = kullback_leibler(logits, target, smoothing, dim)
    divisors = {"batchmean": rows.size, "torch_batchmean": shape[0] if len(shape) > 1 else 1, "sum": 1}
    for reduction, divisor in divisors.items():
        loss = LabelSmoothingLoss(smoothing, dim, reduction)(logits, target)
        np.testing.assert_allclose(loss.item(), rows.sum() / divisor, rtol=1e-12, err_msg=reduction)
    got = LabelSmoothingLoss(smoothing, dim, "none")(logits, target)
    np.testing.assert_allclose(got, rows, rtol=1e-12, atol=1e-15)  # a difference of two losses


@pytest.mark.parametrize("shape", [(4, 5), (2, 5, 3)])
def test_S2_torch_batchmean_is_the_batchmean_of_torch(shape: tuple[int, ...]) -> None:
    torch.manual_seed(1)
    logits, target = torch.randn(shape, dtype=torch.float64), torch.randint(5, (shape[0], *shape[2:]))
    q = smooth_labels(target, 5, 0.1, dtype=torch.float64).movedim(-1, 1)
    expected = nn.KLDivLoss(reduction="batchmean")(logits.log_softmax(1), q)
    torch.testing.assert_close(LabelSmoothingLoss(0.1, 1, "torch_batchmean")(logits, target), expected)


def test_S2_floor_is_zero_and_is_reached_at_the_target() -> None:
    target = torch.tensor([0, 3])
    at_target = smooth_labels(target, 5, 0.1, dtype=torch.float64).log()
    assert LabelSmoothingLoss(0.1)(at_target, target).abs() < 1e-15
    assert LabelSmoothingLoss(0.1)(at_target + torch.eye(2, 5), target) > 1e-3


def test_S2_batchmean_counts_only_rows_that_count() -> None:
    logits, target = example((7,), "indices")
    target[::2] = -100
    rows = LabelSmoothingLoss(0.1, reduction="none")(logits, target)
    torch.testing.assert_close(LabelSmoothingLoss(0.1)(logits, target), rows.sum() / 3)
    assert (rows[::2] == 0).all()


def test_S3_targets_by_hand_in_both_conventions() -> None:
    cases = [
        (1, 5, Others(0.1), [0.025, 0.9, 0.025, 0.025, 0.025]),
        (0, 3, Others(0.1), [0.9, 0.05, 0.05]),
        (0, 3, Uniform(0.1), [0.9 + 0.1 / 3, 0.1 / 3, 0.1 / 3]),
        (0, 3, 0.1, [0.9333, 0.0333, 0.0333]),
    ]
    for label, classes, scheme, expected in cases:
        targets = smooth_labels([label], classes, scheme, dtype=torch.float64)
        np.testing.assert_allclose(targets[0], expected, atol=4e-5, err_msg=repr(scheme))
        np.testing.assert_allclose(targets.sum(), 1, rtol=1e-15)


@pytest.mark.parametrize("classes", [2, 3, 5, 10, 1000])
@pytest.mark.parametrize("amount", [0.0, 0.01, 0.1, 0.3, 0.49])
def test_S3_conversion_is_exact(classes: int, amount: float) -> None:
    converted = convert_smoothing(amount, classes, source="others", to="uniform")
    assert converted == pytest.approx(amount * classes / (classes - 1), rel=1e-15)
    assert convert_smoothing(converted, classes, source="uniform", to="others") == pytest.approx(amount, rel=1e-15)
    torch.testing.assert_close(
        smooth_labels([0, 1], classes, Others(amount), dtype=torch.float64),
        smooth_labels([0, 1], classes, Uniform(converted), dtype=torch.float64),
        rtol=1e-14,
        atol=0,
    )


@pytest.mark.parametrize("loss", [cross_entropy, lambda z, y: LabelSmoothingLoss(0.0)(z, y)], ids=["ce", "kl"])
def test_S4_no_smoothing_is_plain_cross_entropy(loss: Any) -> None:
    logits, target = example((7,), "indices")
    assert_same(lambda z: loss(z, target), lambda z: F.cross_entropy(z, target), logits)
    for zero in (0, 0.0, Uniform(0.0), Others(0.0), torch.tensor(0.0)):
        torch.testing.assert_close(cross_entropy(logits, target, label_smoothing=zero), F.cross_entropy(logits, target))


@pytest.mark.parametrize("scheme", [0.0, 0.1, Others(0.1)], ids=str)
def test_S4_one_hot_targets_equal_class_indices(scheme: Any) -> None:
    logits, target = example((3, 4), "indices")
    hot = F.one_hot(target, CLASSES).to(logits).movedim(-1, 1)
    assert_same(
        lambda z: cross_entropy(z, target, label_smoothing=scheme),
        lambda z: cross_entropy(z, hot, label_smoothing=scheme),
        logits,
    )


@pytest.mark.parametrize(
    "logits, hard, smooth", [([2.0, 0.5, 0.3], 0.341, 0.554), ([-2.0, 5.0, 1.0], 7.019, 6.352)], ids=["above", "below"]
)
def test_S6_smoothing_raises_the_loss_only_above_the_mean_logit(
    logits: list[float], hard: float, smooth: float
) -> None:
    z, y = torch.tensor([logits], dtype=torch.float64), torch.tensor([0])
    losses = [cross_entropy(z, y, label_smoothing=amount).item() for amount in (0, 0.2)]
    assert losses == pytest.approx([hard, smooth], abs=5e-4)
    assert (losses[1] > losses[0]) == (z[0, 0] > z.mean()).item()
    assert losses[1] - losses[0] == pytest.approx(0.2 * (z[0, 0] - z.mean()).item(), rel=1e-12)


@pytest.mark.parametrize("scheme", [0.0, 0.1, 0.9, Others(0.3)], ids=str)
def test_S7_gradient_is_softmax_minus_target(scheme: Any) -> None:
    logits, target = example((7,), "indices")
    _, gradient = value_and_gradient(
        lambda z: cross_entropy(z, target, label_smoothing=scheme, reduction="sum"), logits
    )
    z = logits.numpy()
    p = np.exp(z - z.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    q = smooth_labels(target, CLASSES, scheme, dtype=torch.float64).numpy()
    np.testing.assert_allclose(gradient, p - q, rtol=1e-10, atol=1e-15)


GAPS = {0.01: 6.8987, 0.05: 5.2523, 0.1: 4.5109, 0.2: 3.7136, 0.3: 3.1918, 0.5: 2.3979, 0.9: 0.7472}


@pytest.mark.parametrize("amount", GAPS)
def test_S7_the_best_logit_gap_is_bounded(amount: float) -> None:
    gap = np.log(1 + 10 * (1 - amount) / amount)
    assert gap == pytest.approx(GAPS[amount], abs=5e-5)

    def slope(at: float) -> float:
        z = torch.zeros(1, 10, dtype=torch.float64)
        z[0, 4] = at
        gradient = value_and_gradient(lambda z: cross_entropy(z, torch.tensor([4]), label_smoothing=amount), z)[1]
        return float(gradient[0, 4])

    assert abs(slope(gap)) < 1e-15
    assert slope(gap - 0.1) < -1e-5 and slope(gap + 0.1) > 1e-5


def test_S7_without_smoothing_the_gap_has_no_bound() -> None:
    z = torch.zeros(1, 10, dtype=torch.float64)
    z[0, 4] = 30
    gradient = value_and_gradient(lambda z: cross_entropy(z, torch.tensor([4])), z)[1]
    assert -1e-11 < gradient[0, 4] < 0


FLOORS = {2: 0.1985, 3: 0.2911, 5: 0.3897, 10: 0.5003, 100: 0.7778, 1000: 1.0148, 50_000: 1.4070}


@pytest.mark.parametrize("classes", FLOORS)
def test_S7_the_floor_is_the_entropy_of_the_target(classes: int) -> None:
    target = torch.tensor([1])
    at_target = smooth_labels(target, classes, 0.1, dtype=torch.float64).log()
    report = CrossEntropyLoss(label_smoothing=0.1).report(at_target, target)
    assert report.floor.item() == pytest.approx(FLOORS[classes], abs=5e-5)
    assert report.excess.item() == pytest.approx(0, abs=1e-13)
    moved = at_target.clone()
    moved[0, 0] += 1
    assert cross_entropy(moved, target, label_smoothing=0.1) > report.floor


def test_S7_report_agrees_with_the_oracle_and_has_no_graph() -> None:
    logits, target = example((3, 4), "indices")
    logits.requires_grad_()
    for reduction in ("mean", "sum", "none"):
        report = CrossEntropyLoss(label_smoothing=0.3, reduction=reduction).report(logits, target)
        z, y = logits.detach().numpy(), target.numpy()
        smooth = oracle.cross_entropy(z, y, amount=0.3, reduction=reduction)
        hard = oracle.cross_entropy(z, y, reduction=reduction)
        entropy = -np.where(smooth.targets > 0, smooth.targets * np.log(smooth.targets), 0).sum(1)
        lowest = {"mean": entropy.mean(), "sum": entropy.sum(), "none": entropy}[reduction]
        expected = {"loss": smooth.loss, "nll": hard.loss, "floor": lowest, "excess": smooth.loss - lowest}
        for name, value in report._asdict().items():
            np.testing.assert_allclose(value, expected[name].astype(float), rtol=1e-12, err_msg=name)
            assert not value.requires_grad


def message(logits: Tensor, target: Tensor, **options: Any) -> str:
    with pytest.raises((ValueError, TypeError, IndexError)) as caught:
        cross_entropy(logits, target, **options)
    return str(caught.value)


def test_S12_class_indices_with_a_dimension_too_many() -> None:
    text = message(torch.zeros(4, 3), torch.zeros(4, 1, dtype=torch.long))
    assert "(4, 1)" in text and "(4, 3)" in text and "squeeze(1)" in text


@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_S12_regression_targets(shape: tuple[int, ...]) -> None:
    text = message(torch.zeros(4, 3), torch.rand(shape))
    assert "regression" in text and "MSELoss" in text and ".long()" in text


@pytest.mark.parametrize("amount", [10, 1.5, -0.1, float("nan")])
def test_S12_an_amount_out_of_range(amount: float) -> None:
    assert "[0, 1]" in message(torch.zeros(4, 3), torch.zeros(4, dtype=torch.long), label_smoothing=amount)
    with pytest.raises(ValueError, match=r"\[0, 1\].*(0.05 to 0.2|must be asked for)"):
        CrossEntropyLoss(label_smoothing=amount)


def test_S12_the_other_kind_of_target() -> None:
    text = message(torch.zeros(4, 3), torch.zeros(4, 3, dtype=torch.long))
    assert "class indices must be (4,)" in text and "target.to(input.dtype)" in text


def test_S12_smoothing_targets_that_are_soft_already_warns_with_the_net_amount() -> None:
    soft = smooth_labels([0, 1], 3, 0.1)
    with pytest.warns(UserWarning, match="0.19"):
        cross_entropy(torch.zeros(2, 3), soft, label_smoothing=0.1)


def test_the_module_is_torchs_and_its_signatures_are_supersets() -> None:
    assert issubclass(CrossEntropyLoss, nn.CrossEntropyLoss)
    pairs = [(cross_entropy, F.cross_entropy), (CrossEntropyLoss.__init__, nn.CrossEntropyLoss.__init__)]
    for ours, torchs in pairs:
        mine, theirs = (list(inspect.signature(f).parameters.values()) for f in (ours, torchs))
        for a, b in zip(mine, theirs, strict=False):
            assert (a.name, a.default, a.kind) == (b.name, b.default, b.kind)
        assert all(p.kind in (p.KEYWORD_ONLY, p.VAR_KEYWORD) for p in mine[len(theirs) :])


def test_the_front_page_names_exist() -> None:
    for name in ("CrossEntropyLoss", "LabelSmoothingLoss", "cross_entropy", "smooth_labels", "convert_smoothing"):
        assert getattr(labelsmooth, name).__module__.startswith("labelsmooth.losses")


def test_S1_smooth_in_eval() -> None:
    logits, target = example((7,), "indices")
    hard, smooth = F.cross_entropy(logits, target), F.cross_entropy(logits, target, label_smoothing=0.3)
    for criterion, in_eval in (
        (CrossEntropyLoss(label_smoothing=0.3), smooth),
        (CrossEntropyLoss(label_smoothing=0.3, smooth_in_eval=False), hard),
    ):
        torch.testing.assert_close(criterion(logits, target), smooth)
        torch.testing.assert_close(criterion.eval()(logits, target), in_eval)
        torch.testing.assert_close(criterion.train()(logits, target), smooth)
