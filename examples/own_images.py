"""A folder of images, one folder a class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from labelsmooth import compare


def write(folder: Path, each: int = 60) -> None:
    """Bright or dark squares on noise."""
    draw = np.random.default_rng(0)
    for name, light in (("bright", 200), ("dark", 120)):
        (folder / name).mkdir(parents=True)
        for i in range(each):
            pixels = draw.normal(110, 40, (48, 64, 3))
            pixels[16:32, 24:40] += light - 110
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / name / f"{i}.jpg")


if __name__ == "__main__":
    write(Path("squares"))
    # the same as: labelsmooth compare squares --image-size 16 --augment
    result = compare(
        "squares", image_size=16, augment=True, model="conv", seeds=3, epochs=4, smoothing=0.1, engine="inline"
    )
    print(result)
