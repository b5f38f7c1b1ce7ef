"""The recorded trainings: made by this library, complete, and showing what the page says of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from labelsmooth.lesson import recording
from labelsmooth.lesson._facts import best_gap
from labelsmooth.lesson.record import RUNS, record

HELD = recording.recordings()


def test_the_first_epochs_are_what_training_gives_today() -> None:
    if HELD["versions"]["torch"] != torch.__version__:
        pytest.skip(f"recorded with torch {HELD['versions']['torch']}")
    again = record(replace(RUNS[0], epochs=2))
    for method, track in again["methods"].items():
        for figure, values in track.items():
            kept = HELD["runs"]["digits"]["methods"][method][figure][:2]
            if figure in ("count", "bin_confidence", "bin_accuracy"):
                assert all(len(row) == 15 for row in kept) and len(values) == len(kept)
            else:
                assert values == pytest.approx(kept, abs=2e-3), (method, figure)


def test_every_run_is_complete() -> None:
    assert {run.name for run in RUNS} == set(HELD["runs"])
    for run in HELD["runs"].values():
        for track in run["methods"].values():
            assert {len(values) for values in track.values()} == {len(run["epoch"])}
            rows = run["rows"]["test"] * len(run["seeds"])
            assert {sum(count) for count in track["count"]} == {rows}


def test_S6_confidence_fell_in_every_run_and_ece_where_the_hard_gap_was_positive() -> None:
    for name in HELD["runs"]:
        hard, smooth = (recording.final(name, method, "confidence") for method in ("hard", "smooth"))
        assert smooth < hard
        gap = hard - recording.final(name, "hard", "accuracy")
        fell = recording.final(name, "smooth", "ece") < recording.final(name, "hard", "ece")
        assert fell == (gap > 0.1)


def test_S7_the_logit_gap_settles_at_theory_where_labels_can_be_fitted() -> None:
    for name in ("digits", "noisy", "mixture"):
        theory = best_gap(HELD["runs"][name]["classes"], HELD["amount"])
        assert recording.final(name, "smooth", "train_accuracy") > 0.99
        assert recording.final(name, "smooth", "gap") == pytest.approx(theory, rel=0.06)
        assert recording.final(name, "hard", "gap") > 1.5 * theory


def test_S8_confused_pairs_ranking_and_sets_suffer_on_the_mixture() -> None:
    error, risk, size = (recording.sweep("mixture", name) for name in ("pair_error", "excess_aurc", "set_size"))
    assert error[0.9] > error[0.0] + 0.02
    assert risk[0.9] > risk[0.1] > risk[0.0]
    assert size[0.4] > 1.5 * size[0.0]


def test_S8_a_smoothed_teacher_hurts_a_student_who_has_few_rows() -> None:
    teachers = HELD["limits"]["distillation"]
    assert teachers["smooth"]["teacher"] > teachers["hard"]["teacher"]
    assert recording.student("smooth", 60, 4) < recording.student("hard", 60, 4) - 0.01
    assert recording.student("smooth", 300, 4) > recording.student("hard", 300, 4)
