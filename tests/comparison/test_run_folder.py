"""Plans, trials by name, the run folder, and engines that give the same bits."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from labelsmooth import data
from labelsmooth._checks import DataError, MissingExtra, UsageError
from labelsmooth.comparison import engines
from labelsmooth.comparison._interrupts import Stop
from labelsmooth.comparison.engines import processes
from labelsmooth.comparison.engines._trial import Failed, attempt
from labelsmooth.comparison.plan import DataRequest, Plan, Trial, seeds_from, slug
from labelsmooth.comparison.running import open_folder, run_trials
from labelsmooth.comparison.store import RunFolder, write_text
from labelsmooth.methods import Method, grid
from labelsmooth.training import Settings, TrialResult

SETTINGS = Settings("mlp", 1, 64, 2e-3)


@pytest.fixture(scope="module")
def digits() -> data.Dataset:
    return data.load("digits")


def plan_of(digits: data.Dataset, seeds: int = 2) -> Plan:
    request = DataRequest("digits", fingerprint=digits.fingerprint)
    return Plan(request, grid(["uniform"], [0.1], [0.01], [0.0]), seeds_from(seeds), SETTINGS)


def bits(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "predictions").iterdir())}


def test_a_trials_name_is_a_hash_of_everything_that_decides_it(digits: data.Dataset) -> None:
    trial = plan_of(digits).trials()[1]
    assert trial.name == replace(trial).name
    changed = [
        replace(trial, seed=7),
        replace(trial, method=replace(trial.method, weight_decay=0.5)),
        replace(trial, settings=replace(SETTINGS, epochs=2)),
        replace(trial, data=replace(trial.data, label_noise=0.1)),
        replace(trial, data=replace(trial.data, fingerprint="0")),
    ]
    assert len({each.name for each in (trial, *changed)}) == 6


def test_D3_names_never_leave_the_folder() -> None:
    for hostile in ("../../etc/passwd", "/abs", "a\\b", "%2e%2e/x", "..", "a\x00b", "CON:", ""):
        trial = Trial(DataRequest(hostile), Method(hostile, "hard"), SETTINGS, 0)
        assert Path(trial.name).name == trial.name
        assert not set("/\\:\x00%") & set(trial.name)
        assert slug(hostile).replace("-", "").isalnum()


def test_a_plan_travels_as_json(digits: data.Dataset) -> None:
    plan = plan_of(digits)
    assert Plan.from_dict(json.loads(json.dumps(plan.to_dict()))) == plan
    with pytest.raises(DataError, match="not a plan"):
        Plan.from_dict({"data": {}})


@pytest.mark.parametrize("seeds", [0, -1, True])
def test_seeds_are_at_least_one(seeds: int) -> None:
    with pytest.raises(UsageError, match="seeds must be"):
        seeds_from(seeds)


def test_engines_and_interruptions_give_the_same_bits(digits: data.Dataset, tmp_path: Path) -> None:
    plan = plan_of(digits)
    for engine in ("inline", "processes"):
        run_trials(digits, plan, open_folder(plan, tmp_path / engine, resume=False), engine, 2, progress=False)
    whole = bits(tmp_path / "inline")
    assert len(whole) == 8
    assert bits(tmp_path / "processes") == whole
    victim = sorted((tmp_path / "inline" / "predictions").iterdir())[3]
    victim.unlink()
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "inline" / "history").iterdir()}
    run_trials(digits, plan, open_folder(plan, tmp_path / "inline", resume=True), "inline", None, progress=False)
    assert bits(tmp_path / "inline") == whole
    redone = [p for p, written in before.items() if p.stat().st_mtime_ns != written]
    assert len(redone) == 1


def test_a_folder_that_exists_is_refused_and_left_alone(digits: data.Dataset, tmp_path: Path) -> None:
    plan = plan_of(digits)
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="exists and is not empty; go on with it by --resume"):
        RunFolder.create(tmp_path, plan, resume=False)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_resume_refuses_another_plan(digits: data.Dataset, tmp_path: Path) -> None:
    RunFolder.create(tmp_path / "run", plan_of(digits), resume=False)
    with pytest.raises(UsageError, match="holds another plan"):
        RunFolder.create(tmp_path / "run", plan_of(digits, seeds=3), resume=True)


def test_resume_refuses_data_that_have_changed(digits: data.Dataset, tmp_path: Path) -> None:
    plan = plan_of(digits)
    changed = plan.with_fingerprint("0123456789abcdef")
    assert changed.name() == plan.name() and plan.trials()[0].name != changed.trials()[0].name
    RunFolder.create(tmp_path / "run", plan, resume=False)
    with pytest.raises(UsageError, match="was made with other data: digits has changed since"):
        RunFolder.create(tmp_path / "run", changed, resume=True)


def test_an_unwritable_place_is_one_clear_error(digits: data.Dataset, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(UsageError, match="choose another"):
        RunFolder.create(file / "run", plan_of(digits), resume=False)


def test_text_is_there_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "results.json"
    write_text(target, "old")

    def full_disk(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write_text(target, "new")
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


def test_D9_a_failed_trial_is_recorded_and_the_others_go_on(digits: data.Dataset, tmp_path: Path) -> None:
    plan = replace(plan_of(digits, seeds=1), settings=Settings("mlp", 1, 64, 1e30))
    folder = open_folder(plan, tmp_path / "run", resume=False)
    run_trials(digits, plan, folder, "inline", None, progress=False)
    failures = folder.failures(plan)
    assert len(failures) == 2
    assert all("Diverged" in failure["reason"] for failure in failures)


def die(dataset: data.Dataset, trial: Trial) -> TrialResult | Failed:
    if trial.seed == 1:
        os._exit(9)
    return attempt(dataset, trial)


def test_D9_a_worker_that_dies_costs_its_own_trial_only(digits: data.Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "attempt", die)
    outcomes = dict(processes.run(digits, plan_of(digits, seeds=3).trials(), 2, Stop()))
    died = {trial.seed: outcome.reason for trial, outcome in outcomes.items() if isinstance(outcome, Failed)}
    reason = "WorkerDied: its worker process died twice (exit code 9), most likely for lack of memory"
    assert died == {1: reason}
    assert sum(isinstance(outcome, TrialResult) for outcome in outcomes.values()) == 4


def test_unknown_engine_and_jobs(digits: data.Dataset) -> None:
    with pytest.raises(UsageError, match=r"engine must be one of \['inline', 'processes', 'ray'\]; got 'slurm'"):
        engines.run("slurm", digits, [], None, Stop())
    with pytest.raises(UsageError, match="jobs must be at least 1"):
        engines.run("inline", digits, [], 0, Stop())
    with pytest.raises(UsageError, match="--address is of a Ray cluster"):
        engines.check("processes", None, "auto")


def test_without_ray_its_engine_names_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtra, match=r"ray is not installed; install it with: pip install 'labelsmooth\[ray\]'"):
        engines.check("ray", None)
