"""A search: everything that decides which candidates are tried, before any of them is trained."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..._checks import UsageError, require
from ...data import Dataset
from ...methods import HARD, Method, grid
from ...options import TuneOptions
from ...training import Settings
from ..given import dataset_of, refuse_data
from ..plan import DataRequest, Trial, seeds_from, slug
from ..planning import command_words, request, rule_words, script_data, script_of, script_words, training
from ..script import Script
from ..verdict import checked_min_effect, row_average
from .space import Space

FIRST_SEEDS = 3


@dataclass(frozen=True)
class Setting:
    """How one candidate is trained."""

    method: Method
    settings: Settings | Script

    def trial(self, data: DataRequest, seed: int) -> Trial:
        """Its training with a seed."""
        return Trial(data, self.method, self.settings, seed)


@dataclass(frozen=True)
class Search:
    """Data, training, space and budget. `weight_decay` and `dropout` are those of candidates that search neither."""

    data: DataRequest
    space: Space
    trials: int
    seeds: tuple[int, ...]
    settings: Settings | Script
    weight_decay: float
    dropout: float
    min_effect: float | None = None
    metric: str = "nll"

    def __post_init__(self) -> None:
        if isinstance(self.trials, bool) or not isinstance(self.trials, int) or self.trials < 1:
            raise UsageError(f"trials must be a whole number of at least 1; got {self.trials!r}")

    @property
    def first_seeds(self) -> tuple[int, ...]:
        """Those that every candidate is trained with, before some are dropped."""
        return self.seeds[:FIRST_SEEDS]

    def budget(self, family: str) -> int:
        """How many candidates of a family are tried: one where there is nothing to choose."""
        return self.trials if self.space.dimensions(family) else 1

    def setting(self, family: str, chosen: dict[str, Any]) -> Setting:
        """The candidate with these values of what is searched; amounts and rates have three digits."""
        values = {name: value if name == "scheme" else float(f"{value:.3g}") for name, value in chosen.items()}
        rate = values.get("learning_rate")
        settings = self.settings if rate is None else replace(self.settings, learning_rate=float(rate))
        beside = {name: values.get(name, getattr(self, name)) for name in ("weight_decay", "dropout")}
        scheme, amount = str(values.get("scheme", HARD)), float(values.get("smoothing", 0.0))
        name = "hard" if family == "hard" else f"{scheme} {amount:g}"
        short = {"learning_rate": "lr", "weight_decay": "wd", "dropout": "dropout"}
        ending = [f"{short[each]} {values[each]:g}" for each, _ in self.space.beside]
        method = Method(", ".join([name, *ending]), family, scheme, amount, **beside)
        return Setting(method, settings)

    def name(self) -> str:
        """``digits-tune-1f2e3d4c``: a hash of data and training; another space is found when a search is resumed."""
        decides = {**self.to_dict(), "search": None}
        decides["data"] = {**decides["data"], "fingerprint": ""}
        digest = hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()
        return f"{slug(self.data.name)}-tune-{digest[:8]}"

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values, what `plan.json` holds."""
        return {
            "schema_version": 1,
            "data": self.data.__dict__,
            "search": {**self.space.to_dict(), "trials": self.trials, "optuna": version("optuna")},
            "seeds": list(self.seeds),
            "settings": self.settings.to_dict(),
            "weight_decay": self.weight_decay,
            "dropout": self.dropout,
            "min_effect": self.min_effect,
            "metric": self.metric,
        }

    def command(self) -> str:
        """The command line that searches again."""
        places = self.settings.places() if isinstance(self.settings, Script) else {"weight_decay", "dropout"}
        fixed = [
            f"--{name.replace('_', '-')} {getattr(self, name):g}"
            for name in ("weight_decay", "dropout")
            if name in places
        ]
        tried = [f"--scheme {' '.join(self.space.schemes)}", f"--search {self.space}", f"--trials {self.trials}"]
        if isinstance(self.settings, Script):
            start = script_words("tune", self.settings, self.seeds)
        else:
            start = command_words("tune", self.data, self.seeds, self.settings)
        return " ".join([*start, *fixed, *tried, *rule_words(self)])


def planned(data: Any, y: Any, groups: Any, options: TuneOptions) -> tuple[Dataset | None, Search]:
    """What to train on (nothing for a script, which brings its own), and what is searched."""
    if options.script is not None:
        refuse_data(data, "--script brings")
        return None, make_search(None, options)
    dataset = dataset_of(data, y, groups, options)
    source = str(data) if isinstance(data, (str, Path)) and str(data) != dataset.name else ""
    return dataset, make_search(dataset, options, source)


def make_search(dataset: Dataset | None, options: Any, source: str = "") -> Search:
    """Resolve every option that was left open; what does not fit is said before anything is written. Without a data set
    it is the search of a script."""
    require("tune", "optuna")
    space = Space.parse(options.search or (), list(dict.fromkeys(options.scheme or ("uniform",))))
    grid(space.schemes, [space.smoothing.high], [0.0], [0.0])
    settings: Settings | Script
    if dataset is None:
        settings = script_of(options, [name for name, _ in space.beside])
        decay, dropout, data = options.weight_decay or (0.0,), options.dropout or (0.0,), script_data(settings)
    else:
        settings, decay, dropout = training(dataset, options)
        data = request(dataset, options, source)
    for name, values in (("weight_decay", decay), ("dropout", dropout)):
        if len(set(values)) > 1:
            dashed = name.replace("_", "-")
            raise UsageError(
                f"--{dashed} takes one value here, got {len(values)}; a range is searched by --search {name}=LOW:HIGH"
            )
    effect, metric = checked_min_effect(options.min_effect), row_average(options.metric)
    seeds = seeds_from(options.seeds)
    return Search(data, space, options.trials, seeds, settings, decay[0], dropout[0], effect, metric)
