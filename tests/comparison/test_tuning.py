"""The search for an amount: known answers are found, killed searches end alike, the test split stays shut."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from scipy import stats

from labelsmooth import data, tune
from labelsmooth._checks import DataError, TrialsFailed, UsageError
from labelsmooth.cli import run as command
from labelsmooth.comparison.engines import inline
from labelsmooth.comparison.engines._trial import Failed
from labelsmooth.comparison.plan import DataRequest
from labelsmooth.comparison.tuning import finishing, proposals, pruning, searching
from labelsmooth.comparison.tuning.search import Search, Setting
from labelsmooth.comparison.tuning.space import Range, Space
from labelsmooth.comparison.tuning.validated import Candidate, Validated
from labelsmooth.formats import npz
from labelsmooth.methods import Method
from labelsmooth.predictions import Predictions, Split
from labelsmooth.training import Settings, TrialResult
from labelsmooth.workflows import Comparison

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "results.schema.json").read_text(encoding="utf-8"))
QUICK = {"engine": "inline", "progress": False}
KNOWN_BEST = 0.13
Quality = Callable[[Any], float]


def parabola(trial: Any) -> float:
    """How far the logits lean towards the label: most at the known best amount, whatever else is searched."""
    return 3.0 - 30.0 * (trial.method.label_smoothing - KNOWN_BEST) ** 2


def made(dataset: data.Dataset, trial: Any, quality: Quality, noise: int = 0) -> TrialResult:
    """What a training of that quality would leave; a seed has its own noise, the same for every candidate."""
    splits = {}
    for number, name in enumerate(("val", "test")):
        rows = dataset.splits[name]
        drawn = np.random.default_rng([trial.seed, number, noise * number]).normal(size=(len(rows.labels), 10))
        splits[name] = Split(drawn + quality(trial) * np.eye(10)[rows.labels], rows.labels, rows.ids)
    found = Predictions(splits=splits, classes=dataset.classes)
    later = Predictions(splits=splits, classes=dataset.classes)
    history = [{"epoch": 1, "train_loss": 1.0, "val_nll": 1.0, "val_nll_after": 1.0}]
    return TrialResult({"last": found, "best": later}, history)


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Put a known curve in the place of training; returns the names of the trials as they are asked for."""

    def put(quality: Quality, *, stop_after: int | None = None, noise: int = 0, refuse: Any = None) -> list[str]:
        asked: list[str] = []

        def attempt(dataset: data.Dataset, trial: Any) -> TrialResult | Failed:
            if stop_after is not None and len(asked) >= stop_after:
                raise KeyboardInterrupt
            asked.append(trial.name)
            return (
                Failed("Diverged: nan")
                if refuse is not None and refuse(trial)
                else made(dataset, trial, quality, noise)
            )

        monkeypatch.setattr(inline, "attempt", attempt)
        return asked

    return put


def states(result: Comparison) -> dict[str, str]:
    return {line["method"]: line["state"] for line in result.tuning["candidates"]}


def line_of(result: Comparison, role: str) -> dict[str, Any]:
    (line,) = [line for line in result.tuning["candidates"] if line["chosen"] == role]
    return line


def bits(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "predictions").iterdir())}


# the answer


def test_S11_the_best_amount_of_a_known_curve_is_found(pretend: Any, tmp_path: Path) -> None:
    pretend(parabola)
    result = tune("digits", out=tmp_path / "run", seeds=4, trials=16, **QUICK)
    best = line_of(result, "smooth")
    assert abs(best["label_smoothing"] - KNOWN_BEST) <= 0.02
    assert result.tuning["best"] == best["method"] and best["difference"]["flat"]
    flat = result.tuning["flat"]
    assert flat["low"] <= best["label_smoothing"] <= flat["high"] < 0.4
    assert result.tuning["edges"] == []
    assert result.verdict["smooth"]["method"] == best["method"]
    amounts = [line["label_smoothing"] for line in result.tuning["candidates"]]
    assert amounts[:5] == [0.0, 0.1, 0.2, 0.4, 0.05] and len(amounts) == 17
    jsonschema.Draft202012Validator(SCHEMA).validate(result.results)


def test_S11_hard_labels_win_where_smoothing_only_hurts(pretend: Any, tmp_path: Path) -> None:
    pretend(lambda trial: 3.0 - 6.0 * trial.method.label_smoothing)
    result = tune("digits", out=tmp_path / "run", seeds=4, trials=6, **QUICK)
    assert result.tuning["best"] == "hard" and result.tuning["flat"]["low"] == 0
    assert result.verdict["code"] == "keep_hard"


def test_an_edge_is_said_and_an_end_of_nature_is_named_so(pretend: Any, tmp_path: Path) -> None:
    pretend(lambda trial: 2.0 + 3.0 * trial.method.label_smoothing - 2.0 * trial.method.dropout)
    chosen = {"search": ["smoothing=0:0.4", "dropout=0:0.5"], "seeds": 2, "trials": 4}
    result = tune("digits", out=tmp_path / "run", **chosen, **QUICK)
    found = {(edge["family"], edge["name"]): (edge["end"], edge["natural"]) for edge in result.tuning["edges"]}
    assert found[("smooth", "smoothing")] == ("upper", False)
    assert found[("hard", "dropout")] == ("lower", True)


def test_hard_labels_are_searched_as_much_where_there_is_something_to_search(pretend: Any, tmp_path: Path) -> None:
    rate = 3e-3
    pretend(lambda trial: parabola(trial) - np.log10(trial.settings.learning_rate / rate) ** 2)
    result = tune("digits", out=tmp_path / "run", search="learning_rate=1e-4:1e-1", seeds=2, trials=9, **QUICK)
    families = [line["family"] for line in result.tuning["candidates"]]
    assert families.count("hard") == families.count("smooth") == 9
    for role in ("hard", "smooth"):
        assert abs(np.log10(line_of(result, role)["learning_rate"] / rate)) < 0.5
    rates = {row["learning_rate"] for row in result.table}
    assert rates == {line_of(result, role)["learning_rate"] for role in ("hard", "smooth")}


def test_schemes_are_searched_together(pretend: Any, tmp_path: Path) -> None:
    pretend(lambda trial: parabola(trial) + (trial.method.scheme == "others"))
    result = tune("digits", out=tmp_path / "run", scheme=["uniform", "others"], seeds=2, trials=9, **QUICK)
    assert line_of(result, "smooth")["scheme"] == "others"
    tried = {line["scheme"] for line in result.tuning["candidates"]}
    assert tried == {"none", "uniform", "others"}


@pytest.mark.parametrize("metric", ["nll", "brier", "accuracy"])
def test_the_measure_that_is_named_is_what_is_made_small(metric: str, pretend: Any, tmp_path: Path) -> None:
    pretend(parabola)
    result = tune("digits", out=tmp_path / "run", metric=metric, seeds=2, trials=5, **QUICK)
    done = [line for line in result.tuning["candidates"] if line["family"] == "smooth"]
    sign = -1 if metric == "accuracy" else 1
    values = {line["method"]: sign * line["after"][metric]["mean"] for line in done}
    assert values[line_of(result, "smooth")["method"]] == min(values.values())
    assert result.verdict["metric"] == metric


# going on


def test_a_killed_search_comes_to_the_same_end(pretend: Any, tmp_path: Path) -> None:
    chosen = {"seeds": 4, "trials": 9, **QUICK}
    asked = pretend(parabola)
    whole = tune("digits", out=tmp_path / "whole", **chosen)
    before = pretend(parabola, stop_after=17)
    with pytest.raises(KeyboardInterrupt):
        tune("digits", out=tmp_path / "part", **chosen)
    after = pretend(parabola)
    resumed = tune("digits", out=tmp_path / "part", resume=True, **chosen)
    assert len(before) == 17 and sorted(before + after) == sorted(asked)
    assert bits(tmp_path / "part") == bits(tmp_path / "whole")
    assert resumed.tuning == whole.tuning and resumed.verdict == whole.verdict
    none_left = pretend(parabola)
    assert tune("digits", out=tmp_path / "part", resume=True, **chosen).tuning == whole.tuning
    assert none_left == []


def test_real_trainings_give_the_same_bits_on_every_engine_and_when_resumed(tmp_path: Path) -> None:
    chosen = {"seeds": 2, "trials": 2, "epochs": 1, "progress": False}
    whole = tune("digits", out=tmp_path / "inline", engine="inline", **chosen)
    side_by_side = tune("digits", out=tmp_path / "processes", engine="processes", jobs=2, **chosen)
    assert bits(tmp_path / "inline") == bits(tmp_path / "processes") and len(bits(tmp_path / "inline")) == 12
    assert side_by_side.tuning == whole.tuning
    victim = sorted((tmp_path / "inline" / "predictions").iterdir())[5]
    victim.unlink()
    again = tune("digits", out=tmp_path / "inline", engine="inline", resume=True, **chosen)
    assert bits(tmp_path / "inline") == bits(tmp_path / "processes") and again.tuning == whole.tuning


def test_another_space_is_refused_when_resumed(pretend: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pretend(parabola)
    chosen = {"seeds": 1, "trials": 1, **QUICK}
    first = tune("digits", **chosen)
    for more in ({"out": first.path}, {}):
        with pytest.raises(
            UsageError, match=r"another search: smoothing was 0\.0:0\.4 and is now 0\.0:0\.2; go on with"
        ):
            tune("digits", search="smoothing=0:0.2", resume=True, **chosen, **more)
    others: list[tuple[dict[str, Any], str]] = [
        ({"search": "dropout=0:0.5", "trials": 3}, r"search: dropout was left as it is and is now 0\.0:0\.5; go on"),
        ({"scheme": ["uniform", "others"]}, r"search: scheme was uniform and is now uniform others; go on"),
        ({"seeds": 2}, "holds another plan"),
        ({"seeds": 2, "trials": 3}, "holds another plan"),
    ]
    for changes, words in others:
        with pytest.raises(UsageError, match=words):
            tune("digits", out=first.path, resume=True, **{**chosen, **changes})
    assert tune("digits", resume=True, **chosen).path == first.path


@pytest.mark.parametrize("more", [{}, {"search": "dropout=0:0.5"}])
def test_a_search_with_more_trials_ends_as_if_it_had_had_them_from_the_start(
    more: dict[str, Any], pretend: Any, tmp_path: Path
) -> None:
    chosen = {"seeds": 2, **QUICK, **more}
    pretend(lambda trial: parabola(trial) - trial.method.dropout)
    whole = tune("digits", out=tmp_path / "whole", trials=7, **chosen)
    first = tune("digits", out=tmp_path / "grown", trials=5, **chosen)
    asked = pretend(lambda trial: parabola(trial) - trial.method.dropout)
    grown = tune("digits", out=tmp_path / "grown", trials=7, resume=True, **chosen)
    assert 0 < len(asked) < len(list((tmp_path / "whole" / "history").iterdir()))
    assert len(first.tuning["candidates"]) < len(grown.tuning["candidates"])
    assert grown.tuning | {"read_before": []} == whole.tuning
    assert grown.verdict | {"reasons": []} == whole.verdict | {"reasons": []}
    assert bits(tmp_path / "whole").items() <= bits(tmp_path / "grown").items()


def test_a_killed_search_goes_on_with_more_trials(pretend: Any, tmp_path: Path) -> None:
    chosen = {"out": tmp_path / "run", "seeds": 2, **QUICK}
    pretend(parabola, stop_after=5)
    with pytest.raises(KeyboardInterrupt):
        tune("digits", trials=4, **chosen)
    pretend(parabola)
    grown = tune("digits", trials=5, resume=True, **chosen)
    assert len(grown.tuning["candidates"]) == 6 and grown.tuning["read_before"] == []
    assert not any("before" in note for note in grown.notes)


def test_fewer_trials_than_planned_are_refused_in_one_sentence(
    pretend: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pretend(parabola)
    words = ["tune", "--seeds", "1", "--engine", "inline", "--out", str(tmp_path / "run")]
    assert command([*words, "--trials", "5"]) == 0
    capsys.readouterr()
    assert command([*words, "--trials", "3", "--resume"]) == 2
    said = capsys.readouterr().err
    assert "is a search of 5 trials" in said and "give --trials 5 or more instead of 3" in said
    assert said.count("\n") == 1
    assert command([*words, "--trials", "6", "--resume", "--dry-run"]) == 0
    assert json.loads((tmp_path / "run" / "plan.json").read_text(encoding="utf-8"))["search"]["trials"] == 5
    assert command([*words, "--trials", "6"]) == 2
    assert "go on with it by --resume" in capsys.readouterr().err


@pytest.mark.parametrize("broken", [[], {}, {"search": {}}, {"search": {"trials": "many"}}, {"search": {"scheme": 3}}])
def test_a_damaged_plan_is_another_plan(broken: Any, pretend: Any, tmp_path: Path) -> None:
    pretend(parabola)
    chosen = {"out": tmp_path / "run", "seeds": 1, "trials": 1, **QUICK}
    tune("digits", **chosen)
    plan = tmp_path / "run" / "plan.json"
    held = json.loads(plan.read_text(encoding="utf-8"))
    damaged = {**held, "search": {**held["search"], **broken["search"]}} if broken else broken
    plan.write_text(json.dumps(damaged if broken != {"search": {}} else {**held, "search": None}), encoding="utf-8")
    with pytest.raises(UsageError, match="another"):
        tune("digits", resume=True, **chosen)


# dropping


def candidate(name: str, losses: np.ndarray, family: str = "smooth") -> Candidate:
    method = Method(name, family, "uniform", 0.1)
    known = {seed: Validated(row, {}) for seed, row in enumerate(losses)}
    return Candidate(Setting(method, Settings("mlp", 1, 64, 1e-3)), family, {"last": known})


def worse_by_hand(differences: np.ndarray) -> bool:
    """The rule again, from its words: is the lower end of the two-way 95 % interval above 0?"""
    seeds, rows = differences.shape
    of_seeds = differences.mean(1).var(ddof=1) / seeds
    of_rows = differences.mean(0).var(ddof=1) / rows
    total = of_seeds + of_rows
    df = total**2 / (of_seeds**2 / (seeds - 1) + of_rows**2 / (rows - 1))
    return bool(differences.mean() - stats.t.ppf(0.975, df) * np.sqrt(total) > 0)


def test_only_clearly_worse_candidates_are_dropped() -> None:
    found = []
    for case in range(200):
        rng = np.random.default_rng(case)
        base = rng.normal(1.0, 0.3, size=(3, 50))
        other = base + rng.normal(rng.uniform(0.0, 0.1), 0.1, size=(3, 50)) + rng.normal(0, 0.02, size=(3, 1))
        best, tried = candidate("best", base), candidate("tried", other)
        pruning.drop([best, tried], [], (0, 1, 2))
        better = min((base, other), key=lambda losses: losses.mean())
        worse = other if better is base else base
        dropped = {each.name for each in (best, tried) if each.state == "dropped"}
        assert bool(dropped) == worse_by_hand(worse - better)
        assert dropped <= {"tried" if better is base else "best"}
        found.append(bool(dropped))
    assert 40 < sum(found) < 160


def test_each_family_has_its_own_best_and_earlier_ones_count() -> None:
    rows = np.random.default_rng(0).normal(1.0, 0.1, size=(3, 50))
    jitter = np.random.default_rng(1).normal(0, 0.01, size=(3, 50))
    hard, smooth, earlier = (
        candidate("hard", rows + 1 + jitter, "hard"),
        candidate("a", rows + 1 + jitter),
        candidate("b", rows),
    )
    pruning.drop([hard, smooth], [earlier], (0, 1, 2))
    assert (hard.state, smooth.state, earlier.state) == ("complete", "dropped", "complete")


def test_dropped_candidates_get_the_first_seeds_only_and_are_never_chosen(pretend: Any, tmp_path: Path) -> None:
    asked = pretend(lambda trial: 1.0 if trial.method.label_smoothing == 0.4 else 3.0)
    result = tune("digits", out=tmp_path / "run", seeds=5, trials=4, **QUICK)
    assert states(result)["uniform 0.4"] == "dropped"
    assert [name for name in states(result) if states(result)[name] == "dropped"] == ["uniform 0.4"]
    assert sum(name.startswith("uniform-0.4-") for name in asked) == 3
    assert sum(name.startswith("uniform-0.2-") for name in asked) == 5
    assert "first 3 of 5 seeds" in result.tuning["rule"]
    line = next(each for each in result.tuning["candidates"] if each["method"] == "uniform 0.4")
    assert line["seeds"] == 3 and not line["difference"]["flat"] and line["chosen"] is None


def test_nothing_is_dropped_when_the_first_seeds_are_all(pretend: Any, tmp_path: Path) -> None:
    pretend(parabola)
    result = tune("digits", out=tmp_path / "run", seeds=2, trials=4, **QUICK)
    assert set(states(result).values()) == {"complete"}
    assert result.tuning["rule"] == "Every candidate is trained with all 2 seeds."


# the test split


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """File and name of every array that is read from files of predictions, in order."""
    names: list[tuple[str, str]] = []
    read = npz._Member.read

    def spy(member: npz._Member) -> Any:
        names.append((member.path.name, member.name))
        return read(member)

    monkeypatch.setattr(npz._Member, "read", spy)
    return names


def test_the_test_split_is_read_at_the_end_for_the_chosen_pair_alone(
    pretend: Any, opened: list[tuple[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(parabola)
    searched: list[int] = []
    search = searching.run_search

    def watched(*given: Any, **named: Any) -> list[Candidate]:
        found = search(*given, **named)
        searched.append(len(opened))
        return found

    monkeypatch.setattr(searching, "run_search", watched)
    seeds, trials = 2, 5
    result = tune("digits", out=tmp_path / "run", seeds=seeds, trials=trials, **QUICK)
    during, after = opened[: searched[0]], opened[searched[0] :]
    assert [name for _, name in during].count("val_logits") == 2 * seeds * (trials + 1)
    assert {name.partition("_")[0] for _, name in during} == {"val"}
    files = {file for file, name in after if name.startswith("test")}
    amounts = {line_of(result, role)["label_smoothing"] for role in ("hard", "smooth")}
    assert len(files) == 2 * seeds
    assert {file.partition("-s")[0] for file in files} == {"hard" if not a else f"uniform-{a:g}" for a in amounts}


def test_an_earlier_look_at_the_test_split_is_told_wherever_the_verdict_stands(pretend: Any, tmp_path: Path) -> None:
    chosen = {"out": tmp_path / "run", "seeds": 2, **QUICK}
    pretend(parabola)
    first = tune("digits", trials=2, **chosen)
    assert first.tuning["read_before"] == []
    assert tune("digits", trials=2, resume=True, **chosen).tuning == first.tuning
    pair = {role: line_of(first, role)["method"] for role in ("hard", "smooth")}
    second = tune("digits", trials=4, resume=True, **chosen)
    assert second.tuning["read_before"] == [{"trials": 2, "candidates": 3, **pair}]
    third = tune("digits", trials=5, resume=True, **chosen)
    assert [each["trials"] for each in third.tuning["read_before"]] == [2, 4]
    jsonschema.Draft202012Validator(SCHEMA).validate(third.results)
    looks = f"(at 2 trials, after 3 candidates, for 'hard' and '{pair['smooth']}'"
    told = f"the test split had been read before in this search {looks}"
    assert told in str(third) and any(note.startswith(told) for note in third.notes)
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "had been read before in this search (at 2 trials" in page and "read this time for H* and S* alone" in page
    assert "had been read before" in third.markdown()


def test_the_look_is_written_down_before_it_is_taken(
    pretend: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = {"out": tmp_path / "run", "seeds": 2, **QUICK}
    pretend(parabola)

    def killed(*given: Any, **named: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(finishing, "assemble", killed)
        with pytest.raises(KeyboardInterrupt):
            tune("digits", trials=2, **chosen)
    grown = tune("digits", trials=4, resume=True, **chosen)
    assert [each["trials"] for each in grown.tuning["read_before"]] == [2]


def test_a_look_is_told_from_the_results_where_the_list_of_looks_is_gone(pretend: Any, tmp_path: Path) -> None:
    chosen = {"out": tmp_path / "run", "seeds": 2, **QUICK}
    pretend(parabola)
    first = tune("digits", trials=2, **chosen)
    (tmp_path / "run" / "test_readings.json").unlink()
    grown = tune("digits", trials=4, resume=True, **chosen)
    pair = {role: line_of(first, role)["method"] for role in ("hard", "smooth")}
    assert grown.tuning["read_before"] == [{"trials": 2, "candidates": 3, **pair}]


@pytest.mark.parametrize("broken", ["{", "[3]", '[{"trials": "2"}]', '{"trials": 2}'])
def test_readings_that_are_damaged_are_no_first_look(broken: str, pretend: Any, tmp_path: Path) -> None:
    chosen = {"out": tmp_path / "run", "seeds": 1, "trials": 1, **QUICK}
    pretend(parabola)
    tune("digits", **chosen)
    (tmp_path / "run" / "test_readings.json").write_text(broken, encoding="utf-8")
    with pytest.raises(DataError, match=r"test_readings\.json"):
        tune("digits", resume=True, **chosen)


def test_other_test_rows_change_nothing_that_is_chosen(pretend: Any, tmp_path: Path) -> None:
    pretend(parabola)
    one = tune("digits", out=tmp_path / "one", seeds=2, trials=5, **QUICK)
    pretend(parabola, noise=1)
    two = tune("digits", out=tmp_path / "two", seeds=2, trials=5, **QUICK)
    assert one.tuning == two.tuning
    assert one.verdict["hard_nll"] != two.verdict["hard_nll"]


# what goes wrong


def test_candidates_that_diverge_are_left_out_and_named(pretend: Any, tmp_path: Path) -> None:
    pretend(parabola, refuse=lambda trial: trial.method.label_smoothing == 0.1 and trial.seed == 1)
    result = tune("digits", out=tmp_path / "run", seeds=2, trials=5, **QUICK)
    assert states(result)["uniform 0.1"] == "failed"
    (failed,) = result.results["failed"]
    assert failed["trial"].startswith("uniform-0.1-s1-") and failed["reason"] == "Diverged: nan"
    jsonschema.Draft202012Validator(SCHEMA).validate(result.results)
    assert "1 failed" in str(result)


def test_a_family_without_a_candidate_is_a_failure(pretend: Any, tmp_path: Path) -> None:
    pretend(parabola, refuse=lambda trial: trial.method.family == "hard")
    with pytest.raises(TrialsFailed, match=r"no unsmoothed candidate could be trained.*hard-s0-.*Diverged: nan"):
        tune("digits", out=tmp_path / "run", seeds=2, trials=1, **QUICK)


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"search": "smoothing=0.05:0.4"}, r"leaves out 0: hard labels are always a candidate.*give smoothing=0:0\.4"),
        ({"search": "smoothing=0:1.5"}, r"values of smoothing are 0 to 1"),
        ({"search": "smoothing=0.4"}, r"NAME=LOW:HIGH with LOW below HIGH"),
        ({"search": "smoothing=0:0"}, r"LOW below HIGH"),
        ({"search": "smoothing=0:nan"}, r"LOW below HIGH"),
        ({"search": "smoothing=a:b"}, r"LOW below HIGH"),
        ({"search": "learning_rate=0:0.1"}, r"values of learning_rate are above 0"),
        ({"search": "dropout=0:1"}, r"values of dropout are 0 to less than 1"),
        ({"search": "weight_decay=-1:1"}, r"values of weight_decay are 0 or more"),
        ({"search": "epochs=1:5"}, r"no 'epochs' to search; there are smoothing, learning_rate"),
        ({"search": ["dropout=0:0.1", "dropout=0:0.2"]}, r"names dropout twice"),
        ({"trials": 0}, r"trials must be a whole number of at least 1; got 0"),
        ({"scheme": "uniformly"}, r"uniformly"),
        ({"weight_decay": [0.0, 0.1]}, r"--weight-decay takes one value here, got 2; .*--search weight_decay=LOW:HIGH"),
        ({"metric": "ece"}, r"'ece' cannot decide"),
        ({"engine": "cloud"}, r"engine must be one of"),
        ({"rivals": "focal"}, r"there is no option rivals"),
        ({"fail_if": "uniform 0.1: nll > 1"}, r"there is no method 'uniform 0.1'"),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence_before_anything_is_written(
    changes: dict[str, Any], words: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=words):
        tune("digits", out=tmp_path / "run", **{**QUICK, **changes})
    assert not (tmp_path / "run").exists()


def test_values_have_three_digits_and_stay_in_their_range() -> None:
    space = Space.parse(["learning_rate=1e-4:1e-2", "weight_decay=0:0.1", "dropout=0:0.5"], ["uniform", "others"])
    settings = Settings("mlp", 1, 64, 2e-3)
    search = Search(DataRequest("digits"), space, 40, (0, 1), settings, 0.01, 0.0)
    asked = proposals.Proposals(search, "smooth").ask(40)
    assert len(asked) == 40 and proposals.Proposals(search, "hard").ask(99)[39:] != []
    for each in asked:
        method, rate = each.setting.method, each.setting.settings.learning_rate
        assert 0 < method.label_smoothing <= 0.4 and 1e-4 <= rate <= 1e-2
        assert 0 <= method.weight_decay <= 0.1 and 0 <= method.dropout <= 0.5
        for value in (method.label_smoothing, rate, method.weight_decay, method.dropout):
            assert value == float(f"{value:.3g}")
        assert method.name.startswith(f"{method.scheme} {method.label_smoothing:g}, lr {rate:g}, wd ")


def test_ends_of_ranges() -> None:
    assert [Range(0.0, 0.4).end(value) for value in (0.0, 0.1, 0.4)] == ["lower", "", "upper"]
    assert [Range(1e-4, 1e-2, in_powers=True).end(value) for value in (1e-4, 1e-3, 9.9e-3)] == ["lower", "", "upper"]
    assert Range(0.0, 0.4).clipped(0.7) == 0.4


# the command


def test_the_command_prints_the_verdict_and_what_was_tried(
    pretend: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pretend(parabola)
    words = ["tune", "digits", "--seeds", "2", "--trials", "5", "--engine", "inline", "--out", str(tmp_path / "run")]
    assert command(words) == 0
    printed = capsys.readouterr()
    assert "Verdict (" in printed.out and "Searched:" in printed.out
    assert command([*words, "--resume", "--json"]) == 0
    results = json.loads(capsys.readouterr().out)
    assert results["run"]["kind"] == "tune" and len(results["tuning"]["candidates"]) == 6
    again = results["run"]["command"].split()
    assert again[:3] == ["labelsmooth", "tune", "digits"] and "smoothing=0:0.4" in again
    assert command([*again[1:], "--engine", "inline", "--out", str(tmp_path / "again")]) == 0
    capsys.readouterr()
    assert (tmp_path / "again" / "results.json").exists()
    assert command(["tune", "--search", "smoothing=0.1:0.4"]) == 2
    assert "leaves out 0" in capsys.readouterr().err
    assert command([*words, "--resume", "--fail-if", "nll > 0"]) == 4


def test_optuna_says_nothing_and_is_named_when_missing(
    pretend: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(parabola)
    tune("digits", out=tmp_path / "run", seeds=1, trials=1, **QUICK)
    assert capfd.readouterr().err == ""
    monkeypatch.setitem(__import__("sys").modules, "optuna", None)
    with pytest.raises(ImportError, match=r"pip install 'labelsmooth\[tune\]'"):
        tune("digits", out=tmp_path / "other", seeds=1, trials=1, **QUICK)
