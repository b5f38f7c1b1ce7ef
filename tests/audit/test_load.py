"""`load_loss`: modules, classes, functions and objects by name; errors that say what is there instead."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from labelsmooth._checks import UsageError
from labelsmooth.audit import check, load_loss
from labelsmooth.audit._load import parse_value

SOURCE = """
import torch.nn.functional as F

class Smooth:
    class Inner:
        def __init__(self, smoothing, kind="mean"):
            if smoothing > 1:
                raise ValueError("smoothing above 1")
            self.smoothing, self.kind = smoothing, kind
        def __call__(self, logits, target):
            return F.cross_entropy(logits, target, label_smoothing=self.smoothing, reduction=self.kind)

class NoCall:
    pass

def loss(logits, target, eps=0.0):
    return F.cross_entropy(logits, target, label_smoothing=eps)

def anything(logits, target, **options):
    return F.cross_entropy(logits, target, **options)

built = Smooth.Inner(0.3)
number = 3
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "my_losses.py").write_text(SOURCE)
    (tmp_path / "my_broken.py").write_text("raise RuntimeError('no licence')")
    (tmp_path / "my_needy.py").write_text("import not_installed_here")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in ("my_losses", "my_broken", "my_needy"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return "my_losses"


@pytest.mark.parametrize(
    "text, value",
    [("0.1", 0.1), ("None", None), ("[1, 2]", [1, 2]), ("mean", "mean"), ("'0.1'", "0.1"), ("True", True),
     ("1e-3", 1e-3),     (0.5, 0.5), ("a b", "a b"), ("", "")],
)  # fmt: skip
def test_D5_values_are_literals_or_text(text: Any, value: Any) -> None:
    parsed = parse_value(text)
    assert (parsed, type(parsed)) == (value, type(value))


def test_a_class_in_the_current_folder_is_built_with_its_arguments(module: str) -> None:
    loss = load_loss(f"{module}:Smooth.Inner", {"smoothing": "0.2", "kind": "sum"})
    assert (loss.loss.smoothing, loss.loss.kind) == (0.2, "sum")
    assert loss.name == "my_losses:Smooth.Inner(smoothing=0.2, kind='sum')"
    report = check(loss)
    assert (report.convention, round(report.smoothing or 0, 6)) == ("uniform", 0.2)
    assert report["linear_in_smoothing"].status == "pass"
    assert "loss = Smooth.Inner(smoothing=0.2, kind='sum')" in (report["masked_logits_finite"].counterexample or "")


def test_a_function_takes_its_arguments_as_keywords(module: str) -> None:
    assert round(check(load_loss(f"{module}:loss", {"eps": "0.2"})).smoothing or 0, 6) == 0.2
    assert round(check(load_loss(f"{module}:anything", {"label_smoothing": "0.2"})).smoothing or 0, 6) == 0.2
    assert check(load_loss(f"{module}:loss")).convention == "hard"


def test_an_object_is_taken_as_it_is(module: str) -> None:
    report = check(load_loss(f"{module}:built"))
    assert round(report.smoothing or 0, 6) == 0.3
    with pytest.raises(UsageError, match="already built"):
        load_loss(f"{module}:built", {"smoothing": "0.1"})


def test_lists_become_tensors_where_a_class_wants_them() -> None:
    loss = load_loss("torch.nn:CrossEntropyLoss", {"weight": "[1, 2, 3]"})
    assert torch.equal(loss.loss.weight, torch.tensor([1.0, 2.0, 3.0]))
    assert "class weights: [1, 2, 3]" in check(loss).finding


@pytest.mark.parametrize(
    "spec, args, message",
    [
        ("torch.nn.CrossEntropyLoss", {}, r"expected module:attribute.*did you mean 'torch.nn:CrossEntropyLoss'"),
        ("torch.nn:", {}, "expected module:attribute"),
        (":Loss", {}, "expected module:attribute"),
        ("no_such_package.losses:Loss", {}, "no module 'no_such_package'"),
        ("torch.nn:CrossEntropyLos", {}, "has no 'CrossEntropyLos'.*it has: CrossEntropyLoss"),
        ("torch.nn.functional:loss", {}, "has no 'loss'.*it has: .*_loss"),
        ("my_losses:Smooth.Outer", {}, "has no 'Smooth.Outer'"),
        ("my_losses:number", {}, "of type int, not a loss"),
        ("my_losses:NoCall", {}, "builds a NoCall that cannot be called"),
        ("my_losses:Smooth.Inner", {"smooth": "0.1"}, "takes no argument 'smooth'; it takes: smoothing, kind"),
        ("my_losses:loss", {"smoothing": "0.1"}, "takes no argument 'smoothing'; it takes: logits, target, eps"),
        ("my_losses:Smooth.Inner", {}, "could not be built with .*smoothing.*--arg name=value"),
        ("my_losses:Smooth.Inner", {"smoothing": "2"}, "ValueError: smoothing above 1"),
        ("torch.nn:CrossEntropyLoss", {"weight": "['a']"}, "could not be built"),
        ("my_broken:loss", {}, "importing 'my_broken' raised RuntimeError: no licence"),
        ("my_needy:loss", {}, "no module 'not_installed_here'"),
    ],
)
def test_usage_errors_say_what_is_there(module: str, spec: str, args: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load_loss(spec, args)


def test_losses_that_cannot_be_called_say_what_was_tried() -> None:
    with pytest.raises(UsageError, match=r"loss\(logits, indices\): TypeError"):
        check(lambda logits: logits.sum())
    with pytest.raises(UsageError, match="does not depend on the target"):
        check(lambda logits, target: logits.logsumexp(1).mean())
    with pytest.raises(UsageError, match="no differentiable number"):
        check(lambda logits, target: 3.0)
    with pytest.raises(UsageError, match="no differentiable number"):
        check(lambda logits, target: torch.nn.functional.cross_entropy(logits, target).detach())


def test_an_argument_that_is_missing_is_named() -> None:
    def needs_more(logits: torch.Tensor, target: torch.Tensor, temperature: float) -> torch.Tensor:
        return torch.nn.functional.cross_entropy(logits / temperature, target)

    with pytest.raises(UsageError, match="needs an argument 'temperature'; pass it: --arg temperature"):
        check(needs_more)
