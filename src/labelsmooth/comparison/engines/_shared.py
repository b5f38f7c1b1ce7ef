"""A data set that worker processes read from one place in memory, instead of each being sent a copy."""

from __future__ import annotations

import mmap
import os
import pickle
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ...data import Dataset

_WORTH_BYTES = 16 * 2**20


@dataclass(frozen=True)
class Shared:
    """Where the arrays are (offset and length in a file), and everything else of the data set."""

    path: str
    places: tuple[tuple[int, int], ...]
    rest: bytes

    def load(self) -> Dataset:
        """The data set, its arrays in memory that all workers share until one of them writes."""
        with open(self.path, "rb") as file:
            held = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
        made: Dataset = pickle.loads(self.rest, buffers=[held[start : start + size] for start, size in self.places])
        return made


@contextmanager
def shared(dataset: Dataset) -> Iterator[Dataset | Shared]:
    """What to send to workers: large data sets, on Linux, go into a file without a name that ends with this process."""
    buffers: list[pickle.PickleBuffer] = []
    rest = pickle.dumps(dataset, protocol=5, buffer_callback=buffers.append)
    raws = [buffer.raw() for buffer in buffers]
    if sys.platform != "linux" or sum(raw.nbytes for raw in raws) < _WORTH_BYTES:
        yield dataset
        return
    with tempfile.TemporaryFile() as file:
        places = []
        for raw in raws:
            places.append((file.seek(-(-file.tell() // mmap.PAGESIZE) * mmap.PAGESIZE), raw.nbytes))
            file.write(raw)
        file.flush()
        yield Shared(f"/proc/{os.getpid()}/fd/{file.fileno()}", tuple(places), rest)
