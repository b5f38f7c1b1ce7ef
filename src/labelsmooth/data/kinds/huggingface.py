"""huggingface: hf:NAME, hf:NAME:CONFIGURATION or hf:FOLDER, a data set of the datasets library."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..._checks import DataError, UsageError, require
from ...options import DataOptions
from .. import _labels, _pictures
from .._defaults import card
from .._given import ALIASES
from .._tabular import chosen_label, source
from .._types import DataSplit, Source
from ..tables import Column, Table, column_of

USES = ("label", "text", "categorical", "drop", "group", "max_length", "tokenizer", "image_size", "grey")
WHAT = "a data set of the datasets library"


def takes(name: str) -> bool:
    """Whether the data of that name are of this kind."""
    return name.startswith("hf:")


def load(name: str, options: DataOptions) -> Source:
    """Load from the folder or the hub; splits named train, validation and test are kept.

    Raises MissingExtra without the library, UsageError or DataError for a data set that is not there.
    """
    datasets = require("hf", "datasets")
    parts = _splits(datasets, name)
    features = next(iter(parts.values())).features
    names = [each for each, kind in features.items() if isinstance(kind, datasets.ClassLabel)]
    label = options.label or (names[0] if len(names) == 1 else chosen_label(name, list(features)))
    if label not in features:
        raise UsageError(f"{name}: --label: there is no column {label!r}; the columns are {', '.join(features)}")
    pictures = [each for each, kind in features.items() if isinstance(kind, datasets.Image)]
    if pictures and options.text is None:
        return _images(name, parts, pictures[0], label, options)
    tables = {split: _table(f"{name} ({split or 'rows'})", part) for split, part in parts.items()}
    words = [each for each in features if each != label and _is_text(features[each])]
    only = options.text is None and len(words) == 1 and len(features) == 2
    text = tuple(words) if only else options.text
    return source(tables, replace(options, label=label, text=text), name)


def _is_text(feature: Any) -> bool:
    return getattr(feature, "dtype", "") in ("string", "large_string")


def _splits(datasets: Any, name: str) -> dict[str, Any]:
    """The data set's own splits by our names; "" where there is one."""
    place = name.removeprefix("hf:")
    if not place:
        raise UsageError("hf: must be followed by a name or a folder, such as hf:imdb or hf:saved/reviews")
    loaded = _loaded(datasets, place)
    if not isinstance(loaded, dict):
        return {"": loaded}
    named = {ALIASES[split]: part for split, part in loaded.items() if split in ALIASES}
    if "train" not in named:
        raise DataError(f"{name}: has the splits {', '.join(loaded)}; there must be one named train")
    return {split: named[split] for split in ("train", "val", "test") if split in named}


def _loaded(datasets: Any, place: str) -> Any:
    folder = Path(place)
    try:
        if folder.is_dir() and any((folder / each).exists() for each in ("dataset_dict.json", "state.json")):
            return datasets.load_from_disk(place)
        where, _, configuration = place.partition(":")
        return datasets.load_dataset(where, configuration or None)
    except (OSError, ValueError, RuntimeError) as error:
        words = str(error).strip().partition("\n")[0][:160]
        raise DataError(
            f"hf:{place}: cannot be loaded ({words}); give a folder that save_to_disk wrote, or a name"
        ) from error


def _table(name: str, part: Any) -> Table:
    arrow = require("hf", "pyarrow")
    held = part.with_format("arrow")[:]
    columns = []
    for each in held.column_names:
        names = getattr(part.features[each], "names", None)
        written = partial(_class_names, held.column(each), names) if names else None
        columns.append(Column(each, written) if written else column_of(arrow, each, held.column(each)))
    return Table(name, columns, held.num_rows, lambda row: f"row {row}")


def _class_names(values: Any, names: list[str]) -> list[str]:
    """Names of class numbers; −1 and nothing are labels that are missing."""
    return ["" if place is None or place < 0 else names[place] for place in values.to_pylist()]


def _images(name: str, parts: dict[str, Any], picture: str, label: str, options: DataOptions) -> Source:
    tables = {
        split: _table(f"{name} ({split or 'rows'})", part.select_columns([label])) for split, part in parts.items()
    }
    texts = [text for table in tables.values() for text in table[label].texts]
    labels, classes = _labels.coded(texts, f"{name}: column {label!r}")
    opened = [partial(_picture, part, row, picture) for part in parts.values() for row in range(len(part))]
    named = [f"{name} ({split or 'rows'}): row {row}" for split, part in parts.items() for row in range(len(part))]
    samples = DataSplit(_pictures.raw(opened, named, options), labels, np.arange(len(labels)))
    columns = [
        {"name": label, "kind": "label", "done": "kept as text"},
        {"name": picture, "kind": "image", "done": _pictures.described(options)},
    ]
    given = np.repeat(list(parts), [len(part) for part in parts.values()])
    return Source("image", samples, classes, card(f"images of {name}", name, len(labels), columns=columns), given=given)


def _picture(part: Any, row: int, name: str) -> Any:
    return part[row][name]
