"""Importing the package and asking for help load no torch."""

from __future__ import annotations

import subprocess
import sys

import pytest

import labelsmooth


def loaded_after(code: str) -> set[str]:
    program = f"import sys\n{code}\nprint('\\n'.join(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "code",
    [
        "import labelsmooth; dir(labelsmooth); labelsmooth.__version__",
        "from labelsmooth.cli import parser; parser().format_help()",
        "import labelsmooth.schemes as s; s.names()",
        "import labelsmooth.data as d; d.names()",
    ],
)
def test_loads_no_torch(code: str) -> None:
    modules = loaded_after(code)
    assert "labelsmooth" in modules
    assert not modules & {"torch", "scipy", "matplotlib"}


def test_torch_is_loaded_when_a_loss_is_used_and_nothing_distributed() -> None:
    modules = loaded_after(
        "import torch\nfrom labelsmooth import CrossEntropyLoss\n"
        "CrossEntropyLoss(label_smoothing=0.1)(torch.nn.Parameter(torch.zeros(1, 3)), torch.tensor([0]))"
    )
    assert "torch" in modules
    assert not modules & {"torch.distributed.tensor", "labelsmooth.losses.parallel"}


def test_unknown_names_are_told_apart() -> None:
    with pytest.raises(AttributeError, match="it has: CrossEntropyLoss"):
        labelsmooth.NoSuchLoss  # noqa: B018


def test_the_module_is_the_command() -> None:
    ran = [sys.executable, "-m", "labelsmooth"]
    done = subprocess.run([*ran, "--version"], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == f"labelsmooth {labelsmooth.__version__}\n"
    assert subprocess.run([*ran, "no-such"], capture_output=True, timeout=120).returncode == 2
