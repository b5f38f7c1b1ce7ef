"""What may go on in a folder that holds a plan already: the same plan, or the same search with more candidates."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .._checks import UsageError


def check(path: Path, held: Any, asked: Mapping[str, Any], data: str) -> None:
    """Raise UsageError, in a sentence that says what is different, where `asked` cannot go on in the folder `path`.

    `held` and `asked` are plans as JSON values; `data` is what the data are called.
    """
    if held == asked:
        return
    if not isinstance(held, dict):
        raise _other(path)
    known, wanted = _but_search(held), _but_search(asked)
    if known == wanted and isinstance(held.get("search"), dict):
        _check_search(path, held["search"], asked["search"])
    elif _but_fingerprint(known) == _but_fingerprint(wanted):
        raise UsageError(
            f"{path} was made with other data: {data} has changed since (or is read by another version); start anew "
            "without --resume, or bring the old data back"
        )
    else:
        raise _other(path)


def _other(path: Path) -> UsageError:
    return UsageError(
        f"{path} holds another plan than this one (see its plan.json); give the same options, or another --out"
    )


def _check_search(path: Path, held: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    names = [name for name in {**held, **asked} if name != "trials" and held.get(name) != asked.get(name)]
    if names:
        changed = ", ".join(f"{name} was {_said(held, name)} and is now {_said(asked, name)}" for name in names)
        raise UsageError(
            f"{path} is another search: {changed}; go on with the same --search, --scheme and version of Optuna, or "
            "choose another folder with --out"
        )
    if not isinstance(held.get("trials"), int):
        raise _other(path)
    if asked["trials"] < held["trials"]:
        raise UsageError(
            f"{path} is a search of {held['trials']} trials, and a search that goes on can get more, not fewer than "
            f"that; give --trials {held['trials']} or more instead of {asked['trials']}, or another folder with --out"
        )


def _said(search: Mapping[str, Any], name: str) -> str:
    value = search.get(name, "left as it is")
    if isinstance(value, list):
        return (" " if name == "scheme" else ":").join(map(str, value))
    return str(value)


def _but_search(plan: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in plan.items() if name != "search"}


def _but_fingerprint(plan: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**plan, "data": {**plan["data"], "fingerprint": ""}} if isinstance(plan.get("data"), dict) else plan
