"""The plan: everything that decides the trials of a comparison, before any of them runs."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Protocol

from .. import _checks
from ..methods import Method
from ..training import CHECKPOINTS, Settings
from .environment import versions
from .script import Script
from .verdict import checked_min_effect, row_average

_LONGEST_NAME = 100


@dataclass(frozen=True)
class DataRequest:
    """Which data set, and what is done to it; the fingerprint is of the arrays that came of it.

    `source` is where data of one's own are (a path, hf:NAME, package.module:function), `options` how they are read.
    """

    name: str
    label_noise: float = 0.0
    label_noise_val: float = 0.0
    shift: bool = False
    fingerprint: str = ""
    source: str = ""
    options: dict[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Trial:
    """One training. Its name is a hash of all that decides it, so a finished trial is a file that exists."""

    data: DataRequest
    method: Method
    settings: Settings | Script
    seed: int

    @property
    def checkpoints(self) -> tuple[str, ...]:
        """What is kept of it: a script says nothing of its epochs, and keeps what it wants to keep itself."""
        return ("last",) if isinstance(self.settings, Script) else CHECKPOINTS

    @property
    def name(self) -> str:
        """Readable, and safe as a file name: ``uniform-0.1-s3-1f2e3d4c``."""
        decides = {**self.to_dict(), "versions": versions()}
        digest = hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:8]
        readable = re.sub(r"[^a-z0-9.]+", "-", self.method.name.lower()).strip("-.")[:_LONGEST_NAME]
        return f"{readable}-s{self.seed}-{digest}"

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "data": self.data.__dict__,
            "method": self.method.to_dict(),
            "settings": self.settings.to_dict(),
            "seed": self.seed,
        }


class Planned(Protocol):
    """What a run folder is made for: a plan of trials, or a search that finds them as it goes."""

    @property
    def data(self) -> DataRequest: ...

    @property
    def settings(self) -> Settings | Script: ...

    def name(self) -> str: ...

    def to_dict(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Plan:
    """A comparison: every method with every seed, on one split of one data set."""

    data: DataRequest
    methods: tuple[Method, ...]
    seeds: tuple[int, ...]
    settings: Settings | Script
    min_effect: float | None = None
    metric: str = "nll"

    def __post_init__(self) -> None:
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise _checks.UsageError(f"seeds must be one or more different whole numbers; got {list(self.seeds)}")

    def trials(self) -> list[Trial]:
        """All trials, seed by seed, so that an interrupted run has whole seeds."""
        return [Trial(self.data, method, self.settings, seed) for seed in self.seeds for method in self.methods]

    def name(self) -> str:
        """``digits-1f2e3d4c``: the data's name and a hash of the plan, but for the fingerprint: other rows in the same
        file are found, and refused, when a run is resumed."""
        digest = hashlib.sha256(json.dumps(self.with_fingerprint("").to_dict(), sort_keys=True).encode())
        return f"{slug(self.data.name)}-{digest.hexdigest()[:8]}"

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values, what `plan.json` holds."""
        return {
            "schema_version": 1,
            "data": self.data.__dict__,
            "methods": [method.to_dict() for method in self.methods],
            "seeds": list(self.seeds),
            "settings": self.settings.to_dict(),
            "min_effect": self.min_effect,
            "metric": self.metric,
        }

    @classmethod
    def from_dict(cls, given: dict[str, Any]) -> Plan:
        """The inverse of :meth:`to_dict`. Raises DataError when a field is missing or unknown."""
        try:
            return cls(
                _typed(DataRequest, given["data"]),
                tuple(Method.from_dict(_checked(Method, method)) for method in given["methods"]),
                seeds_from(_whole(given["seeds"])),
                _settings(given["settings"]),
                checked_min_effect(given.get("min_effect")),
                row_average(given.get("metric", "nll")),
            )
        except (KeyError, TypeError, AttributeError, OverflowError) as error:
            raise _checks.DataError(
                f"this is not a plan of this version: {error}; it must hold what compare writes"
            ) from error

    def with_fingerprint(self, fingerprint: str) -> Plan:
        """The plan with the data it was made for written down."""
        return replace(self, data=replace(self.data, fingerprint=fingerprint))


def _settings(given: dict[str, Any]) -> Settings | Script:
    if "script" in given:
        return Script(str(given["script"]), _checked(Script, given).get("learning_rate"))
    settings: Settings = _typed(Settings, given)
    return settings


_KINDS: dict[Any, Any] = {
    "float | None": (int, float, type(None)),
    "str": str,
    "int": int,
    "float": (int, float),
    "bool": bool,
    "dict[str, Any]": dict,
}


def _typed(made: type[Any], given: Any) -> Any:
    return made(**_checked(made, given))


def _checked(made: type[Any], given: Any) -> dict[str, Any]:
    """What JSON gave for a dataclass, if each field has its kind."""
    for each in fields(made):
        value = given.get(each.name, ...)
        if value is not ... and not isinstance(value, _KINDS[each.type]):
            raise TypeError(f"{each.name} is {value!r:.80}")
    return dict(given)


def _whole(seeds: Any) -> list[int]:
    if not isinstance(seeds, list) or not all(type(seed) is int and 0 <= seed < 2**63 for seed in seeds):
        raise TypeError(f"seeds are {seeds!r:.80}")
    return seeds


def seeds_from(count_or_seeds: int | Sequence[int]) -> tuple[int, ...]:
    """A number of seeds as 0, 1, …; a sequence as it is."""
    if isinstance(count_or_seeds, bool):
        raise _checks.UsageError(f"seeds must be a number of seeds or a list of them; got {count_or_seeds!r}")
    if isinstance(count_or_seeds, int):
        if count_or_seeds < 1:
            raise _checks.UsageError(f"seeds must be at least 1; got {count_or_seeds}")
        return tuple(range(count_or_seeds))
    return tuple(int(seed) for seed in count_or_seeds)


def slug(text: str) -> str:
    """Letters, digits and dashes only: nothing that leaves a folder (D3)."""
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-")[:40] or "data"
