"""Run by `test_compiled.py` in a process of its own: compile both directions for a GPU that is not there.

A stand-in for the driver names the target; nothing is launched, so tensors may be on the CPU.
"""

from __future__ import annotations

import json
from typing import Any

import torch
import triton
from triton.backends.compiler import GPUTarget

from labelsmooth.kernels import _triton_backward, _triton_forward, triton_gpu
from labelsmooth.targets import SoftTargets

HOPPER = GPUTarget("cuda", 90, 32)


class Driver:
    """As much of a driver as compiling asks for."""

    def get_current_target(self) -> GPUTarget:
        return HOPPER

    def get_current_device(self) -> int:
        return 0

    def get_current_stream(self, device: int) -> int:
        return 0


class Compiling:
    """A kernel that is compiled where it would be launched."""

    def __init__(self, kernel: Any) -> None:
        self.kernel = kernel
        self.made: list[Any] = []

    def __getitem__(self, grid: tuple[int, ...]) -> Any:
        return lambda *args, **options: self.made.append(self.kernel.warmup(*args, grid=grid, **options))

    def variants(self) -> int:
        return len({made.hash for made in self.made})


def compile_call(z: torch.Tensor, targets: SoftTargets) -> None:
    _, found = triton_gpu._forward(z, targets)
    triton_gpu._backward(z, found, targets, torch.ones(targets.row_shape()))


def everything(n: int, K: int) -> SoftTargets:
    """Targets with every field at once."""
    return SoftTargets(
        labels=torch.randint(K, (n,)), on_label=torch.rand(n), on_background=torch.tensor(0.1), on_given=0.2,
        given=torch.rand(n, K), spread="by_class", background=torch.rand(K, K), class_weight=torch.rand(K),
        keep=torch.ones(n) > 0, class_mask=torch.ones(n, K) > 0, mask_below=-5.0,
    )  # fmt: skip


def uniform(epsilon: float, *rows: int) -> SoftTargets:
    labels = torch.zeros(rows, dtype=torch.int64)
    return SoftTargets(labels=labels, on_label=1 - epsilon, on_background=epsilon, spread="uniform")


if __name__ == "__main__":
    triton.runtime.driver.set_active(Driver())
    kernels = [Compiling(_triton_forward.forward), Compiling(_triton_backward.backward)]
    _triton_forward.forward, _triton_backward.backward = kernels
    compile_call(torch.randn(8, 32_000, dtype=torch.bfloat16), uniform(0.1, 8))
    long = [kernel.made[-1].asm["ptx"] for kernel in kernels]
    for epsilon in torch.linspace(0, 1, 21).tolist():
        compile_call(torch.randn(8, 32_000, dtype=torch.bfloat16), uniform(epsilon, 8))
    over_a_schedule = [kernel.variants() for kernel in kernels]
    compile_call(torch.randn(2, 21, 16, 16), uniform(0.1, 2, 16, 16))
    compile_call(torch.randn(4, 100), everything(4, 100))
    compile_call(torch.randn(4, 100, dtype=torch.float64), uniform(0.1, 4))
    print(
        json.dumps(
            {
                "over a schedule": over_a_schedule,
                "cubins": [all("cubin" in made.asm for made in kernel.made) for kernel in kernels],
                "wide loads": [ptx.count("ld.global.v4") + ptx.count("v4.b32") for ptx in long],
                "spills": [ptx.count(".local") for ptx in long],
            }
        )
    )
