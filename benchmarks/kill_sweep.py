"""Runs that are killed, interrupted or meet a full disk, and what is left of them.

    python benchmarks/kill_sweep.py                  everything: about 25 minutes on one core
    python benchmarks/kill_sweep.py --moments 20     only some of it; also --writes, --full, --interrupts N
    python benchmarks/kill_sweep.py --row 20         one run killed again and again until it is through
    python benchmarks/kill_sweep.py --writes --engine processes --most 60     60 of the places, spread evenly

A run of 20 trials (mixture, a linear model, one epoch, four methods, five seeds) is done once without harm. Then:

moments     SIGKILL after a random time
writes      SIGKILL in the middle of every write to a file, before every flush to the disk and every renaming
full        "No space left on device" from every write, flush and renaming
interrupts  SIGINT after a random time, every third time a second one soon after

After each the folder is looked at: every file that is there is bit by bit that of the run without harm. Then the run is
resumed: what was finished is not written again, and the end is the same, bit by bit. Each run is a fork of this
process, so that torch is loaded once; --engine processes takes real commands, one after another. Only at writes it
forks as well, because the fault has to be inside; the workers are real ones, which must be gone soon after, and the
run is resumed inline.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from labelsmooth import _files, cli, workflows
from labelsmooth.comparison import running
from labelsmooth.options import CompareOptions

RUN = ["compare", "mixture", "--model", "linear", "--epochs", "1", "--smoothing", "0.05", "0.1", "0.2", "--seeds"]
SEEDS = 5
Files = dict[str, tuple[bytes, int]]


class Faulty(io.FileIO):
    """A file whose writes are counted, and harmed when their turn has come."""

    def write(self, content: Any) -> int:
        if FAULT.comes("writes"):
            FAULT.harm(lambda: super(Faulty, self).write(bytes(content)[: len(content) // 2]))
        return super().write(content)


class Fault:
    """What happens at the n-th operation of a process: nothing, a kill, a full disk."""

    def __init__(self) -> None:
        self.at, self.kind, self.seen = -1, "", list[str]()

    def comes(self, name: str) -> bool:
        self.seen.append(name)
        return len(self.seen) - 1 == self.at

    def harm(self, half: Callable[[], object] | None = None) -> None:
        if half is not None:
            half()
        if self.kind == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        raise OSError(28, "No space left on device")


FAULT = Fault()


class Os:
    """The module os, with flushes and renamings that are counted."""

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def fsync(self, opened: int) -> None:
        if FAULT.comes("flushes"):
            FAULT.harm()
        os.fsync(opened)

    def replace(self, source: Path, target: Path) -> None:
        if FAULT.comes("renamings"):
            FAULT.harm()
        os.replace(source, target)


def harm_all_writing() -> None:
    _files.os = Os()  # type: ignore[assignment]
    _files.open = lambda path, mode: io.BufferedWriter(Faulty(path, "w"), 2**20)  # type: ignore[attr-defined]


def warm_up() -> None:
    """What a first run loads, so that forks need not."""
    said = io.StringIO()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        cli.run([*RUN, "1", "--engine", "inline", "--out", str(Path(folder) / "run")])


def only_trials(words: list[str]) -> int:
    """The command without measuring and without a page."""
    options = cli._chosen(cli.parser().parse_args(words), CompareOptions)
    dataset, plan = workflows._planned(words[1], None, None, options)
    with contextlib.closing(running.open_folder(plan, options.out, resume=True)) as folder:
        running.run_trials(dataset, plan, folder, options.engine, options.jobs, progress=False)
    return 0


def forked(words: list[str], log: Path, job: Callable[[list[str]], int] = cli.run) -> int:
    """A process that runs the command; its id."""
    child = os.fork()
    if child:
        return child
    if "processes" in words:
        os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    opened = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(opened, 1)
    os.dup2(opened, 2)
    try:
        code = job(words)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        sys.stdout.flush()
        if FAULT.at == -2:
            Path(str(log) + ".count").write_text(json.dumps(FAULT.seen))
    except BaseException as error:  # what reaches this place is a traceback in a real command
        os.write(2, f"TRACEBACK {error!r}".encode())
        code = 99
    os._exit(code)


def heard() -> None:
    """Ctrl-C is heard, also where the sweep runs in the background and would pass on that it is ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def started(words: list[str], log: Path, _job: object = None) -> int:
    """A real command, in a session of its own."""
    program = "import os, sys; from labelsmooth.cli import main; main()"
    with open(log, "wb") as output:
        return subprocess.Popen(
            [sys.executable, "-c", program, *words],
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=heard,
        ).pid


def left_behind(session: int) -> list[str]:
    """What still runs of the workers of a command."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            alive = (folder / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
            if alive and os.getsid(int(folder.name)) == session:
                found.append((folder / "cmdline").read_text())
    return found


def wait_for_workers(session: int) -> None:
    """Workers of a killed command end by themselves."""
    until = time.monotonic() + 60
    while left := left_behind(session):
        check(time.monotonic() < until, f"still there after a minute: {left}")
        time.sleep(0.02)


def ended(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def looked_at(folder: Path) -> Files:
    """Content and time of writing of every prediction and history."""
    found = {}
    for part in ("predictions", "history"):
        for path in sorted((folder / part).glob("[!.]*")):
            found[f"{part}/{path.name}"] = (path.read_bytes(), path.stat().st_mtime_ns)
    return found


def same_bits(found: Files, whole: Files) -> None:
    """Predictions are those of the run without harm; histories hold times, so they are compared without."""
    for name, (content, _) in found.items():
        if name.startswith("predictions"):
            check(content == whole[name][0], f"{name} differs")
        else:
            check(timeless(content) == timeless(whole[name][0]), f"{name} differs")


def timeless(history: bytes) -> list[dict[str, Any]]:
    records = [json.loads(line) for line in history.splitlines()]
    return [{name: value for name, value in record.items() if name != "seconds"} for record in records]


def finished(found: Files) -> set[str]:
    """Names of trials that were finished: all their files are there."""
    names = {name.removeprefix("history/").removesuffix(".jsonl") for name in found if name.startswith("history")}
    return {name for name in names if all(f"predictions/{name}.{c}.npz" in found for c in ("last", "best"))}


class Wrong(Exception):
    """A promise that was not kept."""


def check(holds: bool, words: str) -> None:
    if not holds:
        raise Wrong(words)


class Sweep:
    """One folder for all runs, and the run without harm."""

    def __init__(self, seeds: int, engine: str, seed: int) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="labelsmooth-sweep-"))
        self.random, self.engine = random.Random(seed), engine
        self.words = [*RUN, str(seeds), "--engine", engine, "--jobs", "2"]
        self.start = forked if engine == "inline" else started
        self.log, self.ends = self.root / "log", 0
        begin = time.perf_counter()
        check(self.run("whole") == 0, "the run without harm failed: " + self.log.read_text())
        self.seconds = time.perf_counter() - begin
        self.whole = looked_at(self.root / "whole")
        self.verdict = self.results("whole")["verdict"]
        self.trials = 4 * seeds
        check(len(finished(self.whole)) == self.trials, "the run without harm is not whole")

    def command(self, name: str) -> list[str]:
        return [*self.words, "--out", str(self.root / name), "--resume"]

    def run(self, name: str, start: Callable[..., int] | None = None) -> int:
        child = (start or self.start)(self.command(name), self.log)
        code = ended(child)
        if self.engine != "inline":
            wait_for_workers(child)
        return code

    def results(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.root / name / "results.json").read_text())
        return found

    def after_harm(self, name: str) -> Files:
        """What is left, and that nothing of it is wrong."""
        left = looked_at(self.root / name)
        same_bits(left, self.whole)
        for path in (self.root / name).glob("*.json"):
            json.loads(path.read_text())
        check("TRACEBACK" not in self.log.read_text(errors="replace"), self.log.read_text(errors="replace"))
        check("Traceback" not in self.log.read_text(errors="replace"), self.log.read_text(errors="replace"))
        return left

    def resumed(self, name: str, left: Files, engine: str | None = None) -> None:
        """Resume to the end; what was finished is not written again, nothing is there twice or left over.

        Of forks only each fifth makes the page again.
        """
        folder, self.ends = self.root / name, self.ends + 1
        inline = (engine or self.engine) == "inline"
        whole = not inline or self.ends % 5 == 0
        words = ["inline" if inline and word == "processes" else word for word in self.command(name)]
        start = forked if inline else self.start
        code = ended(start(words, self.log, cli.run if whole else only_trials))
        check(code == 0, "not resumed: " + self.log.read_text())
        now = looked_at(folder)
        check(now.keys() == self.whole.keys(), f"other files: {now.keys() ^ self.whole.keys()}")
        same_bits(now, self.whole)
        for trial in finished(left):
            mine = [each for each in left if trial in each]
            check(all(now[each] == left[each] for each in mine), f"{trial} was finished, and was written again")
        if whole:
            rows = list(csv.DictReader((folder / "trials.csv").open()))
            named = {(row["method"], row["seed"], row["checkpoint"]) for row in rows}
            check(len(named) == len(rows) == 2 * self.trials, "a trial is there twice")
            check(self.results(name)["verdict"] == self.verdict, "another verdict")
        rubbish = [str(each) for each in folder.rglob("*") if _files.is_left_over(each)]
        check(not rubbish and not list((folder / "failed").iterdir()), f"left over: {rubbish}")
        shutil.rmtree(folder)

    def moments(self, count: int) -> str:
        kept, early = 0, 0
        for number in range(count):
            name = f"moment-{number}"
            child = self.start(self.command(name), self.log)
            time.sleep(self.random.uniform(0, self.seconds))
            os.kill(child, signal.SIGKILL)
            early += ended(child) == 0
            left = self.after_harm(name) if (self.root / name).exists() else {}
            kept += len(finished(left))
            self.resumed(name, left)
        return (
            f"{count} random moments ({early} of them after the end, {kept} trials finished): 0 finished lost, 0 twice"
        )

    def row(self, count: int) -> str:
        """One folder after another, killed early again and again until it is through."""
        kept: Files = {}
        kills, folders = 0, 0
        while kills < count:
            name = f"row-{folders}"
            child = self.start(self.command(name), self.log)
            time.sleep(self.random.uniform(0.05, 0.5) * self.seconds)
            os.kill(child, signal.SIGKILL)
            through = ended(child) == 0
            kills += not through
            left = self.after_harm(name) if (self.root / name).exists() else {}
            for trial in finished(kept):
                check(all(left[each] == kept[each] for each in kept if trial in each), f"{trial} was lost or redone")
            kept = left
            if through or kills == count:
                self.resumed(name, left)
                kept, folders = {}, folders + 1
        return f"{kills} kills in a row, {folders} runs: 0 finished trials lost, 0 redone"

    def operations(self) -> list[str]:
        FAULT.at = -2
        check(self.run("counted", forked) == 0, "the counted run failed")
        FAULT.at = -1
        seen: list[str] = json.loads(Path(str(self.log) + ".count").read_text())
        shutil.rmtree(self.root / "counted")
        return seen

    def writes(self, kind: str, every: int, most: int, skip: int) -> str:
        """A fault at each flush and renaming and at every so many writes; resumed, a run meets none."""
        names = self.operations()
        places = [n for n, name in enumerate(names) if name != "writes" or names[:n].count("writes") % every == 0]
        places = places[skip :: max(1, -(-len(places) // most)) if most else 1]
        for number in places:
            FAULT.at, FAULT.kind = number, kind
            code = self.run(f"{kind}-{number}", forked)
            FAULT.at = -1
            folder = self.root / f"{kind}-{number}"
            left = self.after_harm(folder.name)
            if kind == "kill":
                check(code == -signal.SIGKILL, f"ended with {code} at operation {number}")
            else:
                said = self.log.read_text()
                check(code in (1, 2) and "No space left" in said, f"ended with {code} at {number}: {said}")
                rubbish = [each for each in folder.rglob("*") if _files.is_left_over(each)]
                check(not rubbish, f"left over: {rubbish}")
            if kind == "kill" or number % 10 == 0:
                self.resumed(folder.name, left, "inline")
            else:
                shutil.rmtree(folder)
        met, there = Counter(names[n] for n in places), Counter(names)
        told = ", ".join(f"{met[name]} of {there[name]} {name}" for name in there)
        return f"{kind} at {told}: what was there before stayed, the end is the same"

    def interrupts(self, count: int) -> str:
        codes: Counter[int] = Counter()
        shown = 0
        for number in range(count):
            name = f"interrupt-{number}"
            child = self.start(self.command(name), self.log)
            self.wait_for_start(name)
            time.sleep(self.random.uniform(0, (0.3 if number % 2 else 1) * self.seconds))
            self.interrupt(child)
            if number % 3 == 2:
                time.sleep(self.random.uniform(0, 0.1))
                self.interrupt(child)
            codes[ended(child)] += 1
            left = self.after_harm(name)
            shown += "Verdict" in self.log.read_text()
            self.resumed(name, left)
        check(set(codes) <= {0, 130}, f"exit codes {dict(codes)}")
        return f"{count} interrupts: exit 130 {codes[130]} times, {codes[0]} had ended before; {shown} reports"

    def wait_for_start(self, name: str) -> None:
        """A command that is still loading Python has no promises to keep."""
        while not (self.root / name / "plan.json").exists():
            time.sleep(0.001)

    def interrupt(self, child: int) -> None:
        try:
            os.kill(child, signal.SIGINT) if self.engine == "inline" else os.killpg(child, signal.SIGINT)
        except ProcessLookupError:
            return


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--moments", type=int, default=0)
    parser.add_argument("--row", type=int, default=0)
    parser.add_argument("--writes", action="store_true")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--interrupts", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--every", type=int, default=1, help="of the writes; flushes and renamings are all met")
    parser.add_argument("--most", type=int, default=0, help="of all places at which a fault is made, spread evenly")
    parser.add_argument("--skip", type=int, default=0, help="the first places, where a sweep goes on")
    parser.add_argument("--engine", default="inline")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    warm_up()
    harm_all_writing()
    sweep = Sweep(given.seeds, given.engine, given.seed)
    if not (given.moments or given.row or given.writes or given.full or given.interrupts):
        given.moments, given.writes, given.full, given.interrupts = 200, True, True, 50
    asked: list[tuple[object, Callable[[], str]]] = [
        (given.row, lambda: sweep.row(given.row)),
        (given.moments, lambda: sweep.moments(given.moments)),
        (given.interrupts, lambda: sweep.interrupts(given.interrupts)),
        (given.writes, lambda: sweep.writes("kill", given.every, given.most, given.skip)),
        (given.full, lambda: sweep.writes("full", given.every, given.most, given.skip)),
    ]
    for wanted, job in asked:
        if wanted:
            begin = time.perf_counter()
            print(f"{sweep.engine}, {sweep.trials} trials: {job()}; {time.perf_counter() - begin:.0f} s", flush=True)
    shutil.rmtree(sweep.root)


if __name__ == "__main__":
    main()
