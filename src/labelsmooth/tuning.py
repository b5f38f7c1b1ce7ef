"""tune: the amount of smoothing as a hyper-parameter, beside others, judged by the rule of compare."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import Any

from . import _progress
from ._checks import Interrupted
from ._comparison import Comparison
from .options import TuneOptions, from_names


def tune(
    data: Any = "digits",
    y: Any = None,
    options: TuneOptions | None = None,
    *,
    groups: Any = None,
    progress: bool = True,
    **changes: Any,
) -> Comparison:
    r"""Search how to smooth and how much on the validation split; then say, on the test split, whether it is worth it.

    Candidates are proposed by Optuna (Akiba et al. 2019; TPE, Bergstra et al. 2011) and trained over several seeds.
    Those clearly worse after the first three seeds are dropped. What is made small is the validation NLL against hard
    labels after temperature, or what `metric` names. Hard labels are always tried, and where more than the smoothing
    is searched they get a search of their own with as many candidates. The test split is read once, at the end, for
    the best unsmoothed and the best smoothed candidate.

    Args:
        data, y, groups: as in :func:`labelsmooth.compare`.
        options: a :class:`TuneOptions`; any of its fields may be given by name instead, such as
            ``search=["smoothing=0:0.4", "weight_decay=0:0.1"]`` and ``trials=16``.
        progress: show a bar on stderr.

    Returns:
        A :class:`Comparison`; `.tuning` holds every candidate on validation, the flat region, and what lies at an edge.

    Raises:
        UsageError, DataError: both are ValueErrors and say what to change. TrialsFailed when nothing could be trained.

    Example:
        >>> import tempfile
        >>> folder = tempfile.mkdtemp()
        >>> quick = {"epochs": 1, "seeds": 1, "trials": 2, "engine": "inline", "progress": False}
        >>> result = tune("digits", out=folder, **quick)
        >>> [line["label_smoothing"] for line in result.tuning["candidates"]]
        [0.0, 0.1, 0.2]
    """
    from .comparison import engines, fail_if, warnings
    from .comparison.running import open_folder
    from .comparison.tuning.finishing import results_of
    from .comparison.tuning.search import planned
    from .comparison.tuning.searching import run_search

    chosen = replace(options or TuneOptions(), **from_names(TuneOptions, changes))
    engines.check(chosen.engine, chosen.jobs, chosen.address)
    conditions = [fail_if.parse(text) for text in chosen.fail_if or ()]
    fail_if.check_methods(conditions, ())
    silent = warnings.checked(chosen.no_warn)
    start = time.perf_counter()
    dataset, search = planned(data, y, groups, chosen)
    for sentence in dataset.card.get("warnings", ()) if progress and dataset is not None else ():
        _progress.say(sentence)
    engine = chosen.engine if dataset is not None else "inline"  # a script's trials are processes of their own
    with (
        engines.connected(engine, chosen.address),
        closing(open_folder(search, chosen.out, resume=chosen.resume)) as folder,
    ):
        candidates, stopped = run_search(
            dataset, search, folder, engine, chosen.jobs, progress=progress, address=chosen.address
        )
        seconds = partial(_since, start)
        results = results_of(dataset, search, folder, candidates, seconds, silent, interrupted=stopped)
        found = Comparison(results, folder.path, fail_if.met(conditions, results))
        found.document(folder.path)
    if stopped:
        raise Interrupted(found)
    return found


def _since(start: float) -> float:
    return time.perf_counter() - start
