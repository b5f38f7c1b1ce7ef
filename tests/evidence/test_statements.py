"""Every statement of the evidence command runs, and sees nothing where there is nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from evidence_command import NAMES, claims, command, pages, pictures, statement

NOTHING: dict[str, dict[str, Any]] = {
    "confidence": {"amount": 0.0},
    "noise": {"amount": 0.0},
    "extremes": {"amount": 0.0},
    "too-much": {"amounts": (0.0, 0.0)},
}
WITHOUT_SMOOTHING = ("hard labels are", "the hard gradient vanishes", "both push")


def test_the_statements_are_those_that_were_asked_for() -> None:
    asked = "confidence distillation extremes logit-gap markov noise ranking robustness temperature too-much"
    assert asked.split() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_statement_measures(name: str) -> None:
    found = statement(name).measure(range(2), small=True)
    assert found.claims and found.rows
    for row in found.rows.values():
        assert 1 <= len(row) <= len(found.columns)
        assert all(len(values) == 2 and np.isfinite(values).all() for values in row)
    for claim in found.claims:
        assert len(claim.values) == 2 and np.isfinite(claim.values).all()
    record = pages.record(found, range(2))
    assert json.loads(json.dumps(record)) == record
    text = pages.page(statement(name), {"0": record})
    assert all(claim.text in text for claim in found.claims)


@pytest.mark.parametrize("name", sorted(NOTHING))
def test_no_direction_is_found_where_both_sides_are_the_same(name: str) -> None:
    found = statement(name).measure(range(2), small=True, **NOTHING[name])
    compared = [claim for claim in found.claims if not any(words in claim.text for words in WITHOUT_SMOOTHING)]
    assert compared
    assert [claim.text for claim in compared if claim.verdict() == claims.FOUND] == []


def test_chance_is_found_to_be_a_direction_as_rarely_as_its_interval_says() -> None:
    drawn = np.random.default_rng(0).normal(size=(1000, 5))
    verdicts = [claims.Claim("chance", list(row)).verdict() for row in drawn]
    assert 0.01 < verdicts.count(claims.FOUND) / 1000 < 0.045
    assert 0.01 < verdicts.count(claims.NOT_FOUND) / 1000 < 0.045


@pytest.mark.parametrize(
    ("values", "within", "verdict"),
    [
        ([1.0, 1.1, 0.9], None, "found"),
        ([-1.0, -1.1, -0.9], None, "not found"),
        ([1.0, -1.0, 0.5], None, "unproven"),
        ([0.0, 0.0, 0.0], None, "unproven"),
        ([0.0, 0.01, -0.01], 0.1, "found"),
        ([0.5, 0.51, 0.49], 0.1, "not found"),
        ([0.1, 0.3, -0.2], 0.1, "unproven"),
    ],
)
def test_what_seeds_show(values: list[float], within: float | None, verdict: str) -> None:
    assert claims.Claim("it", values, within).verdict() == verdict


def test_a_picture_is_small(tmp_path: Path) -> None:
    found = statement("logit-gap").measure(range(2), small=True)
    pictures.save(found.draw, tmp_path / "it.png")
    assert 2_000 < (tmp_path / "it.png").stat().st_size < 60_000


def test_offsets_that_are_not_kept_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["--seeds-from", "7", "--write"])
    assert "--write keeps the offsets" in capsys.readouterr().err
