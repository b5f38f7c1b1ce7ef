"""Mutated files: what the readers do with them.

    python benchmarks/fuzz_inputs.py                    20 000 files
    python benchmarks/fuzz_inputs.py --count 500        some of them

Good files (CSV, npz and JSON, of predictions, of data, of results, plans and run folders) are mutated: bytes, cells and
columns, headers of arrays, entries of archives with their checksums made right again, values and keys of JSON. Each is
read as a command reads it. Right is a result or an error in the words of the package; anything else that is raised is a
traceback. A case that takes more than 10 s is a hang. The peak of resident memory is that of the whole process.
"""

from __future__ import annotations

import argparse
import faulthandler
import io
import json
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch

from labelsmooth import Predictions, cli, evaluate, report
from labelsmooth._checks import DataError, Interrupted, MissingExtra, TrialsFailed, UsageError
from labelsmooth.comparison import running
from labelsmooth.comparison.plan import Plan
from labelsmooth.data import Dataset, load
from labelsmooth.options import CompareOptions
from labelsmooth.report import markdown, model_card, text

LIMIT_SECONDS, LIMIT_BYTES = 10, 2**30
IN_WORDS = (DataError, UsageError, MissingExtra, TrialsFailed, Interrupted)
ROWS = 60
Draw = random.Random


class Hang(BaseException):
    """A case took too long."""


# good files


def predictions(seed: int, method: str) -> Predictions:
    rng = np.random.default_rng(seed)
    labels, val = np.random.default_rng(9).integers(0, 3, (2, ROWS))
    meta = {"method": method, "seed": seed, "family": "hard" if method == "hard" else "smooth", "checkpoint": "last"}
    return Predictions(
        rng.normal(size=(ROWS, 3)) + np.eye(3)[labels], labels, val_logits=rng.normal(size=(ROWS, 3)), val_labels=val,
        ids=np.arange(ROWS), val_ids=np.arange(ROWS) + ROWS, classes=["cat", "dog", "owl"], meta=meta,
    )  # fmt: skip


def good_npz(folder: Path) -> bytes:
    return predictions(0, "hard").save(folder / "good.npz").read_bytes()


def good_data_npz(_: Path) -> bytes:
    rng = np.random.default_rng(1)
    made = io.BytesIO()
    y = np.array(["a", "b"] * ROWS)
    np.savez(made, X=rng.normal(size=(2 * ROWS, 4)), y=y, groups=np.arange(2 * ROWS) // 2, classes=np.array(["a", "b"]))
    return made.getvalue()


def good_csv(_: Path) -> bytes:
    rng = np.random.default_rng(2)
    lines = ["id,label,split,logit:cat,logit:dog"]
    lines += [
        f"{row},{('cat', 'dog')[row % 2]},{('test', 'val')[row // 2 % 2]},{a:.3f},{b:.3f}"
        for row, (a, b) in enumerate(rng.normal(size=(ROWS, 2)))
    ]
    return "\n".join(lines).encode()


def good_data_csv(_: Path) -> bytes:
    rng = np.random.default_rng(3)
    lines = ["age,town,note,label"]
    for row in range(ROWS):
        lines.append(f'{rng.integers(20, 60)},{"xyz"[row % 3]},"said ""so"", twice",{("yes", "no")[row % 2]}')
    return "\n".join(lines).encode()


def good_results(_: Path) -> bytes:
    pairs = {name: [predictions(seed, name) for seed in range(3)] for name in ("hard", "uniform 0.1")}
    return json.dumps(evaluate(pairs, progress=False).results).encode()


def good_plan(folder: Path) -> bytes:
    words = ["compare", "mixture", "--model", "linear", "--epochs", "1", "--seeds", "1", "--smoothing", "0.1"]
    chosen = cli._chosen(cli.parser().parse_args(words), CompareOptions)
    from labelsmooth.workflows import _planned

    dataset, plan = _planned("mixture", None, None, chosen)
    run = running.open_folder(plan, folder / "run", resume=False)
    running.run_trials(dataset, plan, run, "inline", None, progress=False)
    run.close()
    return (folder / "run" / "plan.json").read_bytes()


@cache
def mixture() -> Dataset:
    return load("mixture")


# what is read


def read_predictions(path: Path) -> None:
    found = Predictions.load(path)
    evaluate([found], progress=False) if found.test.labels.size % 5 == 0 else None


def read_predictions_in_blocks(path: Path) -> None:
    Predictions.load(path, in_memory=False)


def read_data(path: Path) -> None:
    load(str(path))


def read_results(path: Path) -> None:
    """What `labelsmooth report` does; the page itself for some, because it takes longest."""
    from labelsmooth.comparison.folder import Folder

    results = Folder(path.parent).results()
    text.render(results)
    markdown.render(results)
    model_card.render(results)
    if len(path.read_bytes()) % 8 == 0:
        report.render(results)


def read_plan(path: Path) -> None:
    from labelsmooth.workflows import _planned

    _planned("digits", None, None, CompareOptions(plan=path))


def read_run(path: Path) -> None:
    """A run folder in which one JSON file was changed."""
    folder = path.parent / "run"
    plan = Plan.from_dict(json.loads((folder / "kept.json").read_text()))
    history = next((folder / "history").glob("*.jsonl"))
    kept, failed = history.read_bytes(), folder / "failed" / f"{history.stem}.json"
    content = path.read_bytes()
    try:
        if len(content) % 3 == 0:
            (folder / "plan.json").write_bytes(content)
            running.open_folder(plan, folder, resume=True).close()
        else:
            history.write_bytes(content) if len(content) % 3 == 1 else failed.write_bytes(content)
            if len(content) % 3 == 2:
                history.unlink()
            with_lock = running.RunFolder(folder)
            running.results_of(mixture(), plan, with_lock, lambda: 0.0)
    finally:
        history.write_bytes(kept)
        failed.unlink(missing_ok=True)


# mutations

ODD = [
    b"\0",
    b"\xff",
    b'"',
    b"'",
    b",",
    b";",
    b"\n",
    b"\r",
    b"=",
    b"{",
    b"[",
    b"1e999",
    b"-0",
    b"NaN",
    b"99999999999999",
]
ODD += [
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"PK\x03\x04",
    b"\x93NUMPY",
    "\u202e".encode(),
    b"\x1b[31m",
    b"../../x",
    b"<script>",
]
VALUES: list[Any] = [
    None, True, -1, 0, 1e308, -1e308, float("nan"), float("inf"), 10**30, 10**400, "", "x" * 500, "\x1b]0;x\x07",
    "\ud800", [], {}, [[]], [None], {"": None}, ["a"] * 50, [1] * 50, "uniform 0.1", 2**63, -(2**63), 0.5, "NaN",
    {"mean": "x"},
]  # fmt: skip


def bytes_of(content: bytes, draw: Draw) -> bytes:
    made = bytearray(content)
    for _ in range(draw.choice([1, 1, 2, 5, 20])):
        place = draw.randrange(len(made) + 1)
        kind = draw.randrange(6)
        if kind == 0 and place < len(made):
            made[place] = draw.randrange(256)
        elif kind == 1:
            made[place:place] = draw.choice(ODD) * draw.choice([1, 1, 1, 50])
        elif kind == 2:
            del made[place : place + draw.choice([1, 4, 100])]
        elif kind == 3:
            made[place:place] = made[place : place + draw.choice([10, 1000])]
        elif kind == 4:
            del made[place:]
        elif place + 4 <= len(made):
            made[place : place + 4] = draw.choice(
                [b"\xff\xff\xff\xff", b"\0\0\0\0", b"\0\0\0\x80", b"\xff\xff\xff\x7f"]
            )
    return bytes(made)


def cells_of(content: bytes, draw: Draw) -> bytes:
    """Cells, columns and lines of a table."""
    table = [line.split(b",") for line in content.split(b"\n")]
    for _ in range(draw.choice([1, 2, 4])):
        row = 0 if draw.random() < 0.4 else draw.randrange(len(table))
        line = table[row]
        column = draw.randrange(len(line)) if line else 0
        kind = draw.randrange(7)
        if kind == 0 and line:
            line[column] = draw.choice([*ODD, b"", b"1_000", b"inf", b"-inf", b"nan", b"9" * 400, b"label", b"0x10"])
        elif kind == 1 and line:
            line.insert(column, draw.choice(line))
        elif kind == 2 and line:
            del line[column]
        elif kind == 3:
            table[row] = (line[:50] * draw.choice([2, 300, 20000]))[:300_000]
        elif kind == 4:
            table.insert(row, list(table[-1]))
        elif kind == 5:
            del table[row:]
            table.append([b"x"])
        else:
            table[row] = [b'"' + each for each in line]
    return b"\n".join(b",".join(line) for line in table)


def members_of(content: bytes, draw: Draw) -> bytes:
    """Arrays of an archive, its checksums right: headers that lie, other types, other names, bombs."""
    made = io.BytesIO()
    pack = draw.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
    with zipfile.ZipFile(io.BytesIO(content)) as given, zipfile.ZipFile(made, "w", pack) as archive:
        names = given.namelist()
        chosen = draw.choice(names)
        for name in names:
            inside = given.read(name)
            if name == chosen:
                kind = draw.randrange(6)
                if kind == 0:
                    inside = bytes_of(inside, draw)
                elif kind == 1:
                    inside = header_of(inside, draw)
                elif kind == 2:
                    inside = array_of(draw)
                elif kind == 3:
                    name = draw.choice(
                        [draw.choice(names), "../../x.npy", "/x.npy", "x" * 300, "test_logits", "\0.npy"]
                    )
                elif kind == 4:
                    continue
                else:
                    inside = inside[:128] + b"\0" * draw.choice([10**5, 10**7])
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                name = name.partition("\0")[0] or "x"
                archive.writestr(name, inside)
    return made.getvalue() if draw.random() < 0.8 else bytes_of(made.getvalue(), draw)


def header_of(inside: bytes, draw: Draw) -> bytes:
    old = draw.choice([b"(60, 3)", b"(60,)", b"<f4", b"<i8", b"False", b"descr", b"<U3", b"()", b"(3,)"])
    new = draw.choice([
        b"(60000000000, 3)", b"(-1, 3)", b"(2**40,)", b"|O", b"<f8", b"<f2", b"<c16", b"<M8[s]", b"<U9999999", b"(0,)",
        b"[('a', '<f4')]", b"True", b"((((((", b"{}", b"(60, 3, 1)", b"<V4", b"(9223372036854775807,)", b"?",
    ])  # fmt: skip
    return inside.replace(old, new, 1)


def array_of(draw: Draw) -> bytes:
    made = io.BytesIO()
    kinds: list[Any] = [
        np.zeros(0), np.zeros((0, 3)), np.array(5), np.full((ROWS, 3), np.nan), np.full((ROWS, 3), np.inf),
        np.zeros((9, 3, 2)), np.zeros(ROWS, bool), np.full(ROWS, -1), np.full(ROWS, 2**40), np.array([""] * ROWS),
        np.zeros((ROWS, 3), "<c8"), np.zeros(ROWS, "M8[s]"), np.array(["\ud800"] * ROWS), np.zeros((ROWS, 3), "<f2"),
        np.array([b"x"] * ROWS), np.zeros(ROWS, [("a", "<f4")]), np.array("[" * 5000), np.array('{"seed": 1e999}'),
        np.arange(ROWS, dtype=np.uint8), np.full((ROWS, 1), 1.0), np.full((ROWS, 4), 1e38), np.zeros((ROWS, 3), "g"),
    ]  # fmt: skip
    np.save(made, draw.choice(kinds))
    return made.getvalue()


def values_of(content: bytes, draw: Draw) -> bytes:
    """Values and keys of JSON."""
    try:
        tree = json.loads(content)
    except ValueError:
        return bytes_of(content, draw)
    for _ in range(draw.choice([1, 1, 2, 5, 30])):
        change(tree, draw)
    made = json.dumps(tree, ensure_ascii=draw.random() < 0.5)
    if draw.random() < 0.02:
        made = "[" * 100000 + made
    return made.encode("utf-8", "surrogatepass")


def change(tree: Any, draw: Draw) -> None:
    """One value somewhere in the tree, deep or not."""
    while isinstance(tree, (dict, list)) and tree:
        key = draw.choice(list(tree) if isinstance(tree, dict) else range(len(tree)))
        if isinstance(tree[key], (dict, list)) and tree[key] and draw.random() < 0.75:
            tree = tree[key]
            continue
        kind = draw.randrange(5)
        if kind == 0 and isinstance(tree, dict):
            tree[draw.choice(["x", "mean", "method", "\x1b", "<b>"])] = tree.pop(key)
        elif kind == 1:
            del tree[key]
        else:
            tree[key] = deepcopy(draw.choice(VALUES))
        return


CASES: list[tuple[str, str, Callable[[Path], bytes], Callable[[Path], None], list[Callable[[bytes, Draw], bytes]]]] = [
    ("predictions.csv", "csv", good_csv, read_predictions, [bytes_of, cells_of]),
    ("data.csv", "csv", good_data_csv, read_data, [bytes_of, cells_of]),
    ("predictions.npz", "npz", good_npz, read_predictions, [bytes_of, members_of, members_of]),
    ("blocks.npz", "npz", good_npz, read_predictions_in_blocks, [bytes_of, members_of]),
    ("data.npz", "npz", good_data_npz, read_data, [bytes_of, members_of]),
    ("results.json", "json", good_results, read_results, [bytes_of, values_of, values_of]),
    ("plan.json", "json", good_plan, read_plan, [bytes_of, values_of]),
    ("run.json", "json", good_plan, read_run, [bytes_of, values_of]),
]


def late(_number: int, _frame: FrameType | None) -> None:
    raise Hang


def outcome(read: Callable[[Path], None], path: Path) -> str:
    """ "read", "refused", or what went wrong."""
    signal.setitimer(signal.ITIMER_REAL, LIMIT_SECONDS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read(path)
        return "read"
    except IN_WORDS as error:
        str(error).encode("utf-8", "surrogatepass")
        return "refused"
    except Hang:
        return "hang"
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}: {str(error)[:80]!r}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def peak_bytes() -> int:
    """Of this program alone: getrusage counts what the process held before it became this program."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) * 1024


def mixed(good: list[tuple[bytes, Any]], number: int, seed: int) -> tuple[int, bytes]:
    draw = Draw(f"{seed} {number}")
    which = number % len(CASES)
    content = draw.choice(CASES[which][4])(good[which][0], draw)
    return which, content


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, default=None, help="one case again, with its traceback")
    given = parser.parse_args()
    torch.set_num_threads(1)
    signal.signal(signal.SIGALRM, late)
    start, slowest, peak, found = time.perf_counter(), 0.0, peak_bytes(), Counter[tuple[str, str]]()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plan = good_plan(folder)
        (folder / "run" / "kept.json").write_bytes(plan)
        good = [(plan if make is good_plan else make(folder), None) for _, _, make, _, _ in CASES]
        for number in range(given.count) if given.only is None else [given.only]:
            faulthandler.dump_traceback_later(3 * LIMIT_SECONDS, exit=True)
            which, content = mixed(good, number, given.seed)
            path = folder / CASES[which][0]
            path.write_bytes(content)
            if given.only is not None:
                CASES[which][3](path)
            begin = time.perf_counter()
            said = outcome(CASES[which][3], path)
            slowest = max(slowest, time.perf_counter() - begin)
            grown, peak = peak, peak_bytes()
            if peak > max(LIMIT_BYTES // 2, grown + 2**26):
                print(f"case {number}, {path.name}: the peak of memory rose to {peak / 2**20:.0f} MiB", flush=True)
            if said not in ("read", "refused"):
                print(f"case {number}, {path.name}: {said}", flush=True)
            found[CASES[which][1], said if said in ("read", "refused", "hang") else "traceback"] += 1
    faulthandler.cancel_dump_traceback_later()
    for kind in ("csv", "npz", "json"):
        of_it = {said: n for (each, said), n in sorted(found.items()) if each == kind}
        print(f"{kind}: " + ", ".join(f"{n} {said}" for said, n in of_it.items()))
    bad = sum(n for (_, said), n in found.items() if said in ("traceback", "hang"))
    print(f"{given.count} files: {bad} tracebacks or hangs, slowest {slowest:.1f} s, peak {peak / 2**20:.0f} MiB, "
          f"{time.perf_counter() - start:.0f} s")  # fmt: skip
    sys.exit(bool(bad) or peak > LIMIT_BYTES)


if __name__ == "__main__":
    main()
