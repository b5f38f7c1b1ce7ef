"""Two processes on one machine: what each finds comes back as files, so that a test can compare them."""

from __future__ import annotations

import json
import os
import socket
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

WORLD = 2
LIMIT = 120


def each_finds(work: Callable[..., Any], *args: Any, folder: Path) -> list[Any]:
    """What `work(*args)` returns in each process, as JSON holds it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # from Python 3.12 on: forking beside threads
        started = (_one, (work, args, folder, port), WORLD)
        running = torch.multiprocessing.start_processes(*started, join=False, start_method="fork")
    end = time.monotonic() + LIMIT
    while not running.join(timeout=1):
        if time.monotonic() > end:
            for process in running.processes:
                process.kill()
            raise TimeoutError(f"two processes did not end in {LIMIT} s")
    return [json.loads((folder / f"{rank}.json").read_text("utf-8")) for rank in range(WORLD)]


def _one(rank: int, work: Callable[..., Any], args: tuple[Any, ...], folder: Path, port: int) -> None:
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(WORLD), "MASTER_ADDR": "127.0.0.1",
                   "MASTER_PORT": str(port), "GLOO_SOCKET_IFNAME": "lo", "ACCELERATE_USE_CPU": "yes"}  # fmt: skip
    torch.set_num_threads(1)
    found = work(*args)
    (folder / f"{rank}.json").write_text(json.dumps(found), encoding="utf-8")
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
