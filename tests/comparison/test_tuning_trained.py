"""A search that trains: the amount is tuned on real digits while calibration is watched beside accuracy (S11)."""

from __future__ import annotations

from pathlib import Path

from labelsmooth import tune


def test_S11_real_trainings_are_tuned_while_calibration_is_watched(tmp_path: Path) -> None:
    result = tune("digits", out=tmp_path / "run", seeds=2, trials=2, epochs=4, engine="inline", progress=False)
    lines = result.tuning["candidates"]
    assert [line["label_smoothing"] for line in lines] == [0.0, 0.1, 0.2]
    assert {line["state"] for line in lines} == {"complete"}
    watched = {name: [line["before"][name]["mean"] for line in lines] for name in ("accuracy", "confidence", "ece")}
    assert min(watched["accuracy"]) > 0.7
    assert watched["confidence"] == sorted(watched["confidence"], reverse=True)
    assert watched["ece"] == sorted(watched["ece"])
    best = min(lines, key=lambda line: line["after"]["nll"]["mean"])
    assert result.tuning["best"] == best["method"]
    assert result.verdict["hard"]["method"] == "hard" and result.verdict["code"] == "open"
    assert any("few seeds" in reason for reason in result.verdict["reasons"])
