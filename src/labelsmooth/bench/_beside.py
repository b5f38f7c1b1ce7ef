"""Processes beside this one: torch with huge pages, timed on request; and the memory of one call, measured afresh."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from ._contestants import CONTESTANTS, named
from ._inputs import make
from ._sizes import chosen
from ._timing import Run, stepper

STATUS = Path("/proc/self/status")


@contextmanager
def with_huge_pages(name: str, size: str, threads: int) -> Iterator[Run]:
    """A function that times a contestant in a process whose large tensors lie on huge pages."""
    environment = {**os.environ, "THP_MEM_ALLOC_ENABLE": "1"}
    with _process("serve", name, size, str(threads), environment=environment) as asked:

        def run(repeats: int) -> float:
            return float(_answer(asked, str(repeats)))

        yield run


def added_memory(pairs: list[tuple[str, str]]) -> list[float | None]:
    """MiB that one call of each (contestant, size) adds to the peak of a fresh process; None where it is not known."""
    if not STATUS.exists() or not hasattr(os, "fork") or not pairs:
        return [None] * len(pairs)
    with _process("memory") as asked:
        return [_number(_answer(asked, json.dumps(pair))) for pair in pairs]


def _number(text: str) -> float | None:
    return None if text == "none" else float(text)


@contextmanager
def _process(*arguments: str, environment: dict[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", __spec__.name, *arguments]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environment, **pipes) as started:
        try:
            yield started
        finally:
            started.stdin.close()  # type: ignore[union-attr]


def _answer(process: subprocess.Popen[str], question: str) -> str:
    process.stdin.write(question + "\n")  # type: ignore[union-attr]
    process.stdin.flush()  # type: ignore[union-attr]
    answer = process.stdout.readline().strip()  # type: ignore[union-attr]
    if not answer:
        raise OSError(None, "the process beside this one has ended; is there enough memory?", "bench")
    return answer


def serve(name: str, size: str, threads: str) -> None:
    """Answer each number of repetitions with the seconds of one."""
    torch.set_num_threads(int(threads))
    inputs = make(chosen((size,), False)[0])
    run = stepper(named(name).build(inputs), inputs)
    for line in sys.stdin:
        print(run(int(line)), flush=True)


def measure() -> None:
    """Answer each contestant and size with the MiB it takes, measured in a fork that has run nothing yet."""
    for line in sys.stdin:
        reading, writing = os.pipe()
        if os.fork() == 0:
            try:
                os.write(writing, str(_added(*json.loads(line))).encode())
            except (OSError, MemoryError, RuntimeError) as error:
                print(f"labelsmooth: memory of {line.strip()} is not known: {error}", file=sys.stderr)
            finally:
                os._exit(0)
        os.close(writing)
        os.wait()
        print(os.read(reading, 100).decode() or "none", flush=True)
        os.close(reading)


def _added(name: str, size: str) -> float:
    """The peak after one call less the peak before it, when the inputs and torch's threads are there already."""
    contestant, asked = named(name), chosen((size,), False)[0]
    small = make(chosen(("8x10",) if asked.features is None else ("head-16x8x50",), False)[0])
    stepper(contestant.build(small), small)(1)
    inputs = make(asked)
    run = stepper(contestant.build(inputs), inputs)
    before = forgotten_peak()
    run(1)
    return (peak() - before) / 1024


def forgotten_peak() -> int:
    """The peak after Linux was told to forget it: what is there now. Making the inputs may have taken more."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return peak()


def peak() -> int:
    """KiB; getrusage would count what this process was forked from."""
    return next(int(line.split()[1]) for line in STATUS.read_text("ascii").splitlines() if line.startswith("VmHWM"))


if __name__ == "__main__":
    _ = CONTESTANTS
    serve(*sys.argv[2:]) if sys.argv[1] == "serve" else measure()
