"""T25, T26, T27, T30, T40, T41: graphs used again, transforms, addresses, and the module as others handle it."""

from __future__ import annotations

import copy
import io
import pickle
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from agreement import agree, evaluate
from torch import Tensor, nn
from torch.autograd import grad
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from labelsmooth import CrossEntropyLoss, cross_entropy
from labelsmooth.kernels import portable
from labelsmooth.schemes import Others

K = 5
SIZES = {"small": 6, "large": 7_000}


class Subject:
    """Logits, indices, and the gradient of the mean that an evaluation of its own gave."""

    def __init__(self, rows: int) -> None:
        g = torch.Generator().manual_seed(rows)
        self.start = torch.randn(rows, K, generator=g, dtype=torch.float64)
        self.y = torch.randint(K, (rows,), generator=g)
        self.z = self.start.clone().requires_grad_()
        self.right = evaluate(self.start, self.y, label_smoothing=0.1).gradient

    def loss(self, z: Tensor | None = None, **options: Any) -> Tensor:
        return cross_entropy(self.z if z is None else z, self.y, label_smoothing=0.1, **options)

    def is_right(self, gradient: Tensor | None, times: float = 1.0, atol: float = 1e-16) -> None:
        assert gradient is not None
        torch.testing.assert_close(gradient, times * self.right, rtol=1e-11, atol=atol)


Scenario = Callable[[Subject], None]
SCENARIOS: dict[str, Scenario] = {}


def scenario(call: Scenario) -> Scenario:
    SCENARIOS[call.__name__] = call
    return call


@scenario
def backward_twice(s: Subject) -> None:
    loss = s.loss()
    s.is_right(grad(loss, s.z, retain_graph=True)[0])
    s.is_right(grad(loss, s.z)[0])


@scenario
def backward_five_times_accumulates(s: Subject) -> None:
    loss = s.loss()
    for _ in range(5):
        loss.backward(retain_graph=True)
    s.is_right(s.z.grad, 5)


@scenario
def backward_without_retaining_raises_the_second_time(s: Subject) -> None:
    loss = s.loss()
    loss.backward()
    with pytest.raises(RuntimeError, match="a second time"):
        loss.backward()
    s.is_right(s.z.grad)


@scenario
def other_scales_of_one_graph(s: Subject) -> None:
    loss = s.loss()
    for scale in (1.0, -3.0, 0.0, 65_536.0):
        s.is_right(grad(loss * scale, s.z, retain_graph=True)[0], scale)


@scenario
def other_upstreams_of_row_losses(s: Subject) -> None:
    rows = s.loss(reduction="none")
    s.is_right(grad(rows, s.z, torch.full_like(rows, 1 / len(rows)), retain_graph=True)[0])
    s.is_right(grad(rows, s.z, torch.full_like(rows, 2 / len(rows)))[0], 2)


@scenario
def one_row_of_the_losses(s: Subject) -> None:
    (gradient,) = grad(s.loss(reduction="none")[2], s.z)
    assert (gradient[[0, 1, 3]] == 0).all()
    torch.testing.assert_close(gradient[2], s.right[2] * len(s.y))


@scenario
def logits_in_two_losses(s: Subject) -> None:
    (s.loss() + s.loss()).backward()
    s.is_right(s.z.grad, 2)


@scenario
def logits_in_ours_and_torchs(s: Subject) -> None:
    (s.loss() + F.cross_entropy(s.z, s.y, label_smoothing=0.1)).backward()
    s.is_right(s.z.grad, 2)


@scenario
def logits_in_another_use_after_the_loss(s: Subject) -> None:
    total = s.loss() + s.z.square().sum()
    s.is_right(grad(total, s.z)[0] - 2 * s.z.detach(), atol=1e-13)


@scenario
def logits_in_another_use_before_the_loss(s: Subject) -> None:
    before = s.z.exp().sum()
    total = before + s.loss()
    s.is_right(grad(total, s.z)[0] - s.z.detach().exp(), atol=1e-13)


@scenario
def one_loss_then_the_other(s: Subject) -> None:
    first, second = s.loss(), s.loss()
    s.is_right(grad(second, s.z)[0])
    s.is_right(grad(first, s.z)[0])


@scenario
def several_losses_at_once(s: Subject) -> None:
    s.is_right(grad([s.loss(), s.loss(), s.loss()], s.z)[0], 3)


@scenario
def several_losses_with_upstreams(s: Subject) -> None:
    s.is_right(grad([s.loss(), s.loss()], s.z, [torch.tensor(2.0).double(), torch.tensor(0.5).double()])[0], 2.5)


@scenario
def a_batch_of_upstreams(s: Subject) -> None:
    (gradients,) = grad(s.loss(), s.z, torch.tensor([1.0, -2.0]).double(), is_grads_batched=True)
    s.is_right(gradients[0])
    s.is_right(gradients[1], -2)


@scenario
def the_loss_times_itself(s: Subject) -> None:
    loss = s.loss()
    s.is_right(grad(loss * loss, s.z)[0], 2 * loss.item())


@scenario
def accumulation_into_a_gradient_that_is_there(s: Subject) -> None:
    s.z.grad = torch.ones_like(s.z)
    s.loss().backward()
    s.is_right(s.z.grad - 1, atol=1e-14)


@scenario
def accumulation_over_steps(s: Subject) -> None:
    for _ in range(3):
        s.loss().backward()
    s.is_right(s.z.grad, 3)


@scenario
def a_gradient_changed_in_place_by_its_owner(s: Subject) -> None:
    loss = s.loss()
    grad(loss, s.z, retain_graph=True)[0].zero_()
    s.is_right(grad(loss, s.z)[0])


@scenario
def clipping_between_two_backwards(s: Subject) -> None:
    loss = s.loss()
    loss.backward(retain_graph=True)
    nn.utils.clip_grad_norm_([s.z], 1e-6)
    s.z.grad = None
    loss.backward()
    s.is_right(s.z.grad)


@scenario
def checkpoint_without_reentry(s: Subject) -> None:
    checkpoint(s.loss, s.z, use_reentrant=False).backward()
    s.is_right(s.z.grad)


@scenario
def checkpoint_with_reentry(s: Subject) -> None:
    checkpoint(s.loss, s.z, use_reentrant=True).backward()
    s.is_right(s.z.grad)


@scenario
def checkpoint_of_the_model_and_the_loss(s: Subject) -> None:
    checkpoint(lambda z: s.loss((2 * z).tanh().atanh() / 2), s.z, use_reentrant=False).backward()
    torch.testing.assert_close(s.z.grad, s.right, rtol=1e-3, atol=1e-6)


@scenario
def logits_changed_in_place_before_backward_are_noticed(s: Subject) -> None:
    z = s.z * 1
    loss = s.loss(z)
    z.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@scenario
def a_target_changed_in_place_before_backward_is_noticed(s: Subject) -> None:
    loss = s.loss()
    s.y.copy_((s.y + 1) % K)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@scenario
def logits_that_are_a_view_of_a_base_changed_later(s: Subject) -> None:
    base = torch.cat((s.z, s.z))
    loss = s.loss(base[: len(s.y)])
    base[len(s.y) :].mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@scenario
def a_model_that_ends_in_an_operation_in_place(s: Subject) -> None:
    s.loss((s.z * 2).mul_(0.5)).backward()
    s.is_right(s.z.grad)


@scenario
def a_detached_view(s: Subject) -> None:
    view = s.z.detach().requires_grad_()
    s.loss(view).backward()
    s.is_right(view.grad)
    assert s.z.grad is None and view.data_ptr() == s.z.data_ptr()


@scenario
def a_transposed_leaf(s: Subject) -> None:
    leaf = s.start.T.contiguous().requires_grad_()
    s.loss(leaf.T).backward()
    assert leaf.grad is not None
    s.is_right(leaf.grad.T)


@scenario
def an_expanded_leaf(s: Subject) -> None:
    leaf = s.start[:1].clone().requires_grad_()
    wide = s.start[:1].expand(len(s.y), K)
    s.loss(leaf.expand(len(s.y), K)).backward()
    torch.testing.assert_close(leaf.grad, evaluate(wide, s.y, label_smoothing=0.1).gradient.sum(0, keepdim=True))


@scenario
def an_upstream_that_is_expanded(s: Subject) -> None:
    rows = s.loss(reduction="none")
    rows.backward(torch.tensor(1 / len(rows)).double().expand(len(rows)))
    torch.testing.assert_close(s.z.grad, s.right, rtol=1e-6, atol=1e-9)


@scenario
def an_upstream_with_strides(s: Subject) -> None:
    rows = s.loss(reduction="none")
    rows.backward(torch.full((len(rows), 2), 1 / len(rows)).double()[:, 1])
    torch.testing.assert_close(s.z.grad, s.right, rtol=1e-6, atol=1e-9)


@scenario
def an_upstream_keeps_its_bits(s: Subject) -> None:
    rows, upstream = s.loss(reduction="none"), torch.rand(len(s.y)).double()
    before = upstream.clone()
    rows.backward(upstream, retain_graph=True)
    rows.backward(upstream)
    assert torch.equal(upstream, before)


@scenario
def a_hook_on_the_logits(s: Subject) -> None:
    seen: list[Tensor] = []
    s.z.register_hook(seen.append)
    s.loss().backward()
    s.is_right(seen[0])


@scenario
def a_hook_that_scales_the_gradient(s: Subject) -> None:
    s.z.register_hook(lambda g: 2 * g)
    s.loss().backward()
    s.is_right(s.z.grad, 2)


@scenario
def hooks_on_saved_tensors(s: Subject) -> None:
    kept: list[np.ndarray] = []

    def pack(x: Tensor) -> int:
        kept.append(x.detach().numpy().copy())
        return len(kept) - 1

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda i: torch.from_numpy(kept[i])):
        loss = s.loss()
    assert kept
    loss.backward()
    s.is_right(s.z.grad)


@scenario
def saved_on_the_cpu(s: Subject) -> None:
    with torch.autograd.graph.save_on_cpu():
        loss = s.loss()
    s.is_right(grad(loss, s.z, retain_graph=True)[0])
    s.is_right(grad(loss, s.z)[0])


@scenario
def backward_on_another_thread(s: Subject) -> None:
    loss = s.loss()
    worker = threading.Thread(target=loss.backward)
    worker.start()
    worker.join()
    s.is_right(s.z.grad)


@scenario
def two_threads_with_graphs_of_their_own(s: Subject) -> None:
    found: list[Tensor] = []
    work = [threading.Thread(target=lambda: found.append(grad(s.loss(), s.z)[0])) for _ in range(4)]
    for worker in work:
        worker.start()
    for worker in work:
        worker.join()
    assert len(found) == 4
    for gradient in found:
        s.is_right(gradient)


@scenario
def forward_without_gradients(s: Subject) -> None:
    with torch.no_grad():
        value = s.loss()
    assert not value.requires_grad
    torch.testing.assert_close(value, s.loss().detach(), rtol=1e-15, atol=0)


@scenario
def forward_in_inference_mode(s: Subject) -> None:
    with torch.inference_mode():
        value = s.loss()
    assert value.is_inference()
    torch.testing.assert_close(value.clone(), s.loss().detach(), rtol=1e-15, atol=0)


@scenario
def gradients_switched_off_then_on(s: Subject) -> None:
    with torch.no_grad():
        s.loss()
        with torch.enable_grad():
            loss = s.loss()
    s.is_right(grad(loss, s.z)[0])


@scenario
def logits_that_need_no_gradient(s: Subject) -> None:
    assert not s.loss(s.start).requires_grad


@scenario
def a_second_derivative_after_a_first(s: Subject) -> None:
    loss = s.loss()
    s.is_right(grad(loss, s.z, retain_graph=True)[0])
    (first,) = grad(loss, s.z, create_graph=True)
    (product,) = grad(first.square().sum(), s.z)
    p, n = s.z.detach().softmax(1), len(s.y)
    v = 2 * s.right
    torch.testing.assert_close(product, p * (v - (p * v).sum(1, keepdim=True)) / n, rtol=1e-9, atol=1e-15)
    s.is_right(grad(loss, s.z)[0])


@scenario
def one_module_for_several_batches(s: Subject) -> None:
    module = CrossEntropyLoss(label_smoothing=0.1)
    losses = [module(s.z, s.y), module(s.z[:3], s.y[:3]), module(s.z, s.y)]
    s.is_right(grad(losses[0], s.z)[0])
    s.is_right(grad(losses[2], s.z)[0])
    torch.testing.assert_close(grad(losses[1], s.z)[0][:3] * 3, s.right[:3] * len(s.y))


@pytest.mark.filterwarnings("ignore:.*use_reentrant")
@pytest.mark.parametrize("rows", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("name", SCENARIOS)
def test_T25_a_graph_used_again(name: str, rows: int) -> None:
    subject = Subject(rows)
    SCENARIOS[name](subject)
    assert torch.equal(subject.z, subject.start)


def test_T25_there_are_44_scenarios() -> None:
    assert len(SCENARIOS) == len(set(SCENARIOS.values())) == 44


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("rows", SIZES.values(), ids=SIZES)
def test_T25_inputs_keep_their_bits(rows: int, dtype: torch.dtype) -> None:
    z, y = torch.randn(rows, K).to(dtype), torch.randint(K, (rows,))
    z[0, (y[0] + 1) % K], y[1] = -torch.inf, -100
    inputs = {
        "z": z,
        "y": y,
        "weight": torch.rand(K),
        "class_mask": torch.rand(K) > -1,
        "row_mask": torch.rand(rows) > 0.5,
        "sample_weight": torch.rand(rows),
        "q": torch.randn(rows, K).softmax(1),
    }
    before = {name: x.clone() for name, x in inputs.items()}
    options = {name: inputs[name] for name in ("weight", "class_mask", "row_mask", "sample_weight")}
    for target in ("y", "q"):
        leaf = inputs["z"].detach().requires_grad_()
        loss = cross_entropy(leaf, inputs[target], label_smoothing=Others(0.1) if target == "y" else 0.0, **options)
        loss.backward(retain_graph=True)
        loss.backward()
    assert [name for name in inputs if not torch.equal(inputs[name], before[name])] == []


STEP = 1e-5


def small(kind: str) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(3)
    z = torch.randn(3, 4, generator=g, dtype=torch.float64)
    y = torch.randint(4, (3,), generator=g)
    return z, y if kind == "indices" else torch.randn(3, 4, generator=g, dtype=torch.float64).softmax(1)


@pytest.fixture(params=["indices", "probabilities"])
def loss_and_logits(request: pytest.FixtureRequest) -> tuple[Callable[[Tensor], Tensor], Tensor]:
    z, target = small(request.param)
    weight = torch.linspace(0.5, 2, 4, dtype=torch.float64)
    smoothing = 0.2 if request.param == "indices" else 0.0
    return lambda x: cross_entropy(x, target, weight, label_smoothing=smoothing), z


def slopes(f: Callable[[Tensor], Tensor], z: Tensor) -> Tensor:
    """The derivatives of f by every entry of z, as central differences: f's shape, then z's."""
    found = []
    for i in range(z.numel()):
        step = torch.zeros(z.numel(), dtype=z.dtype)
        step[i] = STEP
        up, down = (f(z + sign * step.view_as(z)) for sign in (1, -1))
        found.append((up - down) / (2 * STEP))
    return torch.stack(found, -1).reshape(*found[0].shape, *z.shape)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")
def test_T26_forward_mode_has_the_right_tangent(loss_and_logits: Any) -> None:
    loss, z = loss_and_logits
    v = torch.randn_like(z)
    expected = (slopes(loss, z) * v).sum()
    torch.testing.assert_close(torch.func.jvp(loss, (z,), (v,))[1], expected, rtol=1e-7, atol=1e-9)
    with torch.autograd.forward_ad.dual_level():
        dual = loss(torch.autograd.forward_ad.make_dual(z, v))
        tangent = torch.autograd.forward_ad.unpack_dual(dual).tangent
    torch.testing.assert_close(tangent, expected, rtol=1e-7, atol=1e-9)
    assert abs(expected) > 1e-3


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")
def test_T26_second_derivatives(loss_and_logits: Any) -> None:
    loss, z = loss_and_logits
    expected = slopes(lambda x: torch.func.grad(loss)(x), z)
    tolerance = {"rtol": 1e-6, "atol": 1e-8}
    torch.testing.assert_close(torch.func.hessian(loss)(z), expected, **tolerance)
    torch.testing.assert_close(torch.autograd.functional.hessian(loss, z), expected, **tolerance)
    torch.testing.assert_close(torch.func.jacrev(torch.func.jacrev(loss))(z), expected, **tolerance)
    assert torch.autograd.gradgradcheck(loss, z.clone().requires_grad_())


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")
def test_T26_gradients_of_single_samples() -> None:
    z, y = small("indices")
    single = torch.func.vmap(torch.func.grad(lambda x, t: cross_entropy(x, t, label_smoothing=0.2)))(z, y)
    for i in range(len(y)):
        torch.testing.assert_close(single[i], agree(z[i], y[i], label_smoothing=0.2).gradient)
    values = torch.func.vmap(lambda x, t: cross_entropy(x, t, label_smoothing=0.2))(z, y)
    torch.testing.assert_close(values, cross_entropy(z, y, label_smoothing=0.2, reduction="none"))


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")
def test_T26_an_ensemble_of_models() -> None:
    weights, x = torch.randn(3, 4, K, dtype=torch.float64), torch.randn(6, 4, dtype=torch.float64)
    y = torch.randint(K, (6,))
    found = torch.func.vmap(torch.func.grad(lambda w: cross_entropy(x @ w, y, label_smoothing=0.1)))(weights)
    for w, gradient in zip(weights, found, strict=True):
        torch.testing.assert_close(gradient, x.T @ agree(x @ w, y, label_smoothing=0.1).gradient)


CALLS: dict[str, dict[str, Any]] = {
    "hard": {},
    "smoothed": {"label_smoothing": 0.1},
    "others": {"label_smoothing": Others(0.1)},
    "weighted": {"label_smoothing": 0.1, "weight": torch.ones(K, device="meta")},
    "masked": {"mask_below": -9.0, "class_mask": torch.ones(K, dtype=torch.bool, device="meta")},
    "rows": {"row_mask": torch.ones(6, dtype=torch.bool, device="meta"), "empty": "zero"},
    "samples": {"sample_weight": torch.ones(6, device="meta")},
    "items": {"num_items": torch.ones((), device="meta")},
    "sum": {"reduction": "sum"},
}


@pytest.mark.parametrize("target", [torch.int64, torch.uint8, torch.float32])
@pytest.mark.parametrize("name", CALLS)
def test_T27_no_value_is_asked_for_off_the_cpu(name: str, target: torch.dtype) -> None:
    """Tensors of the meta device refuse `.item()`, `bool()` and `.nonzero()`; what a GPU does, only a GPU shows."""
    z = torch.randn(6, K, device="meta", requires_grad=True)
    y = torch.zeros((6, K) if target.is_floating_point else (6,), device="meta").to(target)
    loss = cross_entropy(z, y, **CALLS[name])
    (gradient,) = grad(loss, z)
    assert gradient.shape == z.shape


def test_T27_the_meta_device_does_refuse() -> None:
    for look in (Tensor.item, bool, Tensor.nonzero):
        with pytest.raises((RuntimeError, NotImplementedError)):
            look(torch.ones((), device="meta"))


@pytest.mark.parametrize("shape", [(3 << 20, 1 << 10), (70_000, 50_000), (1, 1 << 32), (2, 4, 1 << 16, 1 << 14)])
def test_T30_addresses_of_more_than_two_to_the_31(shape: tuple[int, ...]) -> None:
    """By simulation: the kernel cuts with slices, whose bounds and addresses are 64 bits wide in torch.

    The storage is one number that every index reads, so the cuts can be made without the memory.
    """
    z = torch.zeros(()).expand(shape)
    assert z.numel() > 1 << 31
    last = None
    rows = 0
    for last in portable.blocks(z):
        cut = last.logits(z)
        rows += cut.numel() // shape[1]
        if rows > 2_000_000:
            break
        assert 0 < cut.numel() <= max(portable.BLOCK, shape[1])
    assert last is not None


def test_T30_blocks_beyond_two_to_the_31_are_where_they_belong() -> None:
    z = torch.arange(1 << 16).view(-1, 1).expand(1 << 16, 1 << 16)
    starts = [block.place[0].start for block in portable.blocks(z)]
    assert starts == list(range(0, 1 << 16, max(1, portable.BLOCK >> 16)))
    last = z[starts[-1] :]
    assert int(last[0, 0]) == starts[-1] and starts[-1] * (1 << 16) > 1 << 31


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
