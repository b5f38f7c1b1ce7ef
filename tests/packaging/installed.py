"""Shows that an installed labelsmooth works, away from its sources: python installed.py KERNEL

KERNEL is what `explain` must name for an ordinary call: native_cpu where the wheel was compiled, else portable.
"""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path


def run(*arguments: str) -> str:
    """A command of the installed package; what it printed."""
    from labelsmooth.cli import run as command

    with contextlib.redirect_stdout(io.StringIO()) as said:
        code = command(list(arguments))
    assert code == 0 or (code, arguments[0]) == (1, "audit"), f"labelsmooth {arguments[0]} ended with {code}"
    return said.getvalue()


def from_the_installation() -> None:
    """The package that is imported is the one that was installed, and so is its compiled kernel."""
    import labelsmooth
    from labelsmooth.kernels import _compiled

    home = Path(labelsmooth.__file__).resolve()
    assert home.is_relative_to(Path(sys.prefix).resolve()), f"imported from {home}, not from {sys.prefix}"
    assert _compiled.path().resolve().is_relative_to(home.parent)
    assert labelsmooth.__version__ == version("labelsmooth")
    assert (home.parent / "py.typed").exists() and not list(home.parent.rglob("*.cpp"))


def losses(kernel: str) -> None:
    """The kernel that is wanted runs, and gives what the formula gives."""
    import torch

    from labelsmooth import CrossEntropyLoss
    from labelsmooth.losses import explain

    logits = torch.randn(64, 100, generator=torch.Generator().manual_seed(0)).requires_grad_()
    target = torch.arange(64)
    told = explain(logits, target, label_smoothing=0.1)
    assert told.kernel == kernel, str(told)
    gradients = []
    for name in (kernel, "formula"):
        loss = CrossEntropyLoss(label_smoothing=0.1, kernel=name)(logits, target)
        gradients.append((loss.detach(), *torch.autograd.grad(loss, logits)))
    for here, there in zip(*gradients, strict=True):
        assert torch.allclose(here, there, rtol=1e-6, atol=1e-8)


def commands() -> None:
    """What needs templates, styles, recordings and data finds them."""
    if find_spec("jinja2") is None or find_spec("scipy") is None:
        assert "uniform" in run("audit", "torch.nn:CrossEntropyLoss", "--arg", "label_smoothing=0.1")
        return
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "learn.html"
        run("learn", "--out", str(page))
        assert page.stat().st_size > 100_000
        files = [saved(Path(folder), method, scale) for method, scale in (("hard", 1.0), ("smooth", 0.5))]
        assert "Verdict (" in run("evaluate", *files, "--out", f"{folder}/run")
        assert (Path(folder) / "run" / "report.html").stat().st_size > 10_000


def saved(folder: Path, method: str, scale: float) -> str:
    """A file of predictions of the digits' test rows."""
    import numpy as np

    from labelsmooth import Predictions
    from labelsmooth.data import load

    test = load("digits").test
    logits = scale * (np.random.default_rng(0).normal(size=(len(test.labels), 10)) + 2 * np.eye(10)[test.labels])
    Predictions(logits, test.labels).save(folder / f"{method}-0.npz")
    return f"{method}={folder}/{method}-0.npz"


if __name__ == "__main__":
    from_the_installation()
    losses(sys.argv[1] if len(sys.argv) > 1 else "native_cpu")
    commands()
    print("installed: works")
