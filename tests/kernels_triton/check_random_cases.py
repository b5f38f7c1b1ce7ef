"""Run by `test_interpreted.py` in a process of its own: seeded random calls of the loss through the Triton kernel.

The gates are those of every kernel; float32 gradients may err besides by 8 roundings of the numbers that they are the
difference of, because this kernel computes in float32 where the CPU's kernels have float64.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from cases import Case, draw
from judge import Failure, compare, gradient_limit, judge, library, reference
from oracle import EXTENDED, Answer

SEED, CASES, LARGEST = 5, 60, 1000


def shortfall(case: Case, answer: Answer) -> Failure | None:
    failure = judge(case, library, answer)
    if failure is None or case.dtype != torch.float32 or failure.what != "gradient: value":
        return failure
    room = gradient_limit(answer.gradient, case.dtype) + 8 * 2.0**-24 * np.nan_to_num(answer.terms)
    return compare("gradient", library(case).gradient, answer.gradient, room, case.dtype)


@pytest.mark.skipif(not EXTENDED, reason="longdouble is no wider than float64 on this machine")
def test_random_cases() -> None:
    cases = [case for number in range(CASES) if (case := draw(SEED, number)).exact.size <= LARGEST]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the cases hold what the loss rightly warns of
        failures = [f"{case}\n    {failure}" for case in cases if (failure := shortfall(case, reference(case)))]
    assert len(cases) > 40
    assert not failures, "\n".join(failures)
