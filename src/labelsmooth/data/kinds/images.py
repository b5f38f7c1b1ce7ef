"""images: a folder with a folder of pictures for each class; train/, val/ and test/ above them where they are given."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..._checks import DataError, UsageError, require
from ...options import DataOptions
from .. import _labels, _pictures
from .._defaults import card
from .._given import ALIASES
from .._types import DataSplit, Source

USES = ("group", "test", "val", "image_size", "grey")
WHAT = "a folder of images"
_ENDINGS = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pnm"}
_FOLDER = "folder"
_SPLITS = ("val", "test")


def takes(name: str) -> bool:
    """Whether the data of that name are of this kind."""
    return Path(name).is_dir()


def load(name: str, options: DataOptions) -> Source:
    """Read every picture; raises DataError naming the file. With group='folder' the folders in a class are groups."""
    if options.group not in (None, _FOLDER):
        raise UsageError(f"--group of a folder of images is 'folder' (class/group/picture.png); got {options.group!r}")
    image = require("data", "PIL.Image")
    files, skipped = _found(Path(name), options)
    paths = [path for _, _, path in files]
    labels, classes = _labels.coded([label for _, label, _ in files], f"{name}: the set of class folders")
    pixels = _pictures.raw([partial(image.open, path) for path in paths], [str(path) for path in paths], options)
    if pixels.min() == pixels.max():
        raise DataError(f"{name}: every pixel of every image is {pixels.flat[0]}; there is nothing to learn from")
    groups = None if options.group is None else np.array([str(path.parent) for path in paths])
    given = np.array([split for split, _, _ in files])
    samples = DataSplit(pixels, labels, np.array([_id(path, split) for split, _, path in files]), groups)
    return Source("image", samples, classes, _card(name, options, len(files), skipped, classes), given=given)


def _id(path: Path, split: str) -> str:
    return "/".join(filter(None, [split, path.parent.name, path.name]))


def _found(root: Path, options: DataOptions) -> tuple[list[tuple[str, str, Path]], int]:
    """(split, class, file) of every picture, and how many other files there are."""
    inside = [folder for folder in _folders(root) if folder.name.lower() in ALIASES]
    split_above = any(ALIASES[folder.name.lower()] == "train" for folder in inside) and len(inside) == len(
        _folders(root)
    )
    roots = {ALIASES[f.name.lower()]: f for f in inside} if split_above else {"": root}
    for split in _SPLITS:
        if (own := getattr(options, split)) is not None:
            if not own.is_dir():
                raise DataError(f"{own}: there is no such folder; --{split} takes a folder with one folder a class")
            roots[split] = own
    files: list[tuple[str, str, Path]] = []
    skipped = 0
    for split, folder in roots.items():
        for label, path in _of_classes(folder):
            if path.suffix.lower() in _ENDINGS:
                files.append((split, label, path))
            else:
                skipped += 1
    return files, skipped


def _folders(root: Path) -> list[Path]:
    try:
        return sorted(each for each in root.iterdir() if each.is_dir() and not each.name.startswith("."))
    except PermissionError as error:
        raise DataError(f"{root}: cannot be read (permission denied); allow it with: chmod u+rx {root}") from error


def _of_classes(root: Path) -> list[tuple[str, Path]]:
    classes = _folders(root)
    loose = sorted(each for each in root.iterdir() if each.suffix.lower() in _ENDINGS)
    if not classes or loose:
        what = f"{loose[0].name} lies beside the class folders" if loose and classes else "there are no class folders"
        raise DataError(f"{root}: {what}; put each picture into a folder named as its class: {root.name}/cat/1.png")
    found = []
    for folder in classes:
        files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
        if not any(path.suffix.lower() in _ENDINGS for path in files):
            raise DataError(f"{folder}: holds no pictures ({', '.join(sorted(_ENDINGS))}); add some, or remove it")
        found += [(folder.name, path) for path in files]
    return found


def _card(name: str, options: DataOptions, rows: int, skipped: int, classes: list[str]) -> dict[str, Any]:
    title = Path(name).resolve().name
    notes = [f"{skipped} other files in the folders were not read."] if skipped else []
    columns = [{"name": "picture", "kind": "image", "done": _pictures.described(options)}]
    warnings = _labels.lookalikes(classes)
    return card(f"images in {title}", title, rows, columns=columns, notes=notes, warnings=warnings)
