"""A model and data of one's own, named as module:function."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from torch import Tensor, nn

from labelsmooth import compare


def rings() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Three rings about the origin; the test split is one's own."""
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 3, 900)
    angle, radius = draw.uniform(0, 2 * np.pi, 900), 1 + labels + draw.normal(0, 0.4, 900)
    inputs = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
    names = np.array(["inner", "middle", "outer"])[labels]
    return {"train": (inputs[:600], names[:600]), "test": (inputs[600:], names[600:])}


class Residual(nn.Module):
    """Called with the arguments it names, of: dataset, input_shape, num_classes, dropout, and those of --set."""

    def __init__(self, input_shape: tuple[int, ...], num_classes: int, width: int = 32) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(input_shape[0], width), nn.Linear(width, width)
        self.head = nn.Linear(width, num_classes)

    def forward(self, inputs: Tensor) -> Tensor:
        hidden = self.first(inputs).relu()
        return self.head(hidden + self.second(hidden).relu())


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    # the same as: labelsmooth compare own_model:rings --model own_model:Residual --set width=16
    result = compare(
        "own_model:rings",
        model="own_model:Residual",
        set="width=16",
        seeds=3,
        epochs=10,
        smoothing=0.1,
        engine="inline",
    )
    print(result)
