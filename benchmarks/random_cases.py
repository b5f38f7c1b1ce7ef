"""Seeded random cases of the loss against the oracle in extended precision, and the same cases through torch.

    python benchmarks/random_cases.py                       12 000 cases
    python benchmarks/random_cases.py --peer --write        with F.cross_entropy, and the report as a page
    python benchmarks/random_cases.py --cases 1000000       the long run, 100 cases at a time; it may be cut in pieces:
        --seconds 300                                       stop after so long, and say how many cases that were
        --first 500000                                      go on from there
    python benchmarks/random_cases.py --only 4711           one case again, with all that it holds

Every case goes through the compiled kernel and the portable one, or through the one that --kernel names.
Exit code 1 when a case fails.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
import warnings
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import numpy as np  # noqa: E402
import torch  # noqa: E402
from cases import Case, draw  # noqa: E402
from judge import Failure, judge, library, reference, torch_peer, torch_refuses  # noqa: E402
from oracle import Answer  # noqa: E402

from labelsmooth.kernels import _compiled  # noqa: E402

PAGE = ROOT / "docs" / "evidence" / "random-cases.md"
CHUNK = 100
SWITCHED = {"native_cpu": "1", "portable": "0"}
"""What the switch of the compiled kernel must be for a kernel to take the everyday call."""
SHOWN = ("dtype", "classes", "rank", "layout", "scale", "shift", "logits", "confident", "target", "target dtype")
SHOWN += ("scheme", "amount", "class weights", "sample weights", "dropped rows", "mask", "spoiled", "reduction")
SHOWN += ("normalizer",)


@dataclass(frozen=True)
class Record:
    """How one case went."""

    name: str
    number: int
    kind: dict[str, str]
    size: int
    failure: Failure | None
    peer: Failure | None
    refused: str | None  # why torch has no words for the case
    plain: bool  # no mask, no ignored row that holds NaN, no NaN or infinity at all


def judged(case: Case, answer: Answer, kernels: Sequence[str]) -> Failure | None:
    """The first failure of the kernels, with the name of the kernel."""
    for kernel in kernels:
        os.environ[_compiled.SWITCH] = SWITCHED[kernel]
        failure = judge(case, library, answer)
        if failure is not None:
            return Failure(failure.what, f"{kernel}: {failure.detail}")
    return None


def one(seed: int, number: int, peer: bool, kernels: Sequence[str]) -> Record:
    case = draw(seed, number)
    answer = reference(case)
    refused = torch_refuses(case) if peer else "not asked"
    rival = judge(case, torch_peer, answer) if refused is None else None
    plain = bool(np.isfinite(case.exact).all()) and case.kind["logits"] != "huge"
    ours = judged(case, answer, kernels)
    return Record(str(case), number, case.kind, case.exact.size, ours, rival, refused, plain)


def some(seed: int, first: int, last: int, peer: bool, kernels: Sequence[str]) -> list[Record]:
    torch.set_num_threads(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the cases hold what the loss rightly warns of
        return [one(seed, number, peer, kernels) for number in range(first, last)]


def everything(seed: int, numbers: range, peer: bool, kernels: Sequence[str], jobs: int) -> Iterator[list[Record]]:
    """The records, a chunk at a time and in order; a few chunks a process are under way, never all of them."""
    chunks = iter([(first, min(first + CHUNK, numbers.stop)) for first in numbers[::CHUNK]])
    if jobs == 1:
        yield from (some(seed, *chunk, peer, kernels) for chunk in chunks)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        under_way = deque(pool.submit(some, seed, *chunk, peer, kernels) for chunk in islice(chunks, 3 * jobs))
        try:
            while under_way:
                yield under_way.popleft().result()
                under_way.extend(pool.submit(some, seed, *chunk, peer, kernels) for chunk in islice(chunks, 1))
        finally:
            pool.shutdown(cancel_futures=True)


def tallied(seed: int, numbers: range, peer: bool, kernels: Sequence[str], jobs: int, seconds: float) -> Tally:
    """The cases counted until all are done or the time is up, with a line on stderr now and then."""
    tally, start = Tally(), time.perf_counter()
    said = start
    with closing(everything(seed, numbers, peer, kernels, jobs)) as chunks:
        for chunk in chunks:
            for record in chunk:
                tally.add(record)
            now = time.perf_counter()
            if now - said > 10:
                said = now
                left = (now - start) * (len(numbers) / tally.cases - 1)
                print(f"{tally.cases} of {len(numbers)}, {len(tally.failed)} fail, {left:.0f} s left", file=sys.stderr)
            if now - start > seconds:
                break
    return tally


class Tally:
    """What is kept of many cases: counts by property, and the cases that fail."""

    def __init__(self) -> None:
        self.cases = self.logits = self.said = self.plain = 0
        self.by_property: dict[tuple[str, str], Counter[str]] = {}
        self.failed: list[Record] = []
        self.of_torch: Counter[str] = Counter()
        self.plain_of_torch = 0
        self.refused: Counter[str] = Counter()

    def add(self, r: Record) -> None:
        said, lost = r.refused is None, r.peer is not None
        self.cases += 1
        self.logits += r.size
        self.said += said
        self.plain += said and r.plain
        self.plain_of_torch += lost and r.plain
        if r.failure:
            self.failed.append(r)
        if r.peer:
            self.of_torch[r.peer.what] += 1
        if r.refused:
            self.refused[r.refused] += 1
        for name in SHOWN:
            counter = self.by_property.setdefault((name, r.kind.get(name, "none")), Counter())
            counter.update(cases=1, failed=r.failure is not None, said=said, lost=lost)


def report(t: Tally, seed: int, first: int, seconds: float, peer: bool, kernels: Sequence[str]) -> str:
    given = f"--cases {t.cases} --seed {seed}" + f" --first {first}" * (first > 0) + " --peer" * peer
    given += f" --kernel {kernels[0]}" * (len(kernels) == 1)
    lines = [
        "# Random cases",
        "",
        f"`python benchmarks/random_cases.py {given}`",
        "",
        f"{t.cases} cases, {t.logits / 1e6:.1f} million logits, {seconds:.0f} s on {os.cpu_count()} cores "
        f"({platform.machine()}, torch {torch.__version__}). The gates are in `tests/judge.py`, the reference in "
        "`tests/oracle.py`, the cases in `tests/cases.py`.",
        "",
        f"Each case went through {_named(kernels)}. **labelsmooth fails {len(t.failed)} of {t.cases}.**",
        *_counts(Counter(r.failure.what for r in t.failed if r.failure)),
        *(_of_torch(t) if peer else []),
        "",
        *_table(t, peer),
        *_examples(t.failed),
    ]
    return "\n".join(lines) + "\n"


def _named(kernels: Sequence[str]) -> str:
    os.environ[_compiled.SWITCH] = "1"
    opened = _compiled.load()
    known = opened.instruction_set if isinstance(opened, _compiled.Opened) else "no compiled kernel"
    return " and ".join(f"`{name}`" + f" ({known})" * (name == "native_cpu") for name in kernels)


def _counts(counter: Counter[str]) -> list[str]:
    return ["", *(f"- {what}: {n}" for what, n in counter.most_common())] if counter else []


def _of_torch(t: Tally) -> list[str]:
    reasons = ", ".join(f"{reason} {n}" for reason, n in t.refused.most_common())
    return [
        "",
        f"`F.cross_entropy` can express {t.said} of them ({100 * t.said / max(t.cases, 1):.0f} %) and **fails "
        f"{sum(t.of_torch.values())}**; of the {t.plain} plain ones (every logit finite and below 1e30) it fails "
        f"{t.plain_of_torch}. Half-precision losses are judged as float32. It has no words for: {reasons}.",
        *_counts(t.of_torch),
    ]


def _table(t: Tally, peer: bool) -> list[str]:
    head = "| property | value | cases | labelsmooth fails |" + " torch can express | torch fails |" * peer
    lines = ["Failures by property:", "", head, "|---|---|---:|---:|" + "---:|---:|" * peer]
    for name in SHOWN:
        for value in sorted((v for n, v in t.by_property if n == name), key=_order):
            c = t.by_property[name, value]
            row = f"| {name} | {value} | {c['cases']} | {c['failed']} |"
            lines.append(row + f" {c['said']} | {c['lost']} |" * peer)
    return lines


def _order(value: str) -> tuple[float, str]:
    try:
        return float(value), ""
    except ValueError:
        return float("inf"), value


def _examples(failed: list[Record]) -> list[str]:
    lines: list[str] = []
    for what in Counter(r.failure.what for r in failed if r.failure):
        these = sorted((r for r in failed if r.failure and r.failure.what == what), key=lambda r: r.size)
        lines += ["", f"{what}, the smallest of {len(these)}:", ""]
        lines += [f"- {r.name}: {r.failure.detail}" for r in these[:8] if r.failure]
    return lines


def show(seed: int, number: int) -> bool:
    """Print one case, what was expected, and what came."""
    case = draw(seed, number)
    answer, failure = reference(case), judge(case, library)
    np.set_printoptions(linewidth=150, threshold=60)
    torch.set_printoptions(linewidth=150, threshold=60)
    print(case, case.options, f"logits\n{case.exact}", f"target\n{case.target.numpy(force=True)}", sep="\n")
    print(f"expected loss\n{answer.loss}", f"expected gradient\n{answer.gradient}", sep="\n")
    try:
        result = library(case)
        print(f"loss\n{result.loss}", f"gradient\n{result.gradient}", sep="\n")
    except Exception as error:  # whatever it raises is what is shown
        print(f"raised {error!r}")
    print("passes" if failure is None else f"FAILS: {failure.what}, {failure.detail}")
    return failure is None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=12_000)
    parser.add_argument("--first", type=int, default=0, help="the number of the first case")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after about so many")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--peer", action="store_true", help="the same cases through F.cross_entropy")
    parser.add_argument("--kernel", choices=(*SWITCHED, "both"), default="both")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", type=int, metavar="NUMBER", help="show one case")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    asked = parser.parse_args()
    if asked.only is not None:
        return 0 if show(asked.seed, asked.only) else 1
    kernels = tuple(SWITCHED) if asked.kernel == "both" else (asked.kernel,)
    if "native_cpu" in kernels and isinstance(opened := _compiled.load(), _compiled.Missing):
        parser.error(f"no compiled kernel: {opened.reason}; --kernel portable needs none")
    start = time.perf_counter()
    numbers = range(asked.first, asked.first + asked.cases)
    tally = tallied(asked.seed, numbers, asked.peer, kernels, asked.jobs, asked.seconds)
    text = report(tally, asked.seed, asked.first, time.perf_counter() - start, asked.peer, kernels)
    print(text, end="")
    if asked.write:
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(text, encoding="utf-8")
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
