"""Small pictures: dots with intervals over seeds, and lines with bands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .claims import spread

HARD, SMOOTH, THIRD, INK, PALE = "#b4452f", "#2b6cb0", "#5a7d2a", "#333333", "#c9c9c9"


def dots(axes: Any, names: Sequence[str], values: Sequence[Sequence[float]], colors: Sequence[str], label: str) -> None:
    """One line a name: every seed as a pale dot, mean and 95 % interval over it."""
    for place, (seeds, color) in enumerate(zip(values, colors, strict=True)):
        mean, lower, upper = spread(seeds)
        axes.plot(seeds, np.full(len(seeds), place), "o", color=PALE, markersize=4, zorder=1)
        axes.plot([lower, upper], [place, place], "-", color=color, linewidth=2.5, zorder=2)
        axes.plot([mean], [place], "o", color=color, markersize=7, zorder=3)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel(label)
    tidy(axes)


def lines(axes: Any, x: Sequence[float], series: dict[str, tuple[np.ndarray, str]], xlabel: str, ylabel: str) -> None:
    """Means over seeds (seeds, points) against x, with the 95 % band."""
    for name, (values, color) in series.items():
        found = np.array([spread(column) for column in np.asarray(values, dtype=np.float64).T])
        axes.fill_between(x, found[:, 1], found[:, 2], color=color, alpha=0.15, linewidth=0)
        axes.plot(x, found[:, 0], "-o", color=color, markersize=4, label=name)
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    axes.legend(frameon=False)
    tidy(axes)


def tidy(axes: Any) -> None:
    """No frame where nothing is read off it."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", color="#eeeeee")
    axes.set_axisbelow(True)


def save(draw: Any, path: Any) -> None:
    """Draw on a fresh figure and write it as a PNG."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    with mpl.rc_context({"font.size": 10, "axes.edgecolor": INK, "figure.dpi": 88}):
        figure = plt.figure(figsize=(7.6, 3.2), layout="constrained")
        draw(figure)
        figure.savefig(path, pil_kwargs={"optimize": True})
        plt.close(figure)
