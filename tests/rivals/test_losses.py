"""Every rival loss: its formula in extended precision, its derivatives, and what all losses here promise."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch
from rivals import formulas, members
from rivals.members import PAIRS, build
from torch.autograd import gradcheck, gradgradcheck

from labelsmooth import CrossEntropyLoss, cross_entropy, rivals

EVERY = pytest.mark.parametrize("name, value", PAIRS)


def logits_and_labels(rows: int = 12, classes: int = 5, scale: float = 3.0, seed: int = 0):
    made = torch.Generator().manual_seed(seed)
    logits = scale * torch.randn(rows, classes, generator=made, dtype=torch.float64)
    return logits, torch.randint(0, classes, (rows,), generator=made)


def expected(name: str, value: float, logits: torch.Tensor, labels: torch.Tensor) -> np.ndarray:
    rows = logits.detach().double().numpy().astype(np.longdouble)
    return np.array([formulas.FORMULAS[name](z, int(y), value) for z, y in zip(rows, labels, strict=True)])


def test_every_rival_is_tested() -> None:
    assert sorted([*members.SETTINGS, *members.OTHERS]) == rivals.names()


@EVERY
def test_S9_the_formula(name: str, value: float) -> None:
    logits, labels = logits_and_labels()
    truth = expected(name, value, logits, labels)
    got = build(name, value, reduction="none")(logits, labels)
    np.testing.assert_allclose(got.numpy(), truth.astype(float), rtol=1e-12, atol=1e-12)
    for dtype, tolerance in ((torch.float32, 4e-6), (torch.bfloat16, 4e-6), (torch.float16, 4e-6)):
        rounded = logits.to(dtype)
        found = build(name, value, reduction="none")(rounded, labels)
        assert found.dtype == torch.float32
        truth = expected(name, value, rounded, labels)
        np.testing.assert_allclose(found.numpy(), truth.astype(np.float32), rtol=tolerance, atol=tolerance)


@EVERY
def test_S9_the_gradient(name: str, value: float) -> None:
    logits, labels = logits_and_labels(rows=6, classes=4)
    leaf = logits.clone().requires_grad_()
    build(name, value, reduction="sum")(leaf, labels).backward()
    formula = formulas.FORMULAS[name]
    rows = logits.numpy().astype(np.longdouble)
    truth = np.stack([formulas.gradient(formula, z, int(y), value) for z, y in zip(rows, labels, strict=True)])
    np.testing.assert_allclose(leaf.grad.numpy(), truth.astype(float), rtol=1e-8, atol=1e-9)


@EVERY
def test_first_and_second_derivatives(name: str, value: float) -> None:
    logits, labels = logits_and_labels(rows=4, classes=3, scale=1.0, seed=1)
    loss = build(name, value)
    assert gradcheck(lambda z: loss(z, labels), logits.requires_grad_())
    assert gradgradcheck(lambda z: loss(z, labels), logits)


@EVERY
def test_an_almost_certain_row_keeps_its_digits(name: str, value: float) -> None:
    """1 − p_y is 1e-9 here; by subtraction in float32 it would be 0. Poly's two terms may cancel, by its formula."""
    logits = torch.tensor([[0.0, 20.7, -1.0]], requires_grad=True)
    loss = build(name, value, reduction="sum")(logits, torch.tensor([1]))
    loss.backward()
    truth = expected(name, value, logits, torch.tensor([1]))[0]
    size = max(abs(float(truth)), 1e-9 if name == "poly" else 0)
    assert abs(float(loss.detach()) - float(truth)) <= 4e-6 * size + 1e-30
    assert torch.isfinite(logits.grad).all()


@EVERY
def test_ignored_rows_are_inert_whatever_they_hold(name: str, value: float) -> None:
    logits, labels = logits_and_labels()
    spoilt, with_ignored = logits.clone(), labels.clone()
    spoilt[3], with_ignored[3] = float("nan"), -100
    spoilt.requires_grad_()
    kept = [i for i in range(len(labels)) if i != 3]
    mean = build(name, value)(spoilt, with_ignored)
    mean.backward()
    torch.testing.assert_close(mean, build(name, value)(logits[kept], labels[kept]), rtol=1e-12, atol=0)
    assert torch.equal(spoilt.grad[3], torch.zeros(5, dtype=torch.float64))
    assert torch.isfinite(spoilt.grad).all()


@EVERY
def test_a_masked_class_is_as_if_it_were_not_there(name: str, value: float) -> None:
    logits, labels = logits_and_labels(classes=5)
    labels = labels % 4
    masked = logits.clone()
    masked[:, 4] = -torch.inf
    masked.requires_grad_()
    found = build(name, value)(masked, labels)
    found.backward()
    torch.testing.assert_close(found, build(name, value)(logits[:, :4], labels), rtol=1e-12, atol=1e-15)
    assert torch.equal(masked.grad[:, 4], torch.zeros(len(labels), dtype=torch.float64))


@EVERY
def test_dimensions_beside_the_classes(name: str, value: float) -> None:
    made = torch.Generator().manual_seed(2)
    logits = torch.randn(2, 4, 3, 5, generator=made, dtype=torch.float64)
    labels = torch.randint(0, 4, (2, 3, 5), generator=made)
    rows = build(name, value, reduction="none")(logits, labels)
    flat = build(name, value, reduction="none")(logits.movedim(1, -1).reshape(-1, 4), labels.reshape(-1))
    assert rows.shape == labels.shape
    torch.testing.assert_close(rows.reshape(-1), flat, rtol=1e-12, atol=1e-14)
    single = build(name, value, reduction="none")(logits[0, :, 0, 0], labels[0, 0, 0])
    torch.testing.assert_close(single, rows[0, 0, 0], rtol=1e-12, atol=1e-14)


@EVERY
def test_one_class_and_no_rows(name: str, value: float) -> None:
    single = build(name, value)(torch.zeros(3, 1, requires_grad=True), torch.zeros(3, dtype=torch.int64))
    single.backward()
    assert float(single.detach()) == 0
    assert build(name, value, reduction="sum")(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64)) == 0
    assert build(name, value)(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64)).isnan()


@EVERY
def test_copies_are_the_same_loss(name: str, value: float) -> None:
    logits, labels = logits_and_labels()
    loss = build(name, value)
    for other in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        assert torch.equal(other(logits, labels), loss(logits, labels))
    assert rivals.class_name(name) in repr(loss)


@pytest.mark.parametrize("name", members.LIKE_CROSS_ENTROPY_AT_0)
def test_nothing_of_it_is_cross_entropy(name: str) -> None:
    logits, labels = logits_and_labels()
    plain = cross_entropy(logits, labels)
    torch.testing.assert_close(build(name, 0.0)(logits, labels), plain, rtol=1e-14, atol=0)


@pytest.mark.parametrize("name", sorted(members.SETTINGS))
def test_a_wrong_formula_is_seen(name: str) -> None:
    """The gate of the formulas' test notices another setting."""
    logits, labels = logits_and_labels()
    value = members.SETTINGS[name][-1]
    truth = expected(name, value, logits, labels).astype(float)
    other = build(name, value * 1.001, reduction="none")(logits, labels).numpy()
    assert not np.allclose(other, truth, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", sorted(members.SETTINGS))
def test_probabilities_and_shapes_are_refused_in_words(name: str) -> None:
    loss = rivals.find(name)()
    with pytest.raises(TypeError, match="is defined for class indices"):
        loss(torch.zeros(2, 3), torch.full((2, 3), 1 / 3))
    with pytest.raises(ValueError, match=r"squeeze\(1\)"):
        loss(torch.zeros(2, 3), torch.zeros(2, 1, dtype=torch.int64))
    with pytest.raises(IndexError):
        loss(torch.zeros(2, 3), torch.tensor([0, 3]))
    with pytest.raises(ValueError, match="reduction must be one of"):
        rivals.find(name)(reduction="average")


BAD = [
    ("focal", -1.0), ("focal", float("nan")), ("focal", float("inf")), ("confidence_penalty", -0.1),
    ("max_suppression", -0.1), ("margin_smoothing", -0.1), ("poly", -1.5), ("logit_norm", 0.0), ("logit_norm", -1.0),
    ("label_relaxation", 0.0), ("label_relaxation", 1.0), ("distillation", 0.0), ("mixup", 0.0),
]  # fmt: skip


@pytest.mark.parametrize("name, value", BAD)
def test_settings_out_of_range(name: str, value: float) -> None:
    setting = rivals.find(name).setting
    with pytest.raises(ValueError, match=f"{setting} must be a "):
        rivals.find(name)(value)


@pytest.mark.parametrize("name", rivals.names())
@pytest.mark.parametrize("value", [True, "0.1", None])
def test_settings_that_are_no_numbers(name: str, value: object) -> None:
    with pytest.raises(TypeError, match=f"{rivals.find(name).setting} must be a number; got"):
        rivals.find(name)(value)


def test_an_unknown_rival() -> None:
    with pytest.raises(ValueError, match=r"rival must be one of \['confidence_penalty'"):
        rivals.find("maxsup")
    with pytest.raises(AttributeError, match="there are: ConfidencePenaltyLoss"):
        _ = rivals.MaxSup


def test_all_names_can_be_imported() -> None:
    assert {rivals.class_name(name) for name in rivals.names()} <= set(dir(rivals))
    assert CrossEntropyLoss()(torch.zeros(1, 2), torch.tensor([0])) == rivals.FocalLoss(0.0)(
        torch.zeros(1, 2), torch.tensor([0])
    )
