"""Every adapter is a smoothed cross-entropy like the loss inside it: the audit's properties hold through each."""

from __future__ import annotations

import pytest
from audit.test_zoo import failing
from integrations import adapters

from labelsmooth.audit import check, load_loss

NAMES = ("trainer_rows", "trainer_causal", "skorch_net", "one_window", "accelerate_window", "lightning_window")


@pytest.mark.parametrize("name", NAMES)
def test_the_audit_passes_through_every_adapter(name: str) -> None:
    report = check(load_loss(f"integrations.adapters:{name}", {"label_smoothing": "0.1"}))
    assert failing(report) == set(), str(report)
    assert report.convention == "uniform"
    assert report.smoothing == pytest.approx(0.1, abs=1e-6)
    untried = [result.name for result in report.properties if result.status != "pass"]
    assert untried == ["matches_design"], "no design was named"


def test_the_audit_passes_through_the_binary_form() -> None:
    report = check(adapters.trainer_multi_label, design="binary")
    assert failing(report) == set(), str(report)
    assert report["matches_design"].status == "pass"


def test_an_adapter_that_divides_by_something_else_fails() -> None:
    report = check(lambda logits, target: adapters.one_window(logits, target) * 1.01)
    assert failing(report) != set()
