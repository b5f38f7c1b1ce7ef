"""Each instruction set of the compiled kernel, one after another."""

from __future__ import annotations

import pytest

from labelsmooth.kernels import _compiled

OPENED = _compiled.load()
SETS = [] if isinstance(OPENED, _compiled.Missing) else _compiled.instruction_sets(OPENED.calls)


@pytest.fixture(params=SETS)
def instruction_set(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(_compiled.SWITCH, request.param)
    if isinstance(_compiled.load(), _compiled.Missing):
        pytest.skip(f"this machine does not run {request.param}")
    return str(request.param)
