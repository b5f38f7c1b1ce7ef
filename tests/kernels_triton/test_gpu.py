"""What only a GPU can show of the Triton kernel: agreement there, no waiting, CUDA graphs, many elements, speed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor

from labelsmooth.kernels import portable, triton_gpu
from labelsmooth.targets import SoftTargets

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU; this machine has none")

DTYPES = [torch.float32, torch.bfloat16, torch.float16, torch.float64]


def call(n: int, K: int, dtype: torch.dtype = torch.float32, epsilon: float = 0.1) -> tuple[Tensor, SoftTargets]:
    g = torch.Generator("cuda").manual_seed(0)
    z = torch.randn(n, K, generator=g, device="cuda").to(dtype).requires_grad_()
    y = torch.randint(K, (n,), generator=g, device="cuda")
    return z, SoftTargets(labels=y, on_label=1 - epsilon, on_background=epsilon, spread="uniform")


def both(z: Tensor, t: SoftTargets) -> tuple[Tensor, Tensor]:
    losses = triton_gpu.row_losses(z, t)
    return losses.detach(), torch.autograd.grad(losses.sum(), z)[0]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("K", [1, 17, 1000, 4096, 50_257])
def test_agrees_with_the_cpu(K: int, dtype: torch.dtype) -> None:
    z, t = call(16, K, dtype)
    losses, gradient = both(z, t)
    z_cpu = z.detach().cpu().requires_grad_()
    expected = portable.row_losses(z_cpu, t.changed(labels=t.labels.cpu()))  # type: ignore[union-attr]
    torch.testing.assert_close(losses.cpu(), expected.detach(), rtol=2e-6, atol=2e-6)
    torch.testing.assert_close(gradient.cpu(), torch.autograd.grad(expected.sum(), z_cpu)[0])


@pytest.fixture
def _waiting_is_an_error() -> Iterator[None]:
    torch.cuda.set_sync_debug_mode("error")
    yield
    torch.cuda.set_sync_debug_mode("default")


def test_T27_nothing_waits_for_the_device(request: pytest.FixtureRequest) -> None:
    z, t = call(64, 1000)
    both(z, t)  # compiles
    torch.cuda.synchronize()
    request.getfixturevalue("_waiting_is_an_error")
    losses, gradient = both(z, t.changed(on_label=torch.full((64,), 0.9, device="cuda")))
    assert losses.shape == (64,) and gradient.shape == z.shape


def test_a_cuda_graph_holds_forward_and_backward() -> None:
    z, t = call(64, 1000)
    expected = both(z, t)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        captured = both(z, t)
    with torch.no_grad():
        z.neg_()
    graph.replay()
    for got, want, before in zip(captured, both(z, t), expected, strict=True):
        torch.testing.assert_close(got, want, rtol=0, atol=0)
        assert (got != before).any()


def test_T30_more_elements_than_int32_counts() -> None:
    n, K = 70_000, 32_000
    if torch.cuda.mem_get_info()[0] < 3 * n * K * 2:
        pytest.skip("needs 13 GB of free GPU memory")
    z = torch.zeros(n, K, dtype=torch.bfloat16, device="cuda")
    z[-1] = torch.arange(K, device="cuda") % 7
    z.requires_grad_()
    t = SoftTargets(labels=torch.zeros(n, dtype=torch.int64, device="cuda"), on_label=1.0)
    losses, gradient = both(z, t)
    alone = z.detach()[-1:].clone().requires_grad_()
    want = both(alone, t.changed(labels=t.labels[-1:]))  # type: ignore[index]
    torch.testing.assert_close(losses[-1:], want[0], rtol=0, atol=0)
    torch.testing.assert_close(gradient[-1:], want[1], rtol=0, atol=0)


def seconds(work: Callable[[], object], times: int = 10) -> float:
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    work()
    start.record()
    for _ in range(times):
        work()
    end.record()
    torch.cuda.synchronize()
    return float(start.elapsed_time(end)) / times / 1e3


def test_three_passes_of_memory_take_little_more_than_a_copy_and_a_half() -> None:
    z, t = call(8192, 32_000)
    copy = torch.empty_like(z)
    warm = seconds(lambda: copy.copy_(z.detach()))
    assert seconds(lambda: both(z, t)) < 2.5 * warm
