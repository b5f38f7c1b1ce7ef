"""What somebody meets who audits a loss of their own for the first time: words and exit codes, with torch alone."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from labelsmooth.audit import check, render
from labelsmooth.audit._snippet import apart
from labelsmooth.cli import run

APP = ("rich", "scipy", "jinja2", "matplotlib", "pyarrow")
LOSSES = """
import torch
from torch.nn import functional as F

def smoothed(logits, target, smoothing=0.1):
    log_p = F.log_softmax(logits, -1)
    hard = -log_p.gather(-1, target.unsqueeze(1)).squeeze(1)
    return ((1 - smoothing) * hard - smoothing * log_p.mean(-1)).mean()

def nearly(logits, target):
    p = logits.softmax(-1).gather(-1, target.unsqueeze(1))
    return -(p + 1e-8).log().mean()

class Sized(torch.nn.CrossEntropyLoss):
    def __init__(self, classes):
        super().__init__()

number = 3

def refuses(logits, target):
    raise RuntimeError("never today")
"""


@pytest.fixture(autouse=True)
def theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module of losses in the current folder, and none of the extra packages."""
    (tmp_path / "newcomers_losses.py").write_text(LOSSES)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "newcomers_losses", raising=False)
    for name in APP:
        monkeypatch.setitem(sys.modules, name, None)


def audit(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    code = run(["audit", *args])
    out, err = capsys.readouterr()
    return code, out, err


def test_the_core_install_is_enough_and_failures_exit_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = audit(capsys, "newcomers_losses:smoothed", "--arg", "smoothing=0.2")
    assert code == 1
    assert "uniform, ε = 0.2" in out
    assert out.splitlines()[-1].endswith("Waive it by name: --waive masked_logits_finite")
    assert "does not hold: a −inf logit" in out


def test_what_is_waived_does_not_fail_and_json_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    failed = ("masked_logits_finite", "confident_gradient", "half_precision_accuracy", "wrong_shape_refused")
    code, out, _ = audit(capsys, "newcomers_losses:smoothed", "--json", "--waive", *failed)
    report = json.loads(out)
    assert (code, report["passed"], report["counts"]["waived"]) == (0, True, 4)
    assert (report["convention"], round(report["smoothing"], 9)) == ("uniform", 0.1)


WRONG = {
    "newcomers_losses": "expected module:attribute",
    "no_such_module:Loss": "no module 'no_such_module'",
    "newcomers_losses:smooth": "it has: smoothed",
    "newcomers_losses:Sized": "could not be built with no arguments: TypeError",
    "newcomers_losses:number": "is 3, of type int, not a loss that can be called",
    "newcomers_losses:refuses": "loss(logits, indices): RuntimeError: never today",
}


@pytest.mark.parametrize("spec", WRONG)
def test_a_wrong_name_is_told_in_words(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = audit(capsys, spec)
    assert (code, out) == (2, "")
    assert WRONG[spec] in err


def test_two_waivers_in_one_word(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = audit(capsys, "torch.nn:CrossEntropyLoss", "--waive", "reuse,deterministic")
    assert code == 2
    assert "several are given with spaces between them" in err


def test_expected_and_got_are_told_apart() -> None:
    assert apart(1.0, 2.0) == ("1", "2")
    assert apart([0.25, 1.0], [0.25, 1.0 + 1e-8]) == ("[0.25, 1]", "[0.25, 1.00000001]")
    assert apart(np.ones(2), np.ones(2)) == ("[1, 1]", "[1, 1]")


def test_a_loss_that_is_nearly_right_shows_where_it_is_not() -> None:
    import newcomers_losses

    wrong = check(newcomers_losses.nearly)["gradient_is_softmax_minus_target"]
    assert wrong.status == "fail"
    assert wrong.expected.partition(" =")[0] != wrong.got


def test_nothing_is_waived_where_nothing_fails() -> None:
    from labelsmooth import CrossEntropyLoss

    assert "--waive" not in render(check(CrossEntropyLoss(label_smoothing=0.1)))
    assert torch.is_grad_enabled()
