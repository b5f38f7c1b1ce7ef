"""Images as raw inputs: decoded side by side, scaled and cut to one size, grey or colour, uint8."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from .._checks import DataError, UsageError, require
from ..options import DataOptions

_MOST_PIXELS = 50_000_000
_SMALLEST, _LARGEST = 4, 512


def raw(opened: Sequence[Callable[[], Any]], names: Sequence[str], options: DataOptions) -> np.ndarray:
    """(n, C, S, S) uint8 of n images, each opened by its function; `names` call them in errors."""
    size = options.image_size
    if not _SMALLEST <= size <= _LARGEST:
        raise UsageError(f"--image-size must be from {_SMALLEST} to {_LARGEST} pixels; got {size}")
    image = require("data", "PIL.Image")
    made = np.empty((len(opened), 1 if options.grey else 3, size, size), np.uint8)
    with warnings.catch_warnings(), ThreadPoolExecutor(os.cpu_count()) as pool:
        warnings.simplefilter("ignore")  # of Pillow, on sizes and metadata: sizes are checked here
        for row, pixels in enumerate(
            pool.map(lambda i: _decoded(image, opened[i], names[i], options), range(len(opened)))
        ):
            made[row] = pixels
    return made


def described(options: DataOptions) -> str:
    """What is done to each picture, for the card."""
    size, colour = options.image_size, "grey" if options.grey else "colour"
    return f"the middle square scaled to {size}x{size}, {colour}; each channel to mean 0 and deviation 1 of training"


def _decoded(image: Any, opened: Callable[[], Any], name: str, options: DataOptions) -> np.ndarray:
    try:
        with opened() as picture:
            wide, high = picture.size
            if wide * high > _MOST_PIXELS:
                raise DataError(f"{name}: has {wide}x{high} pixels, above the limit of 50 million; make it smaller")
            return _scaled(image, picture, options)
    except FileNotFoundError as error:
        raise DataError(f"{name}: there is no such file; remove the broken link") from error
    except PermissionError as error:
        raise DataError(f"{name}: cannot be read (permission denied); allow it with: chmod u+r {name}") from error
    except image.DecompressionBombError as error:
        raise DataError(f"{name}: has more than 50 million pixels; make it smaller") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{name}: not a readable image ({_short(error, name)}); repair or remove it") from error


def _short(error: Exception, name: str) -> str:
    return "unknown format" if "cannot identify" in str(error) else str(error).partition("\n")[0][:80]


def _scaled(image: Any, picture: Any, options: DataOptions) -> np.ndarray:
    """The middle square of the upright picture, (C, S, S) uint8."""
    mode, size = "L" if options.grey else "RGB", options.image_size
    picture.draft(mode, (2 * size, 2 * size))  # lets JPEG decode at a fraction of its size
    if picture.mode.startswith("I;16"):
        picture = image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    upright = require("data", "PIL.ImageOps").exif_transpose(picture).convert(mode)
    side = min(upright.size)
    left, top = (upright.width - side) // 2, (upright.height - side) // 2
    square = upright.resize((size, size), image.Resampling.BILINEAR, (left, top, left + side, top + side))
    pixels = np.asarray(square)
    return pixels[None] if options.grey else pixels.transpose(2, 0, 1)
