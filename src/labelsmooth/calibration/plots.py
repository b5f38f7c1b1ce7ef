"""Pictures of calibration: matplotlib axes in (`ax=`, or a new figure) and out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._checks import require
from ._binning import Binned, binned_rows, edges_for, equal_width_edges
from ._classes import class_names
from ._inputs import bin_count, scores
from ._ranking import area, best_risks, excess, risks
from ._rows import Rows, checked, measure
from ._scores import l1_error
from ._simulate import ece_under_null
from ._smoothing import Residuals, best_width
from .per_class import class_bins

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BLUE, _RED, _GREY = "#2f6db5", "#c8452f", "#7f7f7f"


def reliability_diagram(
    labels: Any,
    *,
    logits: Any = None,
    probs: Any = None,
    bins: int = 15,
    binning: str = "equal_width",
    smooth: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Accuracy against confidence in bins, with 95 % Clopper–Pearson bands, and a histogram of confidence below.

    The legend gives the ECE with its sample size and what a calibrated model would score (C10); ``smooth=True`` adds
    the curve of :func:`~labelsmooth.calibration.smooth_calibration_error`. Returns the upper axes; the histogram is an
    axes of the same figure, stored as ``ax.histogram``. Needs matplotlib and scipy. Arguments and errors as for
    :func:`~labelsmooth.calibration.expected_calibration_error`. Source: Niculescu-Mizil & Caruana 2005.

    >>> from matplotlib.figure import Figure
    >>> ax = reliability_diagram([0, 1], probs=[[0.9, 0.1], [0.6, 0.4]], ax=Figure().subplots())
    >>> ax.get_ylabel()
    'accuracy'
    """
    rows = measure(labels, logits, probs)
    parts = binned_rows(rows, edges_for(rows.confidence, bin_count(bins), binning))
    ax = _axes(ax)
    ax.plot([0, 1], [0, 1], color=_GREY, linestyle="--", linewidth=1, label="calibrated")
    _bars(ax, parts, _ece_text(rows, parts))
    if smooth:
        _smooth_curve(ax, rows)
    _histogram(ax, rows, len(parts.count))
    ax.set(xlim=(0, 1), ylim=(0, 1), ylabel="accuracy")
    ax.legend(loc="best", fontsize="small")
    return ax


def risk_coverage_diagram(
    labels: Any, *, logits: Any = None, probs: Any = None, label: str = "model", ax: Axes | None = None
) -> Axes:
    """Error rate of the most confident rows against the share of rows answered, beside the best and a random ranking.

    The legend gives AURC and excess AURC. Call again with the same `ax` to add a model. Needs matplotlib. Arguments and
    errors as for :func:`~labelsmooth.calibration.aurc`. Source: Geifman & El-Yaniv 2017.

    >>> from matplotlib.figure import Figure
    >>> ax = risk_coverage_diagram([0, 1], probs=[[0.9, 0.1], [0.6, 0.4]], ax=Figure().subplots())
    >>> ax.get_xlabel()
    'coverage'
    """
    rows = measure(labels, logits, probs)
    risk, _ = risks(rows)
    n = len(risk)
    best = best_risks(int(np.count_nonzero(~rows.correct)), n)
    coverage = np.arange(1, n + 1) / n
    ax = _axes(ax)
    text = f"{label}: AURC {area(risk):.4f}, excess {excess(rows, risk):.4f}"
    line = ax.plot(coverage, risk, label=text)[0]
    seen = set(ax.get_legend_handles_labels()[1])
    for name, curve, style in (
        ("best ranking of its errors", best, {"color": line.get_color(), "linestyle": ":"}),
        ("random ranking", np.full(n, risk[-1]), {"color": _GREY, "linestyle": "--"}),
    ):
        ax.plot(coverage, curve, linewidth=1, label="_" if name in seen else name, **style)
    ax.set(xlim=(0, 1), xlabel="coverage", ylabel="error rate of the rows answered")
    ax.set_ylim(bottom=0)
    ax.legend(loc="best", fontsize="small")
    return ax


def class_heatmap(
    labels: Any,
    *,
    logits: Any = None,
    probs: Any = None,
    bins: int = 15,
    classes: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Class by bin: mean probability − frequency, so that red classes are over-predicted and blue ones missed (C18).

    Bins without rows stay empty; the class's signed error is written beside its name. Needs matplotlib. Arguments and
    errors as for :func:`~labelsmooth.calibration.per_class_table`.

    >>> from matplotlib.figure import Figure
    >>> ax = class_heatmap([0, 1], probs=[[0.9, 0.1], [0.6, 0.4]], classes=["a", "b"], ax=Figure().subplots())
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['a (+0.250)', 'b (-0.250)']
    """
    parts = class_bins(checked(labels, logits, probs), bins)
    names = class_names(classes, len(parts.count))
    with np.errstate(invalid="ignore", divide="ignore"):
        gap = np.where(parts.count > 0, parts.gaps() / parts.shares, np.nan)
    ax = _axes(ax)
    limit = max(float(np.nanmax(np.abs(gap))), 1e-3)
    image = ax.imshow(gap, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto", extent=(0, 1, len(names), 0))
    ax.set_facecolor("#f4f4f4")
    signed = [f"{name} ({error:+.3f})" for name, error in zip(names, parts.signed_errors(), strict=True)]
    ax.set_yticks(np.arange(len(names)) + 0.5, signed)
    ax.set(xlabel="probability of the class", ylabel="class (signed error)")
    ax.figure.colorbar(image, ax=ax, label="mean probability − frequency")
    return ax


def temperature_diagram(
    labels: Any, *, logits: Any, temperature: float, bins: int = 15, axes: Sequence[Axes] | None = None
) -> tuple[Axes, Axes]:
    """Reliability before and after a temperature, side by side, on rows that the temperature was not fitted on.

    `temperature` above 0, else ValueError; `axes` two axes. Other arguments, needs and errors as for
    :func:`reliability_diagram`.

    >>> from matplotlib.figure import Figure
    >>> pair = temperature_diagram([0, 1], logits=[[2.0, 0.0], [1.0, 0.0]], temperature=2.0,
    ...                            axes=Figure().subplots(1, 2))
    >>> [ax.get_title() for ax in pair]
    ['before', 'after, T = 2.000']
    """
    if isinstance(temperature, bool) or not 0 < temperature < np.inf:
        raise ValueError(f"temperature must be a positive number; got {temperature!r}")
    if axes is None:
        axes = require("app", "matplotlib.pyplot").subplots(1, 2, figsize=(10, 5), layout="constrained")[1]
    before, after = axes
    given = scores(logits, None).array.astype(np.float64)
    reliability_diagram(labels, logits=given, bins=bins, ax=before).set_title("before")
    reliability_diagram(labels, logits=given / temperature, bins=bins, ax=after).set_title(
        f"after, T = {temperature:.3f}"
    )
    return before, after


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    made: Axes = require("app", "matplotlib.pyplot").subplots(figsize=(5, 5), layout="constrained")[1]
    return made


def _ece_text(rows: Rows, parts: Binned) -> str:
    ece = l1_error(parts)
    null = ece_under_null(rows.confidence, ece, parts.edges, 1000, 0)
    return f"ECE {ece:.3f} (calibrated: {null.mean:.3f}; n = {len(rows)}, p = {null.p_value:.2g})"


def _bars(ax: Axes, parts: Binned, label: str) -> None:
    used = parts.count > 0
    left, width = parts.edges[:-1][used], np.diff(parts.edges)[used]
    height, confidence = parts.mean(parts.correct)[used], parts.mean(parts.confidence)[used]
    ax.bar(left, height, width, align="edge", color=_BLUE, alpha=0.55, edgecolor="white", label=label)
    lower, upper = clopper_pearson(np.rint(height * parts.count[used]), parts.count[used])
    ax.errorbar(
        confidence, height, yerr=[height - lower, upper - height], fmt="o", markersize=3, color=_BLUE, capsize=2,
        linewidth=1, label="accuracy at mean confidence, 95 % band",
    )  # fmt: skip


def clopper_pearson(right: np.ndarray, count: np.ndarray, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Exact binomial limits of right/count, elementwise (Clopper & Pearson 1934)."""
    beta, alpha = require("app", "scipy.stats").beta, 1 - level
    lower = np.where(right > 0, beta.ppf(alpha / 2, np.maximum(right, 1), count - right + 1), 0.0)
    upper = np.where(right < count, beta.ppf(1 - alpha / 2, right + 1, np.maximum(count - right, 1)), 1.0)
    return lower, upper


def _smooth_curve(ax: Axes, rows: Rows) -> None:
    residuals = Residuals(rows.confidence, rows.correct)
    width = best_width(residuals)
    density = Residuals(rows.confidence, rows.confidence - 1.0).smoothed(width)
    grid = np.linspace(0, 1, len(density))
    seen = (grid >= rows.confidence.min()) & (grid <= rows.confidence.max()) & (density > 0)
    curve = grid[seen] - residuals.smoothed(width)[seen] / density[seen]
    ax.plot(grid[seen], np.clip(curve, 0, 1), color=_RED, label=f"smooth ECE {residuals.error(width):.3f}")


def _room_below(ax: Axes) -> Axes:
    """Axes under `ax` that take a fifth of its place, so that no layout cuts them off; beside it where it has none."""
    place = ax.get_subplotspec()
    if place is None:
        return ax.inset_axes((0.0, -0.32, 1.0, 0.22), sharex=ax)
    grid = place.subgridspec(2, 1, height_ratios=(4, 1), hspace=0.1)
    ax.set_subplotspec(grid[0])
    made: Axes = ax.figure.add_subplot(grid[1], sharex=ax)
    return made


def _histogram(ax: Axes, rows: Rows, bins: int) -> None:
    below = _room_below(ax)
    edges = equal_width_edges(bins).tolist()
    below.hist(rows.confidence, edges, weights=np.full(len(rows), 1 / len(rows)), color=_GREY, edgecolor="white")
    sure, right = float(rows.confidence.mean()), float(rows.correct.mean())
    below.axvline(sure, color=_RED, linewidth=1, label=f"confidence {sure:.3f}")
    below.axvline(right, color=_BLUE, linewidth=1, linestyle="--", label=f"accuracy {right:.3f}")
    below.set(xlabel="confidence", ylabel="share of rows")
    below.legend(loc="upper left", fontsize="x-small")
    ax.tick_params(labelbottom=False)
    ax.histogram = below  # type: ignore[attr-defined]
