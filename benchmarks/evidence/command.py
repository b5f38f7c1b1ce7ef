"""The command: measure statements, print their verdicts, on request write docs/evidence."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from types import ModuleType

import torch

from . import pages

SEEDS = 5
README = """# Evidence

What is said here about smoothing, measured again by one command:

    python benchmarks/evidence

Each statement is one page: what was asked, the setting, a picture, every claimed direction with its 95 % interval over
five seeds, and the figures. A direction is *found* when the whole interval says so, *not found* when the whole interval
says otherwise, and *unproven* when it says neither. The same command with `--seeds-from 1000 2000` repeats
everything with other seeds, which draw other data, weights and orders; `--only NAME` measures one statement; `--write`
writes these pages.

{table}

Not found at every offset:

{unsettled}

Small nets on small data: the directions are what counts, the figures are of these settings.

Beside these: [how often the verdict is right](verdict.md) on trained comparisons with known truth, and in
[simulation](../verdict-simulation.md); recorded runs on [images](images.md), [language](language.md), and
[weight decay with dropout](regularisation.md); [mutants](mutants.md) and random cases ([short](random-cases.md),
[long](random-cases-long.md)) of the losses; runs that are [killed, interrupted or out of disk](never-lost.md), and
[hostile input](hostile-input.md).
"""


def names() -> list[str]:
    """The statements, from the files of their folder."""
    return sorted(p.stem.replace("_", "-") for p in (Path(__file__).parent / "statements").glob("[a-z]*.py"))


def statement(name: str) -> ModuleType:
    """The module of a statement."""
    return import_module(f"{__package__}.statements.{name.replace('-', '_')}")


def measured(name: str, offset: int, write: bool) -> pages.Record:
    """One statement at one offset, with the processor seconds it took."""
    torch.set_num_threads(1)
    start, module = time.process_time(), statement(name)
    seeds = range(offset, offset + SEEDS)
    found = module.measure(seeds)
    record = pages.record(found, seeds)
    if write:
        pages.keep(module, offset, record, found)
    return {**record, "seconds": time.process_time() - start}


def run(tasks: Sequence[tuple[str, int]], jobs: int, write: bool) -> Iterator[tuple[str, int, pages.Record]]:
    """Each statement at each offset as it is done; offsets of one statement one after the other, they share files."""
    if jobs == 1:
        for task in tasks:
            yield (*task, measured(*task, write))
        return
    by_name = {name: [task for task in tasks if task[0] == name] for name, _ in tasks}
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for done in as_completed([pool.submit(_in_turn, each, write) for each in by_name.values()]):
            yield from done.result()


def _in_turn(tasks: Sequence[tuple[str, int]], write: bool) -> list[tuple[str, int, pages.Record]]:
    return list(run(tasks, 1, write))


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print, write; 1 when a claimed direction is found to be the other way round."""
    asked = argparse.ArgumentParser(prog=pages.COMMAND, description="Measure again what is said about smoothing.")
    asked.add_argument("--only", nargs="+", choices=names(), help="these statements alone")
    asked.add_argument("--seeds-from", type=int, nargs="+", default=[0], help="the first of five seeds")
    asked.add_argument("--jobs", type=int, default=2, help="processes")
    asked.add_argument("--write", action="store_true", help="write docs/evidence (offsets 0, 1000, 2000 only)")
    asked.add_argument("--pages", action="store_true", help="measure nothing, write the pages from what is stored")
    given = asked.parse_args(words)
    if given.pages:
        return write_pages()
    if given.write and (wrong := set(given.seeds_from) - set(pages.OFFSETS)):
        asked.error(f"--write keeps the offsets {pages.OFFSETS}; got {sorted(wrong)}")
    start, against = time.perf_counter(), 0
    tasks = [(name, offset) for name in given.only or names() for offset in given.seeds_from]
    for name, offset, record in run(tasks, given.jobs, given.write):
        against += _told(f"{name}, seeds from {offset}", record)
        if given.write:
            write_overview()
    print(f"{time.perf_counter() - start:.0f} s")
    return 1 if against else 0


def _told(what: str, record: pages.Record) -> int:
    """Print what was found; how many claims were found to be the other way round."""
    print(f"{what}: {pages.counted(record)} ({record['seconds']:.0f} processor seconds)")
    for claim in record["claims"]:
        print(f"  {claim['verdict']:>9}  {claim['claim']}: {pages.shown(claim['interval'])}", flush=True)
    return sum(claim["verdict"] == pages.NOT_FOUND for claim in record["claims"])


def write_pages() -> int:
    """Every page and the overview, from the figures that are stored."""
    for name in names():
        pages.write(statement(name), pages.stored(name))
    write_overview()
    return 0


def write_overview() -> None:
    """docs/evidence/README.md, from what is stored."""
    modules = [statement(name) for name in names()]
    table, lines = pages.overview(modules), pages.unsettled(modules) or ["- nothing."]
    (pages.FOLDER / "README.md").write_text(README.format(table=table, unsettled="\n".join(lines)), encoding="utf-8")
