"""A rank that is killed, or stands still, in the middle of a reduction: the others say so soon (T22)."""

from __future__ import annotations

import os
import signal
import time
from datetime import timedelta
from pathlib import Path

import pytest
import torch
from parallel.spawned import outcome, start
from torch import distributed

from labelsmooth import parallel
from labelsmooth.losses.parallel import _world


def dies(rank: int, size: int) -> tuple[float, str]:
    return loses(rank, signal.SIGKILL)


def stands_still(rank: int, size: int) -> tuple[float, str]:
    return loses(rank, signal.SIGSTOP)


def loses(rank: int, how: signal.Signals) -> tuple[float, str]:
    """The last rank ends between its two reductions; how long the others took to say what."""
    group = distributed.new_group(timeout=timedelta(seconds=3))
    z, y = torch.randn(50, 8), torch.arange(50) % 16
    parallel.cross_entropy(z, y, group=group)
    if rank == 1:
        reduce = _world.Processes.reduce

        def ending(self: _world.Processes, x: torch.Tensor, operation: _world.Operation) -> torch.Tensor:
            if operation == "sum":
                os.kill(os.getpid(), how)
            return reduce(self, x, operation)

        _world.Processes.reduce = ending  # type: ignore[method-assign]
    began = time.monotonic()
    with pytest.raises(parallel.PeerLost) as caught:
        parallel.cross_entropy(z, y, group=group)
    return time.monotonic() - began, str(caught.value)


@pytest.mark.parametrize("work", [dies, stands_still])
def test_T22_a_rank_that_is_gone_is_told_by_the_others(work: object, tmp_path: Path) -> None:
    processes = start(2, work, tmp_path)  # type: ignore[arg-type]
    processes[0].join(60)
    alive = processes[0].is_alive()
    for process in processes:
        process.kill()
        process.join()
    assert not alive, "the rank that was left hangs"
    error, said = outcome(tmp_path, 0)
    assert not error, error
    seconds, message = said
    assert seconds < 30
    assert message.startswith("rank 0 of 2 got no answer from another rank of its group while a loss was reduced. ")
    assert "look for the first error in the logs of the other ranks" in message
    assert outcome(tmp_path, 1)[0] == "killed"
