"""From the options to the table: check, time in turns, measure memory."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from statistics import median

import torch

from .._checks import UsageError
from .._progress import say, track
from ..options import BenchOptions
from . import _beside, _machine, _sizes
from ._checked import fault
from ._contestants import CONTESTANTS, Contestant, Loss, absent
from ._inputs import Inputs, make, truth
from ._report import Line, Report
from ._timing import Run, in_turns, ratio, stepper

BASELINE = "torch"
BIG = 1 << 22
"""Logits from which the memory of a call is worth a line."""


def bench(options: BenchOptions | None = None) -> Report:
    """Time labelsmooth beside torch and whoever else is here, at the sizes asked for.

    Raises:
        UsageError: an unknown size, fewer than one thread or round.
    """
    options = options or BenchOptions()
    device = _device(options)
    sizes, threads = _sizes.chosen(options.size, options.quick), _threads(options)
    machine = _machine.machine(device)
    warnings = [text for text in (_machine.busy(machine["load"], machine["cores"]),) if text]
    for text in warnings:
        say(text)
    lines: list[Line] = []
    before = torch.get_num_threads()
    try:
        with track(len(sizes), "sizes") as step:
            for size in sizes:
                lines += _at_size(size, threads, options, device)
                step()
    finally:
        torch.set_num_threads(before)
    settings = {"rounds": _rounds(options), "threads": threads, "device": device, "label_smoothing": _sizes.AMOUNT}
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Report(now, machine, _machine.versions(), settings, warnings, lines)


def _device(options: BenchOptions) -> str:
    if options.device not in ("cpu", "cuda"):
        raise UsageError(f"--device must be cpu or cuda; got {options.device!r}")
    if options.device == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device cuda: torch sees no GPU here")
    return options.device


def _threads(options: BenchOptions) -> list[int]:
    threads = options.threads or tuple(sorted({1, min(2, _machine.cores()), _machine.cores()}))
    if min(threads) < 1:
        raise UsageError(f"--threads must be at least 1; got {min(threads)}")
    return list(threads)


def _rounds(options: BenchOptions) -> int:
    rounds = options.rounds if options.rounds is not None else 5 if options.quick else 15
    if rounds < 1:
        raise UsageError(f"--rounds must be at least 1; got {rounds}")
    return rounds


def _at_size(size: _sizes.Size, threads: list[int], options: BenchOptions, device: str) -> list[Line]:
    inputs = make(size, device)
    ready, lines = _checked(inputs, options, device)
    memory = _memory(size, [each.name for each in ready], options, device)
    for count in threads if device == "cpu" else threads[-1:]:
        torch.set_num_threads(count)
        lines += _timed(inputs, ready, count, _rounds(options), memory)
    return lines


def _checked(inputs: Inputs, options: BenchOptions, device: str) -> tuple[dict[Contestant, Loss], list[Line]]:
    """The contestants whose results are right, ready to run; and lines about the others."""
    ready: dict[Contestant, Loss] = {}
    left: list[Line] = []
    expected = {}
    for each in CONTESTANTS:
        if each.sits_out(inputs.size) is not None:
            continue
        reason = _why_not(each, options, device)
        if reason is not None:
            left.append(Line(inputs.size.name, 0, each.name, "absent", reason))
            continue
        if each.spread not in expected:
            expected[each.spread] = truth(inputs, each.spread)
        loss = each.build(inputs)
        wrong = fault(each, loss, inputs, expected[each.spread])
        if wrong is None:
            ready[each] = loss
        else:
            left.append(Line(inputs.size.name, 0, each.name, "wrong", wrong))
    return ready, left


def _why_not(contestant: Contestant, options: BenchOptions, device: str) -> str | None:
    if contestant.name == "torch.compile" and not options.compile:
        return "it takes about ten seconds to start; ask for it with --compile"
    if contestant.huge_pages and (device != "cpu" or _machine.huge_pages() in (None, "never")):
        return "there are no huge pages to ask for here"
    return absent(contestant, device)


def _timed(
    inputs: Inputs, ready: dict[Contestant, Loss], threads: int, rounds: int, memory: dict[str, float | None]
) -> list[Line]:
    with ExitStack() as stack:
        runs: dict[str, Run] = {}
        for each, loss in ready.items():
            beside = _beside.with_huge_pages(each.name, inputs.size.name, threads) if each.huge_pages else None
            runs[each.name] = stepper(loss, inputs) if beside is None else stack.enter_context(beside)
        seconds = in_turns(runs, rounds)
    lines = []
    for name, found in seconds.items():
        times = ratio(seconds[BASELINE], found) if BASELINE in seconds else None
        ms = 1e3 * median(found)
        lines.append(Line(inputs.size.name, threads, name, "right", None, ms, times, memory.get(name)))
    return lines


def _memory(size: _sizes.Size, names: list[str], options: BenchOptions, device: str) -> dict[str, float | None]:
    if size.entries < BIG or options.quick or device != "cpu":
        return {}
    measured = [name for name in names if "huge pages" not in name and "compile" not in name]
    return dict(zip(measured, _beside.added_memory([(name, size.name) for name in measured]), strict=True))
