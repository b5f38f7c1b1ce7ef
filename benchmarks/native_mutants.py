"""Plant one fault after another in the compiled kernel's C++, compile it, and see the tests find each.

    python benchmarks/native_mutants.py [--write] [--only TEXT]

The faults go into the AVX2 kernel of a copy of the package; the tests of the kernels must fail on each, and pass on the
copy without one. A fault that nothing finds makes the command exit with 1; `--write` writes
docs/evidence/native-mutants.md. Needs g++ and a machine with AVX2; about half a minute a fault.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "labelsmooth"
PAGE = ROOT / "docs" / "evidence" / "native-mutants.md"
NATIVE = Path("labelsmooth/kernels/native")
FLAGS = ["-std=c++17", "-O1", "-fPIC", "-fopenmp", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast", "-w"]
TESTS = [f"tests/kernels/test_native_{name}.py" for name in ("ranges", "tiles", "cpu", "reuse")]


class Mutant(NamedTuple):
    """`old` is found exactly once in `file`."""

    file: str
    old: str
    new: str
    breaks: str


MUTANTS = [
    Mutant("exp.h", "4.99999934e-1f", "4.9999e-1f", "a coefficient of the exponential, in its fifth digit"),
    Mutant("exp.h", "1.0 / 720,", "1.0 / 721,", "a coefficient of the exponential in double"),
    Mutant("below.h", "low = (whole_part - 127.0f)", "low = (whole_part - 20.0f)", "small probabilities cut off early"),
    Mutant("below.h", "reach = 1000;", "reach = 1e9;", "logits of any size taken in float"),
    Mutant("below.h", "+ double(LOG_2_MORE))", "+ 1e-6)", "the largest exponential on another scale than the others"),
    Mutant("sums.h", "fabs(double(most)) > 32", "fabs(double(most)) > 3e9", "a large common part summed with the rest"),
    Mutant(
        "sums.h", "below > -Limits<In>::most :", "below > -INFINITY :", "masks written as low numbers taken as logits"
    ),
    Mutant(
        "sums.h", "Sum::add(total, new_ones * x);", "Sum::add(total, x);", "the last classes of a row counted twice"
    ),
    Mutant(
        "write.h", "2 * Gate<In, C>::of_p * most", "0 * Gate<In, C>::of_p * most", "no row looked at near its optimum"
    ),
    Mutant("write.h", "-uintptr_t(g) %", "uintptr_t(g) %", "stores past the cache where they are not aligned"),
    Mutant(
        "write.h",
        "w.worst = larger<C>(C(Gate<In, C>::of_p) * p - size, w.worst);",
        "",
        "errors of single entries not judged",
    ),
    Mutant("row.h", "if (rest < e_top) {", "if (false) {", "1 − p of a confident row found by subtraction"),
    Mutant("row.h", "at == pivot ? rest :", "at != pivot ? rest :", "the label's own share counted among the others'"),
    Mutant("row.h", "e[at] = of_peak[0];", "", "the likeliest class lost where it is not the label"),
    Mutant("row.h", "likely ? t.others - p : p - t.own", "p - t.own", "the confident label's gradient by subtraction"),
    Mutant("tile.h", "if (!all_count) clear();", "", "rows that do not count spoil what stands beside them"),
    Mutant("tile.h", "h = y[u] == at ? own_y[u] : h;", "", "maps without the label's own gradient"),
    Mutant(
        "tile.h", "(vec<C>)((whole<C>)x[j] & ~zero[j])", "x[j]", "the largest counted among the others, side by side"
    ),
    Mutant("tile.h", "least_of_y[i] <= largest", "true", "the label's own error not judged, side by side"),
    Mutant(
        "tile.h", "Limits<In>::shows ? below[i] > -most :", "Limits<In>::shows ? true :", "masked rows side by side"
    ),
    Mutant("blocks.h", "N, W, W - more, found)", "N, W, 0, found)", "classes of the last block seen twice"),
    Mutant("turn.h", "E / 2 + L % E", "L % E", "rows turned round wrongly"),
    Mutant("kernel.cpp", "if (found.state == IMPRECISE)", "if (false)", "imprecise gradients not found again"),
    Mutant("kernel.cpp", "if (found.state != FAR) return", "return", "rows that are far taken as solved"),
    Mutant("vectors.h", "(whole<C>)x & ~(whole<C>)-vec<C>{}", "(whole<C>)x", "absolute values with their sign"),
    Mutant(
        "vectors.h",
        "rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;\n#if",
        "rounded = bits >> 16;\n#if",
        "bfloat16 cut off instead of rounded",
    ),
]


def compile_set(sources: Path, name: str, to: Path) -> None:
    march = [f"-march=x86-64-{name}", f"-DLS_RUN=ls_run_{name}"]
    subprocess.run(["g++", *FLAGS, *march, "-c", str(sources / "kernel.cpp"), "-o", str(to)], check=True)


def link(sources: Path, objects: list[Path], to: Path) -> None:
    command = ["g++", *FLAGS, "-shared", "-DLS_X86", str(sources / "library.cpp"), *map(str, objects), "-o", str(to)]
    subprocess.run(command, check=True)


def first_failure(copy: Path) -> str | None:
    """The first test that fails on the copy, or that it crashed; None where all pass."""
    environment = {**os.environ, "PYTHONPATH": str(copy), "LABELSMOOTH_NATIVE": "x86-64-v3"}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "-p", "no:cacheprovider", *TESTS]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900)
    if ran.returncode == 0:
        return None
    failed = re.search(r"^(?:FAILED|ERROR) (\S+)", ran.stdout, re.MULTILINE)
    return failed[1] if failed else f"the process ended with {ran.returncode}"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write docs/evidence/native-mutants.md")
    parser.add_argument(
        "--only", default="", help="faults whose file or description holds this text; the page keeps the others"
    )
    given = parser.parse_args()
    mutants = [m for m in MUTANTS if given.only in m.file + m.breaks]
    for m in mutants:
        if (PACKAGE / "kernels" / "native" / m.file).read_text(encoding="utf-8").count(m.old) != 1:
            sys.exit(f"{m.file} does not hold this once: {m.old}")
    with tempfile.TemporaryDirectory() as folder:
        found = run(mutants, Path(folder))
    if given.write:
        PAGE.write_text(page(found, PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""), encoding="utf-8")
    return int(None in [by for _, by in found])


def run(mutants: list[Mutant], folder: Path) -> list[tuple[Mutant, str | None]]:
    shutil.copytree(PACKAGE, folder / "labelsmooth", ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    sources, objects = folder / NATIVE, [folder / f"{name}.o" for name in ("v2", "v3", "v4")]
    for name, to in zip(("v2", "v3", "v4"), objects, strict=True):
        compile_set(sources, name, to)
    library = sources / "liblabelsmooth_native.so"
    link(sources, objects, library)
    before = first_failure(folder)
    if before is not None:
        sys.exit(f"without a fault {before} fails")
    found = []
    for m in mutants:
        text = (sources / m.file).read_text(encoding="utf-8")
        (sources / m.file).write_text(text.replace(m.old, m.new), encoding="utf-8")
        compile_set(sources, "v3", objects[1])
        library.unlink()
        link(sources, objects, library)
        (sources / m.file).write_text(text, encoding="utf-8")
        found.append((m, first_failure(folder)))
        print(f"{'found   ' if found[-1][1] else 'SURVIVED'} {m.file:10} {m.breaks}  {found[-1][1] or ''}", flush=True)
    return found


def page(found: list[tuple[Mutant, str | None]], before: str) -> str:
    """What was found now, and of the other faults what the page said before."""
    now = {m: f"`{(by or 'nothing').removeprefix('tests/')}`" for m, by in found}
    rows = []
    for m in MUTANTS:
        start = f"| `{m.file}` | {m.breaks} | "
        said = next((line for line in before.splitlines() if line.startswith(start)), f"{start}not tried |")
        rows.append(f"{start}{now[m]} |" if m in now else said)
    number = sum(not row.endswith(("`nothing` |", "not tried |")) for row in rows)
    head = [
        "# Faults in the compiled kernel",
        "",
        "`python benchmarks/native_mutants.py --write`",
        "",
        f"{len(rows)} faults, each planted alone in the C++ of the AVX2 kernel, which was then compiled and tested. "
        f"**The tests found {number} of {len(rows)}.** The test named is the first that failed.",
        "",
        "| file | what it breaks | found by |",
        "|---|---|---|",
    ]
    return "\n".join([*head, *rows]) + "\n"


if __name__ == "__main__":
    sys.exit(main())
