"""What `elsewhere.sh` runs: random cases through the compiled kernel of another processor, emulated."""

from __future__ import annotations

import ctypes
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from cases import draw
from judge import judge, library

from labelsmooth.kernels import _compiled, _probabilities, native_cpu
from labelsmooth.kernels._call import BY_NUMBER, PACK

FIELDS = {"labels": 40, "keep": 41, "on_label": 42, "on_background": 43, "on_given": 44, "class_weight": 45}
FIELDS |= {"factor": 46, "losses": 48, "result": 49, "found": 56}
TABLES = {"logits": 7, "gradient": 13, "given": 19, "background": 25, "mask": 31}
SIZES = (4, 8, 2, 2)  # of the dtypes, by number
FOUND = 40
SHARED, BY_CLASS = 3, 4


class Elsewhere:
    """Stands where the opened library stands: each call goes to the emulated process and back."""

    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.calls = 0

    def ls_run(self, number: int, packed: bytes) -> None:
        """One call, with its memory copied there and back."""
        self.calls += 1
        fields = list(PACK.unpack(packed))
        piece, parts = bytearray(PACK.size + 64), []
        for at, size in _memory(fields):
            piece += bytes(-len(piece) % 64)
            parts.append((len(piece), fields[at], size))
            piece += ctypes.string_at(fields[at], size)
            fields[at] = parts[-1][0]
        piece[: PACK.size] = PACK.pack(*fields)
        self.process.stdin.write(len(piece).to_bytes(8, "little") + piece)  # type: ignore[union-attr]
        self.process.stdin.flush()  # type: ignore[union-attr]
        answer = self.process.stdout.read(len(piece))  # type: ignore[union-attr]
        if len(answer) != len(piece):
            sys.exit("the emulated process ended")
        for start, address, size in parts:
            ctypes.memmove(address, answer[start : start + size], size)

    def ls_again(self, number: int, packed: bytes, logits: int, gradient: int, labels: int, result: int) -> int:
        """As `ls_run`, with other places."""
        fields, found = list(PACK.unpack(packed)), (ctypes.c_int64 * 5)()
        fields[7], fields[13], fields[40], fields[49] = logits, gradient, labels, result
        fields[56] = ctypes.addressof(found)
        self.ls_run(number, PACK.pack(*fields))
        return bool(found[0] or found[2])

    def ls_huge_pages(self, at: int, size: int) -> int:
        return 0


def _memory(fields: list[Any]) -> list[tuple[int, int]]:
    """The fields that are addresses, and the bytes that lie there."""
    classes, sizes, dtype, spread = fields[0], fields[1:5], fields[6], fields[39]
    rows = sizes[0] * sizes[1] * sizes[2] * sizes[3]
    wide = {"logits": SIZES[dtype], "gradient": SIZES[dtype], "given": SIZES[fields[37]], "mask": 1}
    wide["background"] = SIZES[fields[38]]
    found = []
    for name, at in TABLES.items():
        over = [classes, *sizes]
        if name == "background" and spread in (SHARED, BY_CLASS):
            over = [classes, classes if spread == BY_CLASS else 1, 1, 1, 1]
        if fields[at]:
            last = sum((n - 1) * step for n, step in zip(over, fields[at + 1 : at + 6], strict=True) if n)
            found.append((at, (last + 1) * wide[name] if rows else 0))
    room = dict.fromkeys(FIELDS, 8 * rows) | {"keep": rows, "class_weight": 8 * classes, "result": 8, "found": FOUND}
    room |= {"factor": SIZES[fields[47]] * rows, "losses": SIZES[fields[50]] * rows, "result": SIZES[fields[50]]}
    return found + [(at, room[name]) for name, at in FIELDS.items() if fields[at]]


def main(command: list[str], number: int) -> None:
    """Judge the cases; exit with what failed."""
    there = Elsewhere(command)
    opened = _compiled.Opened(there, BY_NUMBER, "default", False)  # type: ignore[arg-type]
    for module in (_compiled, native_cpu):
        module.load = lambda: opened  # type: ignore[attr-defined]
    _probabilities.spread_of = lambda given: None  # the look at probabilities is torch's here
    warnings.simplefilter("ignore")
    cases = [case for case in (draw(31, i) for i in range(number)) if case.exact.size < 30_000]
    failed = [str(case) for case in cases if judge(case, library) is not None]
    print(f"{' '.join(command)}: {len(cases)} cases, {there.calls} calls, {len(failed)} fail")
    if failed or there.calls < len(cases) // 2:
        sys.exit("\n".join(failed[:10]) or "the cases did not go there")


if __name__ == "__main__":
    main(sys.argv[2:], int(sys.argv[1]))
