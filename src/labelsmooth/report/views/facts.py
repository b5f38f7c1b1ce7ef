"""What was run: the data card, the settings, the environment, as names and texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .._format import MISSING, count, duration, general, moment, percent, shortened
from .._read import Results, at, fields, items, number, words
from . import data_card

_LISTED = 12  # items of a list that are shown; the rest is counted
_NAMES = {"cpu_count": "CPU cores", "torch": "PyTorch", "numpy": "NumPy", "labelsmooth": "labelsmooth"}
_SPLITS = ("train", "val", "test")
_NOISE = (("Label noise, training", "label_noise"), ("Label noise, validation", "label_noise_val"))
_KINDS = {
    "vector": "rows of numbers",
    "image": "images",
    "tokens": "token sequences",
    "table": "table",
    "text": "texts",
}


@dataclass(frozen=True)
class Fact:
    name: str
    value: str


@dataclass(frozen=True)
class Facts:
    data: list[Fact]
    settings: list[Fact]
    environment: list[Fact]
    command: str


def described(value: Any, depth: int = 2) -> str:
    """Return any JSON value as short text: long lists are counted, deep objects cut off."""
    if value is None:
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        found = number(value)
        return MISSING if found is None else general(found)
    if isinstance(value, dict) and depth:
        return _joined(
            [f"{key}: {described(each, depth - 1)}" for key, each in list(value.items())[: _LISTED + 1]], len(value)
        )
    if isinstance(value, list) and depth:
        return _joined([described(each, depth - 1) for each in value[: _LISTED + 1]], len(value))
    return shortened(str(value), 600)


def _joined(texts: list[str], total: int) -> str:
    if total <= _LISTED + 1:
        sentences = any(text.endswith(".") for text in texts)
        return (" " if sentences else ", ").join(texts) or "none"
    return f"{', '.join(texts[:_LISTED])}, and {count(total - _LISTED)} more"


def _words(name: str) -> str:
    return _NAMES.get(name) or name.replace("_", " ").strip().capitalize()


def _rows(data: Mapping[str, Any]) -> str:
    rows, groups = fields(data, "rows"), fields(data, "groups")
    order = sorted(rows, key=lambda split: _SPLITS.index(split) if split in _SPLITS else len(_SPLITS))
    parts = [f"{count(rows[split])} {split}" for split in order]
    parts += [f"{count(n)} groups in {split}" for split, n in groups.items() if n]
    return ", ".join(parts)


def _classes(names: list[Any]) -> str:
    return f"{count(len(names))}: {described(names)}" if names else ""


def _seeds(seeds: Any) -> str:
    whole = isinstance(seeds, list) and len(seeds) > 2 and all(isinstance(seed, int) for seed in seeds)
    if whole and seeds == list(range(seeds[0], seeds[0] + len(seeds))):
        return f"{len(seeds)}: {seeds[0]} to {seeds[-1]}"
    return described(seeds)


def _facts(pairs: list[tuple[str, str]]) -> list[Fact]:
    return [Fact(name, value) for name, value in pairs if value]


def data(results: Results) -> list[Fact]:
    """Return the data card: what is known first, then what the card adds."""
    known = fields(results, "data")
    noise = [(name, percent(known.get(key))) for name, key in _NOISE if number(known.get(key)) is not None]
    first = [
        ("Name", words(known, "name")),
        ("Kind", _KINDS.get(words(known, "kind"), words(known, "kind"))),
        ("Rows", _rows(known)),
        ("Classes", _classes(items(known, "classes"))),
        *noise,
        ("Shifted test split", "yes" if known.get("shift") else ""),
    ]
    added = {
        key: value
        for key, value in fields(known, "card").items()
        if key not in (*known, *data_card.SHOWN) and value is not None
    }
    card = [(_words(key), described(value)) for key, value in added.items()]
    hashes = [(f"Hash, {split}", words(value)) for split, value in fields(known, "hashes").items()]
    return _facts([*first, *card, ("Fingerprint", words(known, "fingerprint")), *hashes])


def settings(results: Results) -> list[Fact]:
    """Return the training settings."""
    found = fields(results, "run", "settings")
    return _facts(
        [(_words(key), _seeds(value) if key == "seeds" else described(value)) for key, value in found.items()]
    )


def environment(results: Results) -> list[Fact]:
    """Return when and with what it ran."""
    when = [("Created", moment(words(results, "run", "created")))]
    seconds = number(at(results, "run", "seconds"))
    took = [("Took", duration(seconds))] if seconds is not None else []
    return _facts([*when, *took, *((_words(k), described(v)) for k, v in fields(results, "run", "env").items())])


def view(results: Results) -> Facts:
    return Facts(data(results), settings(results), environment(results), words(results, "run", "command"))
