"""Real ranks: processes that talk by gloo. One start for a whole list of checks, since starting is what takes time."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import traceback
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

PRELOADED = ["torch", "torch._dynamo", "torch.distributed.tensor.parallel", "torch.nn.parallel", "labelsmooth.parallel"]
Work = Callable[[int, int], Any]


def in_world(size: int, work: Work, folder: Path, *, seconds: float = 120) -> list[Any]:
    """What `work(rank, size)` returns on each of `size` ranks; an AssertionError with the tracebacks if any."""
    processes = start(size, work, folder)
    for process in processes:
        process.join(seconds)
    hanging = [rank for rank, process in enumerate(processes) if process.is_alive()]
    for rank in hanging:
        processes[rank].kill()
    assert not hanging, f"ranks {hanging} were still at work after {seconds} s"
    said = [outcome(folder, rank) for rank in range(size)]
    errors = [text for text, _ in said if text]
    assert not errors, "\n".join(errors)
    return [value for _, value in said]


def start(size: int, work: Work, folder: Path) -> list[Any]:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    processes = [context.Process(target=_rank, args=(rank, size, work, str(folder))) for rank in range(size)]
    for process in processes:
        process.start()
    return processes


def outcome(folder: Path, rank: int) -> tuple[str, Any]:
    """The traceback, or "" and what was returned; a rank that left nothing was killed."""
    path = folder / f"rank-{rank}"
    return pickle.loads(path.read_bytes()) if path.exists() else ("killed", None)


def _rank(rank: int, size: int, work: Work, folder: str) -> None:
    os.environ["OMP_NUM_THREADS"] = "1"
    import torch
    from torch import distributed

    torch.set_num_threads(1)
    store = f"file://{folder}/store"
    distributed.init_process_group("gloo", store, rank=rank, world_size=size, timeout=timedelta(seconds=60))
    try:
        said: tuple[str, Any] = ("", work(rank, size))
    except Exception:
        said = (f"rank {rank}: {traceback.format_exc()}", None)
    (Path(folder) / f"rank-{rank}").write_bytes(pickle.dumps(said))
    if not said[0]:
        distributed.destroy_process_group()
