"""From a data set and a person's options to a plan, and back to the command line that makes it again."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from .. import models
from .._checks import UsageError
from .._named import named_value
from ..data import Dataset
from ..methods import DEFAULT_SMOOTHING, Method, grid
from ..models import default_model
from ..options import DataOptions
from ..training import Settings
from .plan import DataRequest, Plan, seeds_from
from .script import BESIDE, Script
from .verdict import checked_min_effect, row_average


def make_plan(dataset: Dataset, options: Any, source: str = "") -> Plan:
    """Resolve every option that was left open; a model that does not fit is said before anything is written."""
    settings, decay, dropout = training(dataset, options)
    methods = grid(options.scheme, options.smoothing, decay, dropout, options.rivals or ())
    _check_mixing(dataset, methods)
    data = request(dataset, options, source)
    effect, metric = checked_min_effect(options.min_effect), row_average(options.metric)
    return Plan(data, methods, seeds_from(options.seeds), settings, effect, metric)


def training(dataset: Dataset, options: Any) -> tuple[Settings, Sequence[float], Sequence[float]]:
    """The settings that all trials share, the weight decays and the dropouts; a model that does not fit is refused."""
    model = options.head if options.freeze else options.model or default_model(dataset)
    backbone = options.model if options.freeze else ""
    if options.augment and dataset.kind != "image":
        raise UsageError(f"--augment is for images; {dataset.name!r} holds {dataset.kind}")
    usual = models.usual(model, dataset)
    chosen = {name: _chosen(options, usual, name) for name in ("epochs", "batch_size", "learning_rate")}
    settings = Settings(model, **chosen, set=model_settings(options.set), augment=options.augment, backbone=backbone)
    decay, dropout = options.weight_decay or (usual["weight_decay"],), options.dropout or (usual["dropout"],)
    _check_builds(dataset, settings, dropout)
    return settings, decay, dropout


def script_plan(options: Any) -> Plan:
    """The plan of a training script of one's own; options that only the built-in training knows are refused."""
    script = script_of(options)
    schemes = options.scheme if "scheme" in script.places() else options.scheme or ("uniform",)
    methods = grid(schemes, options.smoothing, options.weight_decay or (0.0,), options.dropout or (0.0,))
    effect, metric = checked_min_effect(options.min_effect), row_average(options.metric)
    return Plan(script_data(script), methods, seeds_from(options.seeds), script, effect, metric)


def script_of(options: Any, searched: Collection[str] = ()) -> Script:
    """The script of the options, which have to be such as it can be told; `searched` is filled in by a search."""
    script = Script(options.script, options.learning_rate)
    places = script.places()
    if missing := [name for name in searched if name not in places]:
        raise UsageError(
            f"--search {missing[0]} would change nothing: with a script only smoothing is searched, and of scheme, "
            "learning_rate, weight_decay and dropout what has a place in its command; write "
            f"{{{missing[0]}}} where it belongs, or leave it out of --search"
        )
    _refuse_for_script(options, places)
    if "learning_rate" in places and options.learning_rate is None and "learning_rate" not in searched:
        raise UsageError(
            "the script's command has a place {learning_rate}; give --learning-rate to fill it, or, in tune, "
            "--search learning_rate=LOW:HIGH"
        )
    return script


def script_data(script: Script) -> DataRequest:
    """What stands for the data of a script: its name, and a hash of its files."""
    return DataRequest(script.name, fingerprint=script.digest())


_OF_SCRIPTS = (
    "scheme", "smoothing", "seeds", "learning_rate", "weight_decay", "dropout", "metric", "min_effect", "jobs", "out",
)  # fmt: skip
_OF_ALL_RUNS = ("script", "plan", "engine", "address", "resume", "fail_if", "no_warn", "trials", "search")


def _refuse_for_script(options: Any, places: set[str]) -> None:
    """Each option has a place in the command, or is about the run and not about training."""
    for each in fields(options):
        if getattr(options, each.name) == each.default or each.name in _OF_ALL_RUNS:
            continue
        name = f"--{_dashed(each.name)}"
        if each.name not in _OF_SCRIPTS:
            raise UsageError(f"{name} is for the built-in training; a script decides that itself")
        uniform = each.name == "scheme" and tuple(options.scheme) == ("uniform",)
        if each.name in BESIDE and each.name not in places and not uniform:
            raise UsageError(f"{name} would change nothing: the script's command has no place {{{each.name}}} for it")


def request(dataset: Dataset, options: Any, source: str = "") -> DataRequest:
    """What was asked of the data: `source` is where data of one's own are."""
    done = {name: getattr(options, name) for name in ("label_noise", "label_noise_val", "shift")}
    asked = {
        each.name: _plain(value)
        for each in fields(DataOptions)
        if each.name not in done and (value := getattr(options, each.name)) != each.default
    }
    return DataRequest(dataset.name, **done, fingerprint=dataset.fingerprint, source=source, options=asked)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else str(value) if isinstance(value, Path) else value


def _chosen(options: Any, usual: dict[str, Any], name: str) -> Any:
    given = getattr(options, name)
    return usual[name] if given is None else given


def _check_builds(dataset: Dataset, settings: Settings, dropout: Sequence[float]) -> None:
    for probability in dropout:
        models.check(settings.model, dataset, dropout=probability, settings=settings.own)


def model_settings(texts: Sequence[str] | None) -> dict[str, Any]:
    """`name=value` as given, as values by name."""
    return dict(named_value(text, "--set", "width=256") for text in texts or ())


def _check_mixing(dataset: Dataset, methods: Sequence[Method]) -> None:
    """Numbers can be mixed; tokens and categories, which are codes, cannot."""
    codes = dataset.cardinalities or dataset.train.inputs.dtype.kind != "f"
    if codes and any(method.rival == "mixup" for method in methods):
        raise UsageError(
            f"--rivals mixup mixes inputs in pairs, and {dataset.name!r} holds tokens or categories, which have no "
            "in-between; leave mixup out"
        )


def command(plan: Plan) -> str:
    """The command line that runs this plan again."""
    if isinstance(plan.settings, Script):
        return _script_command(plan, plan.settings)
    parts = command_words("compare", plan.data, plan.seeds, plan.settings)
    parts.extend(_grid_words(plan, ("scheme", "label_smoothing", "weight_decay", "dropout")))
    against = dict.fromkeys(f"{m.rival}={m.setting:g}" for m in plan.methods if m.rival)
    parts.extend([" ".join(["--rivals", *against])] if against else [])
    return " ".join([*parts, *rule_words(plan)])


def command_words(name: str, data: DataRequest, seeds: Sequence[int], settings: Settings) -> list[str]:
    """The command and what it says of data, seeds and training."""
    parts = [f"labelsmooth {name} {shlex.quote(data.source or data.name)}"]
    parts.extend(_option(name, value) for name, value in data.options.items())
    parts.append(f"--seeds {len(seeds)}")
    chosen = settings.to_dict()
    if own := chosen.pop("set"):
        parts.append(_option("set", [f"{name}={value}" for name, value in own.items()]))
    if backbone := chosen.pop("backbone"):
        chosen |= {"model": backbone, "freeze": True, "head": chosen["model"]}
    parts.extend(_option(name, value) for name, value in chosen.items() if value is not False)
    parts.extend(f"--{_dashed(n)} {v:g}" for n in ("label_noise", "label_noise_val") if (v := getattr(data, n)))
    return [*parts, *(["--shift"] if data.shift else [])]


def _script_command(plan: Plan, script: Script) -> str:
    places = [name for name in ("scheme", "weight_decay", "dropout") if name in script.places()]
    words = _grid_words(plan, (*places, "label_smoothing"))
    return " ".join([*script_words("compare", script, plan.seeds), *words, *rule_words(plan)])


def script_words(name: str, script: Script, seeds: Sequence[int]) -> list[str]:
    """The command and what it says of the script."""
    rate = [] if script.learning_rate is None else [f"--learning-rate {script.learning_rate:g}"]
    return [f"labelsmooth {name} --script {shlex.quote(script.template)} --seeds {len(seeds)}", *rate]


def _grid_words(plan: Plan, names: Sequence[str]) -> list[str]:
    found = {name: _values(plan.methods, name) for name in names}
    return [" ".join([f"--{_dashed(name)}", *map(str, values)]) for name, values in found.items() if values]


def rule_words(plan: Any) -> list[str]:
    """What a plan or a search says of how it is judged."""
    words = [f"--metric {plan.metric}"] if plan.metric != "nll" else []
    return [*words, *([f"--min-effect {plan.min_effect:g}"] if plan.min_effect is not None else [])]


def _option(name: str, value: Any) -> str:
    if value is True:
        return f"--{_dashed(name)}"
    return f"--{_dashed(name)} {shlex.join(map(str, value if isinstance(value, list) else [value]))}"


def _dashed(name: str) -> str:
    return "smoothing" if name == "label_smoothing" else name.replace("_", "-")


def _values(methods: Sequence[Method], name: str) -> list[Any]:
    """The distinct values of a field, none where they are the ones that a bare command has."""
    smoothed = [method for method in methods if method.family == "smooth"]
    if name in ("scheme", "label_smoothing"):
        usual = {(m.scheme, m.label_smoothing) for m in smoothed} == set(DEFAULT_SMOOTHING)
        return [] if usual else sorted({getattr(method, name) for method in smoothed})
    return sorted({getattr(method, name) for method in methods})
