"""A plan that was written down, to be run again."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

from .._checks import DataError, UsageError
from ..data import Dataset
from ..options import CompareOptions
from ..training import Settings
from .plan import Plan
from .script import Script

__all__ = ["Script", "checked", "options_of", "read"]
_OF_THE_RUN = ("plan", "engine", "address", "jobs", "out", "resume", "fail_if")


def read(options: CompareOptions) -> Plan:
    """The plan in the file `options.plan`; everything that it decides must be left out beside it.

    Raises UsageError for other options beside it or a script that has changed, DataError for a file that is no plan.
    """
    for each in fields(options):
        if each.name not in _OF_THE_RUN and getattr(options, each.name) != each.default:
            raise UsageError(f"--{each.name.replace('_', '-')} stands in the plan already; give it or --plan, not both")
    path = Path(str(options.plan))
    plan = Plan.from_dict(_parsed(path))
    if isinstance(plan.settings, Script) and plan.settings.digest() != plan.data.fingerprint:
        raise UsageError(f"{path} was made for another state of the files in {plan.settings.template!r}; compare anew")
    return plan


def _parsed(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read the plan {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(found, dict):
        raise DataError(f"{path} is no plan: expected the plan.json of a run folder; got a JSON {type(found).__name__}")
    return found


def options_of(plan: Plan) -> CompareOptions:
    """The options that its data were read with."""
    settings = plan.settings
    if not isinstance(settings, Settings):
        raise UsageError("the plan of a script has no data to read")
    known = {each.name: each for each in fields(CompareOptions)}
    given = {name: _typed(known[name].metadata["parse"], value) for name, value in plan.data.options.items()}
    done = {name: getattr(plan.data, name) for name in ("label_noise", "label_noise_val", "shift")}
    model = (
        {"model": settings.backbone, "freeze": True, "head": settings.model}
        if settings.backbone
        else {"model": settings.model}
    )
    own = tuple(f"{name}={value}" for name, value in settings.own.items()) if settings.backbone else None
    return CompareOptions(**{**given, **done, **model, "set": own})


def _typed(parse: object, value: object) -> object:
    if isinstance(value, list):
        return tuple(value)
    return Path(str(value)) if parse is Path else value


def checked(plan: Plan, dataset: Dataset) -> Plan:
    """The plan, if these are the data it was made for."""
    if plan.data.fingerprint != dataset.fingerprint:
        raise UsageError(
            f"the plan was made for other data than {plan.data.source or plan.data.name} holds now (their fingerprints "
            "differ, or another version reads them); compare anew without --plan"
        )
    return plan
