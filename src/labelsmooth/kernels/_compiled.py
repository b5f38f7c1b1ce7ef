"""Find, check and open the compiled kernel; say in words why there is none."""

from __future__ import annotations

import ctypes
import os
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from .._notices import once

SWITCH = "LABELSMOOTH_NATIVE"
"""0 switches the compiled kernel off; the name of an instruction set, such as x86-64-v2, takes that one."""

NAME = "liblabelsmooth_native.so"
ABI = 2
NAMES = ("ls_abi", "ls_sets", "ls_name", "ls_runs", "ls_openmp", "ls_huge_pages", "ls_run", "ls_again", "ls_scan")


class Opened(NamedTuple):
    """The compiled kernel, ready to be called."""

    calls: ctypes.CDLL
    number: int  # of the instruction set
    instruction_set: str
    openmp: bool


class Missing(NamedTuple):
    """No compiled kernel, and why."""

    reason: str


def path() -> Path:
    """Where the compiled kernel is, if there is one."""
    return Path(str(files("labelsmooth.kernels").joinpath("native").joinpath(NAME)))


def load() -> Opened | Missing:
    """The compiled kernel, opened once for each value of the switch."""
    return _open(os.environ.get(SWITCH, ""))


@lru_cache(maxsize=8)
def _open(asked: str) -> Opened | Missing:
    if asked == "0":
        return Missing(f"{SWITCH}=0 switches it off")
    if not path().exists():
        return Missing("it was not compiled when labelsmooth was installed (that needs a C++ compiler)")
    try:
        calls = _checked(ctypes.CDLL(str(path())))
    except (OSError, AttributeError, ValueError) as error:
        once(
            "native kernel",
            f"the compiled kernel {path()} cannot be used ({error}); the portable one computes the same, more slowly. "
            "Install labelsmooth again to compile it anew",
            RuntimeWarning,
        )
        return Missing(f"{path()} cannot be used: {error}")
    return _chosen(calls, asked)


def _checked(calls: ctypes.CDLL) -> ctypes.CDLL:
    for name in NAMES:
        getattr(calls, name).restype = ctypes.c_int64
    if calls.ls_abi() != ABI:
        raise ValueError(f"it was compiled for interface {calls.ls_abi()}, and this version needs {ABI}")
    calls.ls_name.restype, calls.ls_run.restype = ctypes.c_char_p, None
    calls.ls_name.argtypes = calls.ls_runs.argtypes = (ctypes.c_int64,)
    calls.ls_huge_pages.argtypes = (ctypes.c_int64, ctypes.c_int64)
    calls.ls_run.argtypes = (ctypes.c_int64, ctypes.c_char_p)
    calls.ls_again.argtypes = (ctypes.c_int64, ctypes.c_char_p, *4 * (ctypes.c_int64,))
    calls.ls_scan.restype, calls.ls_scan.argtypes = None, (*6 * (ctypes.c_int64,), ctypes.c_void_p)
    return calls


def _chosen(calls: ctypes.CDLL, asked: str) -> Opened | Missing:
    names = instruction_sets(calls)
    runs = [name for number, name in enumerate(names) if calls.ls_runs(number)]
    if asked not in ("", "1", *names):
        raise ValueError(f"{SWITCH} must be 0, 1 or one of {', '.join(names)}; got {asked!r}")
    chosen = asked if asked in names else (runs[-1] if runs else "")
    if chosen not in runs:
        return Missing(f"this machine runs none of {', '.join([chosen] if chosen else names)}")
    return Opened(calls, names.index(chosen), chosen, bool(calls.ls_openmp()))


def instruction_sets(calls: ctypes.CDLL) -> list[str]:
    """The sets it was compiled for, the widest last."""
    return [calls.ls_name(number).decode() for number in range(calls.ls_sets())]


def huge_pages() -> str:
    """What the system gives to a large buffer: "always", "madvise", "never", or that it cannot be known."""
    try:
        text = Path("/sys/kernel/mm/transparent_hugepage/enabled").read_text(encoding="ascii")
    except OSError:
        return "not on this system"
    return text.partition("[")[2].partition("]")[0]
