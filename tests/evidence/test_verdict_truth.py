"""The command that holds trained verdicts to the truth: its truth is right, its counts are, its page shows them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from evidence_command import verdict_truth as truth

from labelsmooth.predictions import Predictions, Split
from labelsmooth.training import Settings


def test_the_posterior_stands_in_for_labels() -> None:
    """The truth's own logits have the entropy as NLL, and drawn labels agree with the posterior on average."""
    world = truth.WORLDS[0]
    data = truth.drawn(world, 3)
    assert data.shifted is not None and data.shifted.posterior is not None
    known = data.shifted.posterior
    logits = 3 * np.log(np.maximum(known, 1e-30)).astype(np.float32)  # over-confident: the temperature is 3
    val = data.val.posterior
    assert val is not None
    splits = {
        "val": Split(3 * np.log(np.maximum(val, 1e-30)).astype(np.float32), data.val.labels),
        "test": Split(logits, data.shifted.labels),
        "shifted": Split(logits, data.shifted.labels, posterior=known),
    }
    entropy = -(known * np.log(np.maximum(known, 1e-30))).sum(axis=1).mean()
    found = truth.true_nll(Predictions(splits=splits, classes=data.classes))
    assert entropy <= found + 1e-9 and found == pytest.approx(entropy, abs=0.01)
    assert (known[np.arange(len(known)), data.shifted.labels]).mean() == pytest.approx(
        (known**2).sum(axis=1).mean(), abs=0.02
    )


def test_a_comparison_is_judged_and_held_to_the_truth() -> None:
    small = Settings("linear", 1, 128, 0.1)
    for world in (truth.WORLDS[3], truth.WORLDS[2]):
        tiny = replace(world, settings=small, amounts=(0.1,), seeds=3, test=120)
        line = truth.compared(tiny, 0) if tiny in truth.WORLDS else _compared(tiny)
        assert line["code"] in ("smooth", "keep_hard", "open")
        assert line["lower"] <= line["difference"] <= line["upper"] and line["detectable"] > 0
        if world.placebo and line["hard"]["checkpoint"] == line["smooth"]["checkpoint"]:
            assert line["true"] == 0


def _compared(world: truth.World) -> truth.Line:
    known = truth.WORLDS
    truth.WORLDS = (world,)
    try:
        return truth.compared(world, 0)
    finally:
        truth.WORLDS = known


@pytest.mark.parametrize(
    ("code", "gain", "right"),
    [
        ("smooth", 0.01, True), ("smooth", 0.0, False), ("smooth", -0.01, False), ("keep_hard", 0.004, True),
        ("keep_hard", -0.1, True), ("keep_hard", 0.006, False), ("open", 0.0, None), ("open", 1.0, None),
    ],
)  # fmt: skip
def test_which_verdicts_are_right(code: str, gain: float, right: bool | None) -> None:
    assert truth.right(code, gain, 0.005) is right


def test_a_verdict_that_is_always_smooth_is_counted_as_wrong(tmp_path: Path) -> None:
    """The negative control: the counts tell a rule that recommends smoothing everywhere."""
    made = {"difference": 0.1, "lower": 0.05, "upper": 0.15, "min_effect": 0.005, "df": 9.0, "detectable": 0.02}
    ends = {"hard": {"checkpoint": "best"}, "smooth": {"checkpoint": "best"}, "true_error": 0.001}
    lines = [
        {"world": world.name, "number": n, "code": "smooth", "true": gain + 1e-4 * n, **made, **ends}
        for world, gain in zip(truth.WORLDS, (0.03, -0.001, 0.0, -0.02, 0.05, 0.06), strict=True)
        for n in range(4)
    ]
    found = truth.write(lines, tmp_path / "it.md")
    assert [world["wrong"] for world in found["worlds"]] == [0, 4, 4, 4, 0, 0]
    assert found["clear"] == (8, 8) and found["mirror"] == (0, 0)
    assert "wrong **12 of 24, 50.0% [" in (tmp_path / "it.md").read_text(encoding="utf-8")


def test_a_run_goes_on_where_it_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "store.jsonl"
    first = truth.WORLDS[0].name
    path.write_text(json.dumps({"world": first, "number": 0}) + "\n" + '{"world": "cut', encoding="utf-8")
    assert truth.stored(path) == [{"world": first, "number": 0}]
    left = [(world.name, number) for world, number in truth.missing(truth.stored(path), 2)]
    assert len(left) == 2 * len(truth.WORLDS) - 1 and (first, 0) not in left and left[-1][1] == 1
