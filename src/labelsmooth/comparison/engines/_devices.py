"""CUDA devices for worker processes: each sees one of them, in turn."""

from __future__ import annotations

import os

import torch


def shared_out(workers: int) -> list[str | None]:
    """For each worker what its CUDA_VISIBLE_DEVICES is to be; None where there is no device.

    The devices that this process may see are the ones that are shared out.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    count = torch.cuda.device_count()
    if count == 0:
        return [None] * workers
    names = visible.split(",")[:count] if visible else [str(place) for place in range(count)]
    return [names[place % len(names)].strip() for place in range(workers)]
