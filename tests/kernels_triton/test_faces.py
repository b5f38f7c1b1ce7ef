"""What the Triton kernel says without a GPU, and that nothing loads Triton before it is needed."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from labelsmooth.kernels import triton_gpu
from labelsmooth.targets import SoftTargets

LABELS = torch.tensor([0, 2])
HARD = SoftTargets(labels=LABELS, on_label=1.0)


def test_a_cpu_tensor_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    assert triton_gpu.refuses(torch.zeros(2, 3), HARD) == "the logits are on cpu; this kernel is for CUDA"


@pytest.mark.parametrize(
    "targets, reason",
    [
        (HARD.changed(on_background=torch.zeros(2, 3)), "on_background is given for each class of each row"),
        (
            HARD.changed(keep=torch.ones(2, dtype=torch.bool, device="meta")),
            "keep is on meta and the logits are on cpu",
        ),
        (HARD.changed(on_label=torch.ones((), requires_grad=True)), "something other than the logits needs a gradient"),
    ],
)
def test_each_refusal_names_its_reason(targets: SoftTargets, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    assert triton_gpu.refuses(torch.zeros(2, 3), targets) == reason


def test_an_amount_that_lies_on_the_cpu_is_no_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    monkeypatch.setattr(triton_gpu, "_without_triton", lambda: None)
    assert triton_gpu.refuses(torch.zeros(2, 3), HARD.changed(on_label=torch.tensor(0.9))) is None


def test_a_missing_triton_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    monkeypatch.setattr(triton_gpu, "find_spec", lambda name: None)
    triton_gpu._without_triton.cache_clear()
    assert "pip install triton" in str(triton_gpu.refuses(torch.zeros(2, 3), HARD))
    triton_gpu._without_triton.cache_clear()


@pytest.mark.parametrize(
    "K, classes_apart, expected", [(10, 1, (128, 16)), (32_000, 1, (1, 4096)), (21, 4096, (64, 32))]
)
def test_tiles_fit_the_memory_layout(K: int, classes_apart: int, expected: tuple[int, int]) -> None:
    strides = (K * classes_apart, classes_apart, 1)
    assert triton_gpu.tile(K, triton_gpu._Strided(None, *strides)) == expected


def test_triton_is_not_loaded_by_a_loss_on_the_cpu() -> None:
    program = (
        "import sys, torch, labelsmooth.kernels.triton_gpu\n"
        "from labelsmooth import cross_entropy\n"
        "cross_entropy(torch.randn(2, 3, requires_grad=True), torch.tensor([0, 1]), label_smoothing=0.1).backward()\n"
        "print('triton' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "False"
