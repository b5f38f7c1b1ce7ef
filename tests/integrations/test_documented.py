"""The page of the trainers, and a program for each, run as they stand."""

from __future__ import annotations

import logging
import re
import runpy
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "trainers.md").read_text(encoding="utf-8")


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder, no state of accelerate's from before, and no advice on workers and GPUs."""
    from accelerate.state import AcceleratorState, GradientState, PartialState

    for state in (AcceleratorState, GradientState, PartialState):
        state._reset_state()
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("alone")
def test_the_python_of_the_page_runs() -> None:
    parts = re.split(r"^## ", PAGE, flags=re.M)
    assert [part.splitlines()[0] for part in parts[1:]] == [
        "transformers", "Lightning", "Accelerate", "skorch", "torchmetrics", "A loop of your own",
    ]  # fmt: skip
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    assert len(blocks) == 6
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="pytorch_lightning|lightning")
        exec(compile("\n".join(blocks), "<python of trainers.md>", "exec"), {"__name__": "a_page"})


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("name", ["huggingface", "lightning", "accelerate", "skorch", "loop"])
def test_a_program_for_each_trainer_runs(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert f"`python examples/trainer_{name}.py`" in PAGE
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="pytorch_lightning|lightning")
        runpy.run_path(str(ROOT / "examples" / f"trainer_{name}.py"), run_name="__main__")
    shown = capsys.readouterr().out
    figures = dict(re.findall(r"^(\w+) +(\d+\.\d+)$", shown, re.M))
    if name == "skorch":
        assert "valid_ece" in shown and shown.count("NLL ") == 3
        return
    nll = next(value for key, value in figures.items() if key.endswith("nll"))
    smoothed = next(value for key, value in figures.items() if key.endswith("smoothed_loss"))
    assert 0 < float(nll) < float(smoothed) < 2
