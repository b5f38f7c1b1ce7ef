"""Without the trainer that an adapter is for, one line names the command that installs it."""

from __future__ import annotations

import sys
from importlib import import_module, reload

import pytest

from labelsmooth._checks import MissingExtra
from labelsmooth.integrations import lightning, torchmetrics

SAID = "pip install 'labelsmooth\\[trainers\\]'"


def test_torchmetrics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchmetrics", None)
    for asked in (torchmetrics.calibration_metric, lambda: torchmetrics.CalibrationMetric):
        with pytest.raises(MissingExtra, match=f"torchmetrics is not installed; .*{SAID}"):
            asked()


def test_lightning(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("lightning", "lightning.pytorch", "pytorch_lightning"):
        monkeypatch.setitem(sys.modules, name, None)
    lightning._class.cache_clear()
    with pytest.raises(MissingExtra, match=f"lightning is not installed; .*{SAID}"):
        lightning.smoothing_callback()


def test_skorch(monkeypatch: pytest.MonkeyPatch) -> None:
    module = import_module("labelsmooth.integrations.skorch")
    monkeypatch.setitem(sys.modules, "skorch", None)
    with pytest.raises(MissingExtra, match=f"skorch is not installed; .*{SAID}"):
        reload(module)
