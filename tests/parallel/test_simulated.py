"""Class shards against the oracle: random cases cut into any number of uneven shards, ranks being threads (T22)."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from cases import Case, draw
from judge import Result, arguments, judge
from oracle import EXTENDED
from parallel.simulated import Simulated, cuts, on_ranks

from labelsmooth import parallel

pytestmark = pytest.mark.skipif(not EXTENDED, reason="longdouble is no wider than float64 on this machine")

SEED = 22
CASES = {2: 40, 3: 40, 7: 20, 32: 2}
"""How many on so many ranks. `python benchmarks/parallel_sweep.py` runs further ones."""


def fits(case: Case) -> bool:
    """Class indices of a batch: what class shards take."""
    return case.kind["target"] == "indices" and case.kind["rank"] != "(K,)" and case.K <= 5000


def in_shards(case: Case, size: int) -> Result:
    """Loss and gradient of a case whose classes lie on `size` ranks."""
    parts = case.logits.detach().split(cuts(case.K, size, case.number), case.axis)
    call = arguments(case)
    mask = call.pop("class_mask", None)
    masks: Any = [None] * size
    if mask is not None:
        masks = mask.split([part.shape[case.axis] for part in parts], case.axis if mask.ndim > 1 else 0)

    def run(world: Simulated) -> tuple[torch.Tensor, torch.Tensor]:
        z = parts[world.rank].requires_grad_()
        loss = parallel.cross_entropy(z, case.target, group=world, class_mask=masks[world.rank], **call)
        upstream = torch.as_tensor(np.asarray(case.options["upstream"]), dtype=loss.dtype)
        return loss.detach(), torch.autograd.grad(loss, z, upstream.expand(loss.shape))[0]

    found = on_ranks(size, run)
    for loss, _ in found:
        torch.testing.assert_close(loss, found[0][0], rtol=0, atol=0, equal_nan=True)
    return Result(found[0][0], torch.cat([gradient for _, gradient in found], case.axis))


def faults(size: int, cases: int) -> list[str]:
    """The cases that fail when their classes lie on so many ranks."""
    failures, tried, number = [], 0, 1000 * size
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the cases hold what the loss rightly warns of
        while tried < cases:
            number += 1
            case = draw(SEED, number)
            if not fits(case):
                continue
            tried += 1
            failure = judge(case, lambda case: in_shards(case, size))
            if failure is not None:
                failures.append(f"{case}\n    {failure.what}: {failure.detail}")
    return failures


@pytest.mark.parametrize("size", CASES)
def test_T22_random_cases_in_shards(size: int) -> None:
    failures = faults(size, CASES[size])
    assert not failures, "\n".join([f"{len(failures)} of {CASES[size]} cases fail", *failures[:10]])
