"""Plant one fault after another in the loss, and see the tests find each.

    python benchmarks/mutants.py [--write] [--only TEXT] [--jobs 2]

Each fault of `mutant_list.py` is planted in a copy of the package, and a fast part of the suite must fail on it; on the
unchanged package that part must pass first. The compiled kernel is needed in place (CONTRIBUTING.md) for the faults of
its Python side, and switched off for all others, so that the tests run the kernels of plain torch. A fault that nothing
finds makes the command exit with 1; `--write` writes docs/evidence/mutants.md. Everything slow to import is imported
once and each copy is tested in a fork (Linux, macOS).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "labelsmooth"
PAGE = ROOT / "docs" / "evidence" / "mutants.md"
os.environ |= {"OMP_NUM_THREADS": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
sys.path[:0] = [str(ROOT / "tests"), str(Path(__file__).parent)]

from mutant_list import MUTANTS, Mutant  # noqa: E402

COPIED = ("*.py", "kernels/*.py", "kernels/native/*.so", "losses/*.py", "schemes/*.py")
FOUND, CASES = "losses/test_mutants_found.py", "losses/test_random_cases.py::test_random_cases[0]"
DERIVATIVES = "losses/test_mutants_derivatives.py"
SELECTIONS = {
    "kernels": (
        *(DERIVATIVES, FOUND, "losses/test_mission.py", "losses/test_confident_targets.py", CASES),
        *("losses/test_one_pass.py", "losses/test_traps_indices.py"),
    ),
    "native": ("kernels/test_native_cpu.py",),
    "losses": ("losses/test_bad_inputs.py", DERIVATIVES, FOUND, "losses/test_mission.py", CASES),
    "binary": (
        "losses/test_binary.py",
        "losses/test_one_pass.py::test_T4_an_infinite_upstream_leaves_ignored_rows_at_zero",
    ),
    "schemes": (
        *(f"schemes/test_{name}.py" for name in ("known_values", "composed", "unsmooth", "scheduled", "online")),
        *(f"schemes/test_{name}.py" for name in ("spatial", "bad_inputs")),
        FOUND,
    ),
}
SLOW = "not 32000 and not compiled and not processes"
SECONDS = 240
"""Of processor time for one mutant: a fault may make a loop endless."""


class Watch:
    """A pytest plugin that remembers the first failure."""

    def __init__(self) -> None:
        self.first: str | None = None
        self.collected = True

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed and self.first is None:
            self.first = report.nodeid

    def pytest_collectreport(self, report: Any) -> None:
        self.collected = self.collected and not report.failed


def check_texts() -> list[str]:
    """Every old text must be found once, and change something."""
    wrong = []
    for mutant in MUTANTS:
        times = (PACKAGE / mutant.file).read_text(encoding="utf-8").count(mutant.old)
        if times != 1 or mutant.old == mutant.new:
            wrong.append(f"{mutant.file}: found {times} times: {mutant.old}")
    return wrong


def snapshot(folder: Path) -> None:
    """The part of the package that is tested, as it is now."""
    for pattern in COPIED:
        for path in PACKAGE.glob(pattern):
            place = folder / "labelsmooth" / path.relative_to(PACKAGE)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)


def plant(mutant: Mutant, original: Path, folder: Path) -> None:
    shutil.copytree(original, folder)
    path = folder / "labelsmooth" / mutant.file
    path.write_text(path.read_text(encoding="utf-8").replace(mutant.old, mutant.new), encoding="utf-8")


def import_what_is_slow() -> None:
    """Everything but the package itself, and what imports it."""
    import cases  # noqa: F401
    import numpy  # noqa: F401
    import oracle  # noqa: F401
    import pytest  # noqa: F401
    import scipy.ndimage  # noqa: F401
    import torch
    import torch._decomp.decompositions_for_jvp
    import torch._dynamo.testing

    torch.set_num_threads(1)


def run_tests(copy: Path, tests: str, answer: Path) -> None:
    """In the fork: test the package in `copy` and write down what failed."""
    import resource

    import pytest

    os.environ["LABELSMOOTH_NATIVE"] = "1" if tests == "native" else "0"
    sys.path.insert(0, str(copy))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    output = os.open(answer.with_suffix(".log"), os.O_CREAT | os.O_WRONLY)
    os.dup2(output, 1)
    os.dup2(output, 2)
    watch = Watch()
    files = [str(ROOT / "tests" / name) for name in SELECTIONS[tests]]
    options = ["-x", "-q", "-k", SLOW, "-p", "pytest_timeout", "-c", str(ROOT / "pyproject.toml")]
    code = pytest.main([*options, *files], plugins=[watch])
    home = Path(sys.modules["labelsmooth"].__file__ or "") if "labelsmooth" in sys.modules else copy
    if not home.is_relative_to(copy):
        raise RuntimeError(f"tested {home} instead of {copy}")
    answer.write_text(json.dumps({"code": int(code), "first": watch.first, "collected": watch.collected}))


def fork(copy: Path, tests: str, answer: Path) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        run_tests(copy, tests, answer)
        code = 0
    except BaseException:  # the fork must end here, whatever happens, and say why
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def verdict(answer: Path, status: int) -> tuple[str, str]:
    """("killed" or "survived" or "broken", by what)."""
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL):
        return "killed", f"{SECONDS} s of processor time"
    if not answer.exists():
        return "broken", answer.with_suffix(".log").read_text(errors="replace")[-2000:]
    said = json.loads(answer.read_text())
    if said["code"] == 0:
        return "survived", ""
    if not said["collected"] or said["first"] is None:
        return "broken", answer.with_suffix(".log").read_text(errors="replace")[-2000:]
    return "killed", said["first"]


def run_all(jobs: list[tuple[str, Path, str]], folder: Path, width: int) -> dict[str, tuple[str, str]]:
    """(name, copy, selection) each in a fork, `width` at a time."""
    running: dict[int, str] = {}
    results: dict[str, tuple[str, str]] = {}
    waiting = list(reversed(jobs))
    while waiting or running:
        while waiting and len(running) < width:
            name, copy, tests = waiting.pop()
            running[fork(copy, tests, folder / f"{name}.json")] = name
        pid, status = os.wait()
        name = running.pop(pid)
        results[name] = verdict(folder / f"{name}.json", status)
        print(
            f"{results[name][0]:9}{name:>10}  {results[name][1].splitlines()[0] if results[name][1] else ''}",
            flush=True,
        )
    return results


def page(mutants: list[Mutant], results: list[tuple[str, str]], seconds: float) -> str:
    def cell(text: str) -> str:
        return text.replace("|", "\\|").replace("\n", " ")

    def by(test: str) -> str:
        return f"`{cell(test.removeprefix('tests/'))}`"

    killed = sum(result == "killed" for result, _ in results)
    lines = [
        "# Mutants",
        "",
        "`python benchmarks/mutants.py --write`",
        "",
        f"{len(mutants)} faults, each planted alone in a copy of the package. **The tests found {killed} of "
        f"{len(mutants)}.** {seconds:.0f} s of processor time in all. The faults are in `benchmarks/mutant_list.py`; "
        "the test named is the first that failed.",
        "",
        "| file | what was broken | found by |",
        "|---|---|---|",
    ]
    for mutant, (result, test) in zip(mutants, results, strict=True):
        lines.append(f"| `{mutant.file}` | {cell(mutant.breaks)} | {by(test) if result == 'killed' else result} |")
    return "\n".join(lines) + "\n"


def measured(mutants: list[Mutant], width: int) -> list[tuple[str, str]]:
    """What became of each mutant; refused when a test fails without any."""
    import_what_is_slow()
    with tempfile.TemporaryDirectory() as name:
        folder, original = Path(name), Path(name) / "original"
        snapshot(original)
        clean = [(tests, original, tests) for tests in sorted({mutant.tests for mutant in mutants})]
        bad = {tests: said for tests, said in run_all(clean, folder, width).items() if said[0] != "survived"}
        if bad:
            sys.exit(f"these selections do not pass on the unchanged package: {bad}")
        jobs = []
        for i, mutant in enumerate(mutants):
            plant(mutant, original, folder / f"copy{i}")
            jobs.append((f"mutant{i}", folder / f"copy{i}", mutant.tests))
        results = run_all(jobs, folder, width)
    return [results[f"mutant{i}"] for i in range(len(mutants))]


def spent() -> float:
    """Seconds of processor time, that of the forks included; a busy machine changes it little."""
    import resource

    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in both)


def main() -> None:
    """Run, print, perhaps write; exit code 1 when a mutant lives or cannot be tested."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--write", action="store_true", help="write docs/evidence/mutants.md")
    asked.add_argument("--only", default="", help="only mutants with this text in their file or description")
    asked.add_argument("--jobs", type=int, default=1)
    options = asked.parse_args()
    if wrong := check_texts():
        sys.exit("these texts are not found exactly once:\n" + "\n".join(wrong))
    if not any(PACKAGE.glob("kernels/native/*.so")):
        sys.exit("the compiled kernel is not there; CONTRIBUTING.md says how to compile it in place")
    mutants = [m for m in MUTANTS if options.only in f"{m.file} {m.breaks}"]
    start = time.perf_counter()
    results = measured(mutants, options.jobs)
    for mutant, (result, why) in zip(mutants, results, strict=True):
        if result != "killed":
            print(f"{result}: {mutant.file}: {mutant.breaks}\n    {mutant.old}\n    {mutant.new}\n{why}")
    killed = sum(result == "killed" for result, _ in results)
    print(f"{killed} of {len(mutants)} killed in {time.perf_counter() - start:.0f} s")
    if options.write and not options.only:
        PAGE.write_text(page(mutants, results, spent()), encoding="utf-8")
    sys.exit(killed < len(mutants))


if __name__ == "__main__":
    main()
