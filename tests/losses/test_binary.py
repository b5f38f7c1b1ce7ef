"""Binary cross-entropy: its five conventions, torch's semantics, hard cases, transforms; judged in longdouble numpy."""

from __future__ import annotations

import copy
import itertools
import pickle
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from oracle import REAL, Array
from torch import Tensor, nn
from torch.nn import functional as F

from labelsmooth import BCEWithLogitsLoss, binary_cross_entropy_with_logits, cross_entropy
from labelsmooth.losses import _binary_elements
from labelsmooth.losses._binary import CONVENTIONS
from labelsmooth.schemes import Uniform

PRIOR = np.array([0.5, 0.1, 0.9, 0.25], REAL)
BCE = binary_cross_entropy_with_logits
WAYS: dict[str, Callable[[Array, Any], Array]] = {
    "uniform": lambda y, ε: (1 - ε) * y + ε / 2,
    "others": lambda y, ε: (1 - ε) * y + ε * (1 - y),
    "positives": lambda y, ε: (1 - ε) * y,
    "classes": lambda y, ε: (1 - ε) * y + ε / y.shape[1],
    "prior": lambda y, ε: (1 - ε) * y + ε * PRIOR,
}
every = pytest.mark.parametrize("convention", WAYS)


def softplus(x: Array) -> Array:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def reference(z: Tensor, q: Array, pos_weight: Any = 1.0) -> tuple[Array, Array]:
    """Loss and gradient of each element, from what the logits are in their own dtype."""
    x = z.detach().double().numpy().astype(REAL)
    with np.errstate(over="ignore"):
        yes, no = 1 / (1 + np.exp(-x)), 1 / (1 + np.exp(x))
    loss = np.where(q == 0, 0, pos_weight * q * softplus(-x)) + np.where(q == 1, 0, (1 - q) * softplus(x))
    return loss, (1 - q) * yes - pos_weight * q * no


def arguments(convention: str, ε: float) -> dict[str, Any]:
    more = {"prior": torch.from_numpy(PRIOR.astype(float))} if convention == "prior" else {}
    return {"convention": convention, "label_smoothing": ε, **more}


def batch(dtype: torch.dtype = torch.float64, scale: float = 3.0) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(0)
    z = (scale * torch.randn((6, 4), generator=g, dtype=torch.float64)).to(dtype)
    return z.requires_grad_(), torch.randint(2, (6, 4), generator=g).to(dtype)


def check(z: Tensor, loss: Tensor, want: tuple[Array, Array], tolerance: float) -> None:
    (gradient,) = torch.autograd.grad(loss.sum(), z)
    for found, ref in ((loss, want[0]), (gradient, want[1])):
        np.testing.assert_allclose(found.detach().double().numpy(), ref.astype(float), rtol=tolerance, atol=1e-300)


def test_five_conventions_are_named() -> None:
    assert tuple(WAYS) == CONVENTIONS
    for name in WAYS:
        assert re.search(rf"^    {name} ", BCE.__doc__ or "", re.MULTILINE)


@every
@pytest.mark.parametrize("ε", [0.0, 0.1, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("scale", [1.0, 30.0, 500.0])
def test_conventions(convention: str, ε: float, scale: float) -> None:
    z, y = batch(scale=scale)
    q = WAYS[convention](y.numpy().astype(REAL), REAL(ε))
    loss = BCE(z, y, reduction="none", **arguments(convention, ε))
    (gradient,) = torch.autograd.grad(loss.sum(), z)
    rows, slope = reference(z, q)
    np.testing.assert_allclose(loss.detach().numpy(), rows.astype(float), rtol=1e-14, atol=1e-15 * scale)
    np.testing.assert_allclose(gradient.numpy(), slope.astype(float), rtol=1e-14, atol=3e-16)


@every
def test_soft_targets_are_smoothed_linearly(convention: str) -> None:
    z, _ = batch()
    y = torch.rand((6, 4), generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    q = WAYS[convention](y.numpy().astype(REAL), REAL(0.3))
    loss = BCE(z, y, reduction="none", soft_targets=True, **arguments(convention, 0.3))
    np.testing.assert_allclose(loss.detach().numpy(), reference(z, q)[0].astype(float), rtol=1e-13)


@pytest.mark.parametrize("ε", [0.0, 0.1])
def test_S1_same_as_torch(ε: float) -> None:
    z, y = batch()
    weights = [None, torch.rand(4, dtype=torch.float64), torch.rand(6, 1, dtype=torch.float64)]
    for weight, pos_weight, reduction in itertools.product(weights, weights[:2], ("mean", "sum", "none")):
        options: dict[str, Any] = {"weight": weight, "pos_weight": pos_weight, "reduction": reduction}
        theirs = F.binary_cross_entropy_with_logits(z, (1 - ε) * y + ε / 2, **options)
        for ours in (BCE(z, y, label_smoothing=ε, **options), BCEWithLogitsLoss(label_smoothing=ε, **options)(z, y)):
            torch.testing.assert_close(ours, theirs, rtol=1e-13, atol=1e-14)
            slopes = [torch.autograd.grad(x.sum(), z, retain_graph=True)[0] for x in (ours, theirs)]
            torch.testing.assert_close(*slopes, rtol=1e-13, atol=1e-14)


def test_S1_arguments_by_position_mean_what_they_mean_in_torch() -> None:
    z, y = batch()
    positional = (torch.rand(4, dtype=torch.float64), None, None, "sum", torch.rand(4, dtype=torch.float64))
    theirs = F.binary_cross_entropy_with_logits(z, y, *positional)
    torch.testing.assert_close(BCE(z, y, *positional), theirs)
    torch.testing.assert_close(BCEWithLogitsLoss(*positional)(z, y), theirs)


def test_two_classes_of_a_softmax_are_one_sigmoid() -> None:
    z, y = batch()
    pairs, target = torch.stack([torch.zeros_like(z), z], 1), y.long()
    for scheme, convention in ((Uniform(0.2), "uniform"), (0.4, "others")):
        ε = 0.2
        torch.testing.assert_close(
            BCE(z, y, label_smoothing=ε, convention=convention), cross_entropy(pairs, target, label_smoothing=scheme)
        )


@every
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_T17_T18_half_logits_have_a_float32_loss(convention: str, dtype: torch.dtype) -> None:
    z, y = batch(dtype, scale=8.0)
    q = WAYS[convention](y.double().numpy().astype(REAL), REAL(0.1))
    loss = BCE(z, y, reduction="none", **arguments(convention, 0.1))
    assert loss.dtype == torch.float32
    rows, slope = reference(z, q)
    np.testing.assert_allclose(loss.detach().numpy(), rows.astype(float), rtol=2e-6, atol=1e-6)
    (gradient,) = torch.autograd.grad(loss.sum(), z)
    step = torch.finfo(dtype).eps
    np.testing.assert_allclose(gradient.double().numpy(), slope.astype(float), rtol=step, atol=1e-6)


def test_T17_sum_of_many_half_losses_is_finite() -> None:
    z = torch.full((4096, 40), -20.0, dtype=torch.float16)
    assert BCE(z, torch.ones_like(z), reduction="sum").item() == pytest.approx(4096 * 40 * 20)


@pytest.mark.parametrize("dtype,tolerance", [(torch.float64, 1e-14), (torch.float32, 1e-6)], ids=str)
def test_T19_confident_right_answers(dtype: torch.dtype, tolerance: float) -> None:
    z = torch.tensor([8.0, 17.0, 30.0, 60.0, 85.0], dtype=dtype)
    z = torch.cat([z, -z]).requires_grad_()
    y = (z > 0).to(dtype)
    loss = BCE(z, y, reduction="none")
    check(z, loss, reference(z, y.double().numpy().astype(REAL)), tolerance)


def test_T2_infinite_logits_cost_nothing_where_no_mass_is() -> None:
    z = torch.tensor([torch.inf, -torch.inf, torch.inf, -torch.inf, torch.nan], requires_grad=True)
    y = torch.tensor([1.0, 0.0, 0.0, 1.0, 0.0])
    for loss in (BCE(z, y, reduction="none"), torch.func.vmap(BCE)(z, y)):
        assert torch.equal(loss[:4], torch.tensor([0.0, 0.0, torch.inf, torch.inf]))
        assert loss[4].isnan()
        (gradient,) = torch.autograd.grad(loss.sum(), z)
        assert torch.equal(gradient[:4], torch.tensor([0.0, 0.0, 1.0, -1.0]))
    assert (BCE(z[:4], y[:4], reduction="none", label_smoothing=0.1) == torch.inf).all()


def test_T4_masked_elements_are_inert_whatever_they_hold() -> None:
    z, y = batch()
    mask = torch.rand((6, 4), generator=torch.Generator().manual_seed(1)) < 0.6
    spoiled = torch.where(mask, z, torch.nan).detach().requires_grad_()
    strange = torch.where(mask, y, torch.inf)
    weight = torch.where(mask, 2.0, torch.nan)
    want = 2 * BCE(z, y, reduction="none", label_smoothing=0.1, pos_weight=torch.tensor(3.0))[mask].mean()
    (slope,) = torch.autograd.grad(want, z)

    def of(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        options = {"weight": weight, "pos_weight": 1.5 * weight, "mask": mask, "label_smoothing": 0.1}
        return BCE(z, y, **options)  # type: ignore[arg-type]

    torch.testing.assert_close(of(spoiled, strange), want)
    for gradient in (torch.autograd.grad(of(spoiled, strange), spoiled)[0], torch.func.grad(of)(spoiled, strange)):
        assert (gradient[~mask] == 0).all()
        torch.testing.assert_close(gradient, slope)


def test_T7_nothing_counts() -> None:
    z, y = batch()
    nothing = torch.zeros(6, 4, dtype=torch.bool)
    assert BCE(z, y, mask=nothing).isnan()
    loss = BCE(z, y, mask=nothing, empty="zero")
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(z.grad, torch.zeros_like(z))  # type: ignore[arg-type]
    assert BCE(torch.zeros(0, 3), torch.zeros(0, 3)).isnan()
    assert BCE(torch.zeros(0, 3), torch.zeros(0, 3), empty="zero") == 0


def test_T20_windows_add_up() -> None:
    z, y = batch()
    parts = [BCE(z[i : i + 2], y[i : i + 2], num_items=24) for i in range(0, 6, 2)]
    torch.testing.assert_close(sum(parts), BCE(z, y))


def test_T25_inputs_stay_and_the_graph_can_be_used_again() -> None:
    z, y = batch()
    before = z.detach().clone(), y.clone()
    loss = BCE(z, y, label_smoothing=0.1)
    first = torch.autograd.grad(loss, z, retain_graph=True)[0]
    assert torch.equal(first, torch.autograd.grad(loss, z)[0])
    assert torch.equal(z.detach(), before[0])
    assert torch.equal(y, before[1])


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int32, torch.int64], ids=str)
def test_T32_integers_and_booleans_as_targets(dtype: torch.dtype) -> None:
    z, y = batch()
    assert torch.equal(BCE(z, y.to(dtype), label_smoothing=0.1), BCE(z, y, label_smoothing=0.1))


def test_T33_any_shape_and_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    z = torch.randn((3, 5, 4, 7), dtype=torch.float64)
    y = (torch.rand((3, 5, 4, 7)) < 0.5).double()
    pos_weight = torch.rand((5, 1, 1), dtype=torch.float64)
    want = F.binary_cross_entropy_with_logits(z, y, pos_weight=pos_weight, reduction="none")
    for size in (1, 10, 100, 10**6):
        monkeypatch.setattr(_binary_elements, "BLOCK", size)
        for layout in (z, z.transpose(0, 3).contiguous().transpose(0, 3), torch.stack([z, z], -1)[..., 0]):
            x = layout.detach().requires_grad_()
            loss = BCE(x, y, pos_weight=pos_weight, reduction="none")
            torch.testing.assert_close(loss, want, rtol=1e-14, atol=1e-15)
            (gradient,) = torch.autograd.grad(loss.sum(), x)
            slope = (1 - y) * x.sigmoid() - pos_weight * y * (-x).sigmoid()
            torch.testing.assert_close(gradient, slope.detach(), rtol=1e-14, atol=1e-15)
    assert BCE(z[0, 0, 0, 0], y[0, 0, 0, 0], reduction="none").shape == ()


def test_classes_of_another_dimension() -> None:
    z, y = batch()
    a = BCE(z, y, label_smoothing=0.2, convention="classes")
    b = BCE(z.movedim(1, 0), y.movedim(1, 0), label_smoothing=0.2, convention="classes", class_dim=0)
    torch.testing.assert_close(a, b)


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # torch's own forward mode calls it
@every
def test_T26_every_derivative(convention: str) -> None:
    y = batch()[1]
    z = torch.randn((6, 4), dtype=torch.float64, requires_grad=True)
    ε = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)

    def loss(z: Tensor, ε: Any = 0.3) -> Tensor:
        return BCE(z, y, **arguments(convention, ε))

    assert torch.autograd.gradcheck(loss, (z,), check_forward_ad=True)
    assert torch.autograd.gradgradcheck(loss, (z,))
    assert torch.autograd.gradcheck(loss, (z, ε))
    hessian = torch.func.hessian(loss)(z).reshape(24, 24)
    p = z.detach().sigmoid().reshape(-1)
    torch.testing.assert_close(hessian, torch.diag(p * (1 - p)) / 24)


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")
def test_T26_vmap_and_forward_mode_have_the_right_values() -> None:
    z, y = batch()
    each = torch.func.vmap(torch.func.grad(lambda z, y: BCE(z, y, label_smoothing=0.1)))(z.detach(), y)
    together = torch.autograd.grad(BCE(z, y, label_smoothing=0.1), z)[0] * 6
    torch.testing.assert_close(each, together)
    tangent = torch.randn_like(z)
    _, along = torch.func.jvp(lambda z: BCE(z, y, label_smoothing=0.1), (z.detach(),), (tangent,))
    torch.testing.assert_close(along, (together / 6 * tangent).sum())


def test_amounts_weights_and_targets_that_ask_for_gradients() -> None:
    z, y = batch()
    soft = y.clamp(0.1, 0.9).requires_grad_()
    pos_weight = torch.rand(4, dtype=torch.float64, requires_grad=True)

    def loss(soft: Tensor, pos_weight: Tensor) -> Tensor:
        return BCE(z.detach(), soft, pos_weight=pos_weight, label_smoothing=0.1, soft_targets=True)

    assert torch.autograd.gradcheck(loss, (soft, pos_weight))
    zero = torch.tensor(0.0, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(BCE(z.detach(), y, label_smoothing=zero, reduction="sum"), zero)
    hard, half = (BCE(z.detach(), t, reduction="sum", soft_targets=True) for t in (y, torch.full_like(y, 0.5)))
    torch.testing.assert_close(slope, half - hard)


def test_T28_compiled_once_for_every_amount() -> None:
    from torch._dynamo.testing import CompileCounter

    z, y = batch()
    counter = CompileCounter()
    compiled = torch.compile(lambda z, y, ε: BCE(z, y, label_smoothing=ε), backend=counter, fullgraph=True)
    for ε in torch.linspace(0.0, 0.5, 10):
        torch.testing.assert_close(compiled(z, y, ε), BCE(z, y, label_smoothing=ε))
    assert counter.frame_count == 1


def test_T34_the_sum_does_not_follow_the_threads() -> None:
    z, y = torch.randn(300, 70), (torch.rand(300, 70) < 0.5).float()
    threads, found = torch.get_num_threads(), []
    for n in (1, 2, 4):
        torch.set_num_threads(n)
        found.append(BCE(z, y, label_smoothing=0.1))
    torch.set_num_threads(threads)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


def test_T16_evaluation_is_hard_on_request() -> None:
    z, y = batch()
    for smooth_in_eval, ε in ((True, 0.1), (False, 0.0)):
        loss = BCEWithLogitsLoss(label_smoothing=0.1, smooth_in_eval=smooth_in_eval).eval()
        assert torch.equal(loss(z, y), BCE(z, y, label_smoothing=ε))


@every
def test_report_and_floor(convention: str) -> None:
    z, y = batch()
    pos_weight = torch.tensor([1.0, 2.0, 0.5, 3.0], dtype=torch.float64)
    criterion = BCEWithLogitsLoss(pos_weight=pos_weight, **arguments(convention, 0.2))
    report = criterion.report(z, y)
    torch.testing.assert_close(report.loss, criterion(z, y).detach())
    torch.testing.assert_close(report.nll, F.binary_cross_entropy_with_logits(z, y, pos_weight=pos_weight).detach())
    torch.testing.assert_close(report.excess, report.loss - report.floor)
    q = torch.from_numpy(WAYS[convention](y.numpy().astype(REAL), REAL(0.2)).astype(float))
    best = torch.logit(pos_weight * q / (pos_weight * q + 1 - q))
    torch.testing.assert_close(report.floor, criterion(best, y).nan_to_num(0.0), rtol=1e-9, atol=1e-12)
    assert not report.loss.requires_grad


def test_T40_T41_a_drop_in_module() -> None:
    z, y = batch()
    loss = BCEWithLogitsLoss(
        pos_weight=torch.rand(4, dtype=torch.float64), label_smoothing=0.1, convention="prior", prior=torch.rand(4)
    )
    assert isinstance(loss, nn.BCEWithLogitsLoss)
    for other in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        assert torch.equal(loss(z, y), other(z, y))
    old = nn.BCEWithLogitsLoss(pos_weight=torch.rand(4, dtype=torch.float64))
    loss.load_state_dict(old.state_dict())
    assert torch.equal(loss.pos_weight, old.pos_weight)  # type: ignore[arg-type]
    assert "label_smoothing=0.1" in repr(loss)
    assert loss.to("meta").prior.device.type == "meta"


def test_T13_said_once_a_place_unless_meant() -> None:
    z, y = batch()
    soft = y.clamp(0.05, 0.95)

    def here(**options: Any) -> Tensor:
        return BCE(z, soft, label_smoothing=0.1, **options)

    with pytest.warns(UserWarning, match=r"as label_smoothing=0\.1 would make it, .* 0\.1 more, together 0\.19"):
        here()
    here()
    here(soft_targets=True)
    with pytest.raises(ValueError, match="smoothing twice"):
        here(strict=True)


def test_T14_targets_outside_the_unit_interval() -> None:
    z, y = batch()
    with pytest.warns(UserWarning, match=r"targets must be in \[0, 1\]; got 0 to 2"):
        loss = BCE(z, 2 * y)
    torch.testing.assert_close(loss, F.binary_cross_entropy_with_logits(z, 2 * y))
    with pytest.raises(ValueError, match=r"targets must be in \[0, 1\]; got 0 to 2"):
        BCE(z, 2 * y, strict=True)


def test_T37_legacy_arguments() -> None:
    z, y = batch()
    with pytest.warns(DeprecationWarning, match="pass reduction='sum' instead"):
        assert torch.equal(BCE(z, y, size_average=False), BCE(z, y, reduction="sum"))
    with pytest.warns(DeprecationWarning, match="pass reduction='none' instead"):
        assert BCEWithLogitsLoss(reduce=False)(z, y).shape == (6, 4)


Z, Y = torch.zeros(3, 4), torch.zeros(3, 4)
BAD: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: BCE([0.0], Y), TypeError, "input must be a tensor; got list"),  # type: ignore[arg-type]
    (lambda: BCE(Z, None), TypeError, "target must be a tensor; got NoneType"),  # type: ignore[arg-type]
    (
        lambda: BCE(Z.long(), Y),
        TypeError,
        "input must hold logits in float32, float64, bfloat16 or float16; got torch.int64",
    ),
    (lambda: BCE(Z, Y.cfloat()), TypeError, "target must hold probabilities of yes, or 0 and 1; got torch.complex64"),
    (
        lambda: BCE(torch.zeros(3, 1), torch.zeros(3)),
        ValueError,
        "target has shape (3,), but must have the input's shape (3, 1), a yes or no for each logit: use "
        "input.squeeze(-1) or target.unsqueeze(-1)",
    ),
    (
        lambda: BCE(torch.zeros(3), torch.zeros(3, 1)),
        ValueError,
        "target has shape (3, 1), but must have the input's shape (3,), a yes or no for each logit: use "
        "target.squeeze(-1)",
    ),
    (
        lambda: BCE(Z, torch.zeros(3)),
        ValueError,
        "target has shape (3,), but must have the input's shape (3, 4), a yes or no for each logit. For one right "
        "class among 4 use cross_entropy, or one-hot targets here",
    ),
    (
        lambda: BCE(Z, torch.zeros(2, 4)),
        ValueError,
        "target has shape (2, 4), but must have the input's shape (3, 4), a yes or no for each logit",
    ),
    (
        lambda: BCE(Z, Y, label_smoothing=1.5),
        ValueError,
        "label_smoothing must be a number in [0, 1]; got 1.5. Typical values are 0.05 to 0.2",
    ),
    (
        lambda: BCEWithLogitsLoss(label_smoothing=True),
        TypeError,
        "label_smoothing must be a number in [0, 1]; got bool True",
    ),
    (
        lambda: BCEWithLogitsLoss(label_smoothing=Uniform(0.1)),  # type: ignore[arg-type]
        TypeError,
        "binary targets take label_smoothing as a number, and convention= for how it is spread, one of ['uniform', "
        "'others', 'positives', 'classes', 'prior']; got the scheme Uniform(0.1)",
    ),
    (
        lambda: BCEWithLogitsLoss(convention="keras"),
        ValueError,
        "convention must be one of ['uniform', 'others', 'positives', 'classes', 'prior']; got 'keras'",
    ),
    (
        lambda: BCEWithLogitsLoss(convention="prior"),
        ValueError,
        'convention="prior" and prior= (the frequency of yes, for each label) go together',
    ),
    (
        lambda: BCEWithLogitsLoss(prior=torch.rand(3)),
        ValueError,
        'convention="prior" and prior= (the frequency of yes, for each label) go together',
    ),
    (
        lambda: BCE(Z, Y, convention="prior", prior=torch.tensor([0.5, 2.0])),
        ValueError,
        "prior must hold frequencies in [0, 1]; got 0.5 to 2",
    ),
    (
        lambda: BCE(Z, Y, convention="prior", prior=0.5),  # type: ignore[arg-type]
        TypeError,
        "prior must be a floating-point tensor of frequencies in [0, 1]; got 0.5",
    ),
    (
        lambda: BCE(torch.zeros(3), torch.zeros(3), label_smoothing=0.1, convention="classes"),
        ValueError,
        'convention="classes" spreads ε over the classes of dimension 1, which an input of shape (3,) does not have; '
        "pass (N, K, …), or class_dim=",
    ),
    (
        lambda: BCE(Z, Y, mask=Y),
        TypeError,
        "mask must be a bool tensor, True for elements that count; got torch.float32",
    ),
    (lambda: BCE(Z, Y, reduction="avg"), ValueError, "reduction must be one of ['mean', 'sum', 'none']; got 'avg'"),
    (lambda: BCE(Z, Y, empty="one"), ValueError, "empty must be one of ['nan', 'zero']; got 'one'"),
]


@pytest.mark.parametrize("call,kind,message", BAD, ids=[message[:50] for _, _, message in BAD])
def test_bad_input(call: Callable[[], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=f"^{re.escape(message)}$"):
        call()
