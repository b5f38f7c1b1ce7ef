"""The compiled kernel is there wherever a compiler is; a broken one is left aside; the switch is obeyed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from labelsmooth import cross_entropy
from labelsmooth._notices import forget
from labelsmooth.kernels import _compiled
from labelsmooth.losses import explain

Z, Y = torch.tensor([[2.0, 0.5, 0.3]]), torch.tensor([0])


def fresh(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run in a process of its own, which opens the library anew."""
    return subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True, timeout=120
    )


@pytest.mark.skipif(not any(map(shutil.which, ("c++", "g++", "clang++"))), reason="there is no C++ compiler")
@pytest.mark.skipif(os.environ.get(_compiled.SWITCH) == "0", reason="the compiled kernel is switched off")
def test_the_kernel_is_compiled_where_a_compiler_is() -> None:
    opened = _compiled.load()
    assert isinstance(opened, _compiled.Opened), f"{opened}; CONTRIBUTING.md says how to compile it in place"


def test_the_switch() -> None:
    code = (
        "import torch; from labelsmooth.losses import explain; print(explain(torch.ones(2, 3), torch.tensor([0, 1])))"
    )
    off = fresh(code, LABELSMOOTH_NATIVE="0")
    assert "portable runs" in off.stdout and "LABELSMOOTH_NATIVE=0" in off.stdout and off.stderr == ""
    wrong = fresh(code, LABELSMOOTH_NATIVE="sse9")
    assert wrong.returncode != 0 and "LABELSMOOTH_NATIVE must be 0, 1 or one of" in wrong.stderr


@pytest.mark.parametrize("content", [b"", b"not a library", b"\x7fELF" + 100 * b"\0"])
def test_a_corrupt_library_is_left_aside_with_one_warning(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / _compiled.NAME
    broken.write_bytes(content)
    monkeypatch.setattr(_compiled, "path", lambda: broken)
    _compiled._open.cache_clear()
    forget()
    try:
        with pytest.warns(RuntimeWarning, match="cannot be used") as told:
            losses = [cross_entropy(Z, Y, label_smoothing=0.2) for _ in range(3)]
        assert len(told) == 1
        assert losses[0].item() == pytest.approx(0.5539, abs=1e-4)
        assert "cannot be used" in explain(Z, Y).refusals["native_cpu"]
    finally:
        _compiled._open.cache_clear()


def test_a_foreign_library_is_left_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    found = next((Path(torch.__file__).parent / "lib").glob("libc10.*"))
    monkeypatch.setattr(_compiled, "path", lambda: found)
    _compiled._open.cache_clear()
    forget()
    try:
        with pytest.warns(RuntimeWarning, match="ls_abi"):
            cross_entropy(Z, Y)
    finally:
        _compiled._open.cache_clear()
