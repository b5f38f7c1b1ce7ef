"""The Triton kernel on a GPU: its bandwidth against a copy, and its time against other losses.

    python benchmarks/triton_speed.py

Forward and backward read the logits twice and write the gradient once; a copy reads and writes once. 100 % of copy
bandwidth would be 1.5 times the time of a copy. Every loss is checked against this one before it is timed; turns are
interleaved, figures are medians. Peers: torch eager, torch.compile, and Liger and flash-attention where installed.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable
from importlib.util import find_spec

import torch
from torch import Tensor
from torch.nn import functional as F

from labelsmooth.kernels import triton_gpu
from labelsmooth.targets import SoftTargets

SIZES = [
    (8192, 128_256, torch.bfloat16),
    (8192, 32_000, torch.bfloat16),
    (8192, 32_000, torch.float32),
    (65_536, 1000, torch.float32),
]
EPSILON, TURNS = 0.1, 20

Loss = Callable[[Tensor, Tensor], Tensor]


def ours(z: Tensor, y: Tensor) -> Tensor:
    targets = SoftTargets(labels=y, on_label=1 - EPSILON, on_background=EPSILON, spread="uniform")
    return triton_gpu.total(z, targets, len(y))


def eager(z: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(z.float(), y, label_smoothing=EPSILON)


def peers() -> dict[str, Loss]:
    found: dict[str, Loss] = {"torch": eager, "torch.compile": torch.compile(eager)}
    if find_spec("liger_kernel"):
        from liger_kernel.transformers.functional import liger_cross_entropy

        found["Liger"] = lambda z, y: liger_cross_entropy(z, y, label_smoothing=EPSILON)
    if find_spec("flash_attn"):
        from flash_attn.ops.triton.cross_entropy import cross_entropy_loss

        found["flash-attention"] = lambda z, y: cross_entropy_loss(z, y, label_smoothing=EPSILON)[0].mean()
    return found


def milliseconds(work: Callable[[], object]) -> float:
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    start.record()
    work()
    end.record()
    torch.cuda.synchronize()
    return float(start.elapsed_time(end))


def step(loss: Loss, z: Tensor, y: Tensor) -> Callable[[], object]:
    """Forward and backward. A peer that writes its gradient into the logits is given them as they are then."""
    return lambda: torch.autograd.grad(loss(z, y), z)


def measure(n: int, K: int, dtype: torch.dtype) -> None:
    z = torch.randn(n, K, device="cuda").to(dtype).requires_grad_()
    y = torch.randint(K, (n,), device="cuda")
    expected, copy = ours(z, y).item(), torch.empty_like(z)
    works: dict[str, Callable[[], object]] = {"copy": lambda: copy.copy_(z.detach()), "labelsmooth": step(ours, z, y)}
    for name, loss in peers().items():
        value = loss(z, y).item()
        if abs(value - expected) > 1e-3 * expected:
            print(f"  {name}: {value:.5f} where this library has {expected:.5f}; timed all the same")
        works[name] = step(loss, z, y)
    times: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(TURNS + 3):
        for name, work in works.items():
            took = milliseconds(work)
            if turn >= 3:
                times[name].append(took)
    report(n, K, dtype, {name: statistics.median(of) for name, of in times.items()})


def report(n: int, K: int, dtype: torch.dtype, times: dict[str, float]) -> None:
    limit = 1.5 * times["copy"]
    print(f"{n} × {K} {dtype}: copy {times['copy']:.3f} ms")
    for name, took in times.items():
        if name != "copy":
            print(f"  {name:16} {took:8.3f} ms  {100 * limit / took:5.1f} % of copy bandwidth")


def main() -> int:
    if not torch.cuda.is_available():
        print("This benchmark needs a CUDA GPU, and torch sees none here.", file=sys.stderr)
        return 1
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}")
    for n, K, dtype in SIZES:
        measure(n, K, dtype)
    return 0


if __name__ == "__main__":
    sys.exit(main())
