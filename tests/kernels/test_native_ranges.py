"""What the compiled kernel reads off a row's sums: logits that share a large part, that are far, very low or too high;
and gradients too large for any cache, which are written past it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from judge import UNIT, numbers
from oracle import EXTENDED
from oracle import cross_entropy as oracle
from torch import Tensor

from labelsmooth import cross_entropy
from labelsmooth._notices import forget
from labelsmooth.kernels import _compiled
from labelsmooth.schemes import Prior

OPENED = _compiled.load()
pytestmark = [
    pytest.mark.skipif(isinstance(OPENED, _compiled.Missing), reason=f"no compiled kernel: {OPENED}"),
    pytest.mark.skipif(not EXTENDED, reason="longdouble is no wider than float64 on this machine"),
]


def found(z: Tensor, y: Tensor, **options: object) -> tuple[Tensor, Tensor]:
    leaf = z.clone().requires_grad_()
    losses = cross_entropy(leaf, y, reduction="none", kernel="native_cpu", **options)  # type: ignore[arg-type]
    return losses.detach(), torch.autograd.grad(losses.sum(), leaf)[0]


def agrees(z: Tensor, y: Tensor, amount: float = 0.1) -> None:
    losses, gradient = found(z, y, label_smoothing=amount)
    answer = oracle(numbers(z), y.numpy(), amount=amount, reduction="none")
    wide = torch.float64 if z.dtype == torch.float64 else torch.float32
    assert (np.abs(numbers(losses) - answer.loss) <= UNIT[wide] * (1 + np.abs(answer.loss))).all()
    largest = np.abs(answer.gradient).max(1, keepdims=True)
    room = UNIT[z.dtype] * (np.abs(answer.gradient) + 0.01 * largest)
    assert (np.abs(numbers(gradient) - answer.gradient) <= room + 1e-38).all()


@pytest.mark.parametrize("K", [3, 21, 100, 113, 1000])
@pytest.mark.parametrize("share", [31.0, -33.0, 999.0, 1001.0, -5e4, 1e9])
def test_logits_that_share_a_large_part(instruction_set: str, K: int, share: float) -> None:
    g = torch.Generator().manual_seed(K)
    z, y = torch.randn(70, K, generator=g) * 3 + share, torch.randint(K, (70,), generator=g)
    agrees(z, y)
    agrees(z[:33].double(), y[:33])
    agrees(z.T.contiguous().T, y)


@pytest.mark.parametrize("K", [3, 40, 100, 113])
@pytest.mark.parametrize("share", [997.0, -997.0])
def test_a_large_share_costs_no_precision(instruction_set: str, K: int, share: float) -> None:
    g = torch.Generator().manual_seed(K)
    z, y = torch.randn(320, K, generator=g) * 0.1 + share, torch.randint(K, (320,), generator=g)
    losses, _ = found(z, y, label_smoothing=0.9)
    answer = oracle(numbers(z), y.numpy(), amount=0.9, reduction="none")
    assert np.abs(numbers(losses) - answer.loss).max() <= 3e-7 * np.abs(answer.loss).max()


@pytest.mark.parametrize("K", [3, 40, 113, 1000])
@pytest.mark.parametrize("low", [-1e4, -1e9, -9e29, -2e30, -3e38])
def test_a_few_logits_are_very_low(instruction_set: str, K: int, low: float) -> None:
    g = torch.Generator().manual_seed(K)
    z, y = torch.randn(70, K, generator=g), torch.randint(1, K, (70,), generator=g)
    z[::3, 0] = low
    losses, gradient = found(z, y)
    answer = oracle(numbers(z), y.numpy(), amount=0.0, reduction="none")
    assert (np.abs(numbers(losses) - answer.loss) <= UNIT[torch.float32] * (1 + np.abs(answer.loss))).all()
    assert not gradient[::3, 0].any()


@pytest.mark.parametrize("K", [3, 40, 113, 1000])
@pytest.mark.parametrize("odd", [torch.nan, torch.inf])
def test_what_is_not_finite_spoils_its_row_alone(instruction_set: str, K: int, odd: float) -> None:
    g = torch.Generator().manual_seed(K)
    z, y = torch.randn(70, K, generator=g), torch.randint(K, (70,), generator=g)
    plain = found(z, y, label_smoothing=0.1)
    z[5, K - 1] = odd
    spoiled = found(z, y, label_smoothing=0.1)
    others = torch.arange(70) != 5
    for before, after in zip(plain, spoiled, strict=True):
        torch.testing.assert_close(before[others], after[others], rtol=2e-6, atol=1e-7)
        assert not after[5].isfinite().any()


@pytest.mark.parametrize("K", [3, 41, 101, 113, 1001])
def test_the_label_is_at_its_target_and_the_others_are_not(instruction_set: str, K: int) -> None:
    """Half of the others at 1.6 times their target, half at 0.4 times."""
    g = torch.Generator().manual_seed(K)
    y, target = torch.randint(K, (70,), generator=g), 0.9 + 0.1 / K
    share = torch.tensor([1.6, 0.4]).double().repeat(70, K // 2 + 1)[:, : K - 1] * (1 - target) / (K - 1)
    p = torch.full((70, K), target, dtype=torch.float64)
    p[torch.arange(K) != y.unsqueeze(1)] = share.flatten()
    z = (p.log() + torch.randn(70, 1, generator=g)).float()
    agrees(z, y)
    agrees(z.T.contiguous().T, y)


@pytest.mark.parametrize("K", [50, 113, 200])
def test_the_others_are_at_their_target_and_the_label_is_not(instruction_set: str, K: int) -> None:
    g = torch.Generator().manual_seed(K)
    z, y = torch.randn(70, K, generator=g) * 1e-5, torch.randint(K, (70,), generator=g)
    z[torch.arange(70), y] += float(np.log(2))
    agrees(z, y, amount=0.999)


@pytest.mark.parametrize("K", [21, 1000])
def test_half_types_are_rounded_not_cut_off(instruction_set: str, K: int) -> None:
    g = torch.Generator().manual_seed(K)
    z, y = torch.randn(200, K, generator=g).bfloat16(), torch.randint(K, (200,), generator=g)
    (short, wide) = (found(x, y, label_smoothing=0.1)[1] for x in (z, z.float()))
    assert (short == wide.bfloat16()).double().mean() > 0.99


PRIOR = torch.linspace(0.5, 1.5, 50_001) / 50_001


@pytest.mark.parametrize("scheme", [0.1, Prior(0.1, PRIOR)])
def test_beyond_any_cache_the_gradient_has_the_same_bits(scheme: object) -> None:
    """68 MB of it, in rows that begin anywhere."""
    g = torch.Generator().manual_seed(1)
    z, y = torch.randn(340, 50_001, generator=g), torch.randint(50_001, (340,), generator=g)
    _, whole = found(z, y, label_smoothing=scheme)
    for rows in (slice(0, 3), slice(171, 175), slice(337, 340)):
        assert torch.equal(whole[rows], found(z[rows], y[rows], label_smoothing=scheme)[1])


def test_beyond_any_cache_maps_have_the_same_bits() -> None:
    g = torch.Generator().manual_seed(1)
    z, y = torch.randn(2, 21, 640, 640, generator=g), torch.randint(21, (2, 640, 640), generator=g)
    y[1, 3, 40:90] = -100
    _, whole = found(z, y, label_smoothing=0.1)
    assert torch.equal(whole[1:], found(z[1:], y[1:], label_smoothing=0.1)[1])
    assert not whole[1, :, 3, 40:90].any()


@pytest.mark.parametrize("K", [3, 40, 113, 1000])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_T3_masks_written_as_the_lowest_number_are_seen_in_the_sums(
    instruction_set: str, dtype: torch.dtype, K: int
) -> None:
    z = torch.randn(70, K, generator=torch.Generator().manual_seed(K)).to(dtype)
    z[33, K // 2] = torch.finfo(dtype).min
    forget()
    with pytest.warns(UserWarning, match="mask_below="):
        cross_entropy(z, torch.zeros(70, dtype=torch.int64), label_smoothing=0.1, kernel="native_cpu")
