"""What the commands do: compare, evaluate, report."""

from __future__ import annotations

import shlex
import tempfile
import time
from collections.abc import Collection
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _progress
from ._checks import Interrupted, UsageError, require
from ._comparison import Comparison
from .options import CompareOptions, EvaluateOptions, from_names, words_of
from .predictions import Predictions

if TYPE_CHECKING:
    from .comparison.plan import Plan
    from .comparison.store import RunFolder
    from .data import Dataset


_PATIENCE = 2.0  # seconds


def compare(
    data: Any = "digits",
    y: Any = None,
    options: CompareOptions | None = None,
    *,
    groups: Any = None,
    progress: bool = True,
    **changes: Any,
) -> Comparison:
    r"""Train with hard and with smoothed labels over several seeds, and say whether to smooth, how and how much.

    Args:
        data: the name of a built-in set (digits, mixture, pydoc), a table (.csv, .tsv, .parquet) with `label=` the
            column of the class, or an array of inputs (n, D) or (n, C, H, W).
        y: the labels (n,) of an array of inputs.
        options: a :class:`CompareOptions`; any of its fields may be given by name instead.
        groups: (n,) for rows that belong together: a group stays in one split and counts once.
        progress: show a bar on stderr.

    Returns:
        A :class:`Comparison`: `.verdict`, `.table`, `.report(path)`. Predictions of every trial, their histories,
        results.json and report.html are in the folder `.path`.

    Raises:
        UsageError, DataError: both are ValueErrors and say what to change. Interrupted, a KeyboardInterrupt, after
        Ctrl-C: what was under way is finished, and its `.comparison` is what came of the trials that are there.

    Example:
        >>> import tempfile
        >>> folder = tempfile.mkdtemp()
        >>> result = compare("digits", seeds=3, epochs=2, smoothing=0.1, engine="inline", out=folder, progress=False)
        >>> result.verdict["code"] in ("smooth", "keep_hard", "open")
        True
    """
    from .comparison import engines, fail_if, warnings
    from .comparison.running import open_folder, run_trials

    chosen = replace(options or CompareOptions(), **from_names(CompareOptions, changes))
    engines.check(chosen.engine, chosen.jobs, chosen.address)
    conditions = [fail_if.parse(text) for text in chosen.fail_if or ()]
    silent = warnings.checked(chosen.no_warn)
    start = time.perf_counter()
    dataset, plan = _planned(data, y, groups, chosen)
    for sentence in dataset.card.get("warnings", ()) if progress and dataset is not None else ():
        _progress.say(sentence)
    fail_if.check_methods(conditions, (method.name for method in plan.methods))
    engine = chosen.engine if dataset is not None else "inline"  # a script's trials are processes of their own
    with (
        engines.connected(engine, chosen.address),
        closing(open_folder(plan, chosen.out, resume=chosen.resume)) as folder,
    ):
        stopped = run_trials(dataset, plan, folder, engine, chosen.jobs, progress=progress, address=chosen.address)
        if stopped and not any(map(folder.is_finished, plan.trials())):
            raise Interrupted
        done = _finish(dataset, plan, folder, start, silent)
    if stopped:
        raise Interrupted(done)
    return Comparison(done.results, done.path, fail_if.met(conditions, done.results))


def _planned(data: Any, y: Any, groups: Any, options: CompareOptions) -> tuple[Dataset | None, Plan]:
    """What to train on (nothing for a script, which brings its own), and all that is to be trained."""
    from .comparison.given import dataset_of, refuse_data
    from .comparison.planning import make_plan, script_plan

    if options.plan is not None:
        refuse_data(data, "--plan names")
        return _planned_before(options)
    if options.script is not None:
        refuse_data(data, "--script brings")
        return None, script_plan(options)
    dataset = dataset_of(data, y, groups, options)
    source = str(data) if isinstance(data, (str, Path)) and str(data) != dataset.name else ""
    return dataset, make_plan(dataset, options, source)


def _planned_before(options: CompareOptions) -> tuple[Dataset | None, Plan]:
    """A plan from its file, with its data loaded again; other data than it was made for are refused."""
    from .comparison import replanning

    plan = replanning.read(options)
    if isinstance(plan.settings, replanning.Script):
        return None, plan
    asked = replanning.options_of(plan)
    from .comparison.given import dataset_of

    dataset = dataset_of(plan.data.source or plan.data.name, None, None, asked)
    return dataset, replanning.checked(plan, dataset)


def _finish(
    dataset: Dataset | None, plan: Plan, folder: RunFolder, start: float, silent: Collection[str]
) -> Comparison:
    """Results, trials.csv and the page, from the files of the folder."""
    from .comparison.running import results_of

    results = results_of(dataset, plan, folder, lambda: time.perf_counter() - start, silent)
    comparison = Comparison(results, folder.path)
    comparison.document(folder.path)
    return comparison


def evaluate(
    files: Any,
    options: EvaluateOptions | None = None,
    *,
    progress: bool = True,
    **changes: Any,
) -> Comparison:
    r"""Measure predictions that are there already, and give the same table and verdict as `compare`.

    Args:
        files: prediction files (.npz, .safetensors, .csv, .parquet) or :class:`Predictions`; a list, or a dictionary
            from the name of a method to its file, list of files or pattern ("runs/hard-*.npz"), one for each seed.
            Where the files do not say what they are, methods named "hard…" are the unsmoothed ones, or else the first.
        options: an :class:`EvaluateOptions`; any of its fields may be given by name instead.
        progress: show a bar on stderr when it takes more than two seconds.

    Returns:
        A :class:`Comparison`: `.verdict` (empty for a single model), `.table`, `.notes`, `.report(path)`.

    Raises:
        UsageError, DataError: both are ValueErrors and say what to change.

    Example:
        >>> import numpy as np
        >>> from labelsmooth import Predictions
        >>> rng = np.random.default_rng(0)
        >>> labels = rng.integers(0, 3, 400)
        >>> logits = rng.normal(size=(400, 3)) + 2 * np.eye(3)[labels]
        >>> hard, smooth = Predictions(3 * logits, labels), Predictions(logits, labels)
        >>> evaluate({"hard": [hard], "smooth": [smooth]}).verdict["code"]
        'open'
    """
    from .comparison import fail_if, warnings
    from .comparison.environment import environment
    from .comparison.folder import Folder
    from .comparison.gathering import sources
    from .comparison.on_demand import OnDemand
    from .comparison.results import STEPS, assemble

    start = time.perf_counter()
    chosen = replace(options or EvaluateOptions(), **from_names(EvaluateOptions, changes))
    conditions = [fail_if.parse(text) for text in chosen.fail_if or ()]
    scores, silent = _scores(chosen), warnings.checked(chosen.no_warn)
    given = [files] if isinstance(files, (str, Path, Predictions)) else files
    folder = None if chosen.out is None else Folder.free(chosen.out)
    command = _evaluate_command(given, chosen)
    run = {"kind": "evaluate", "command": command, "created": _now(), "env": environment()}
    found = sources(given)
    predictions = OnDemand([partial(source.load, scores) for source in found])
    with _progress.track(STEPS * len(found), "measuring predictions, in steps", show=progress, after=_PATIENCE) as step:
        asked: dict[str, Any] = {"min_effect": chosen.min_effect, "metric": chosen.metric, "silent": silent}
        results = assemble(predictions, run=run, step=step, **asked)
    results["run"]["seconds"] = round(time.perf_counter() - start, 2)
    failures = fail_if.met(conditions, results)
    if folder is None:
        return Comparison(results, failures=failures)
    folder.make()
    folder.write_json("results.json", results)
    comparison = Comparison(results, folder.path, failures)
    comparison.document(folder.path)
    return comparison


def _scores(options: EvaluateOptions) -> str | None:
    if options.logits and options.probs:
        raise UsageError("class columns hold logits or probabilities: give one of --logits and --probs")
    return "logits" if options.logits else "probs" if options.probs else None


def _evaluate_command(files: Any, options: EvaluateOptions) -> str:
    named = [f"{name}={each}" for name, each in files.items()] if isinstance(files, dict) else files
    words = ["labelsmooth", "evaluate", *(str(each) for each in named if isinstance(each, (str, Path)))]
    return shlex.join([*words, *words_of(options, but="out")])


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def report(run: str | Path) -> Comparison:
    """Make the page of a run again, from its results.json; returns what `compare` returned."""
    from .comparison.folder import Folder

    folder = Folder(run)
    comparison = Comparison(folder.results(), folder.path)
    comparison.document(folder.path)
    return comparison


def learn(out: str | Path | None = None, *, sheet: bool = False) -> Path:
    """Build the study page, or its quick revision sheet, and return where it is: `out`, or a temporary folder."""
    require("app", "jinja2")
    from .lesson import page

    if out is None:
        out = Path(tempfile.mkdtemp(prefix="labelsmooth-")) / ("sheet.html" if sheet else "learn.html")
    return page.write(out, only_sheet=sheet)
