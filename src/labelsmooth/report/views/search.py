"""What a search found on validation: sentences, each measure against the amount, every candidate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from .._format import MISSING, fixed, general, percent, plural, signed
from .._read import Results, at, fields, items, number, number_at, words
from .._rows import STARS, checkpoint_of, measure_name, metric, role_of, star_of
from ..figures import amounts

_PANELS = (
    ("after", "nll", "NLL, after temperature"),
    ("after", "accuracy", "Accuracy"),
    ("before", "signed_gap", "Signed gap, before temperature"),
    ("before", "ece", "ECE, before temperature"),
    ("after", "ece", "ECE, after temperature"),
    ("after", "brier", "Brier score, after temperature"),
    ("after", "aurc", "AURC, after temperature"),
)
_ASIDE = 6.0
_DROPPED, _PAIR, _COLOURS = "ls-s-rest", {"hard": "ls-s-hard", "smooth": "ls-s-smooth"}, 8
_END = "end of what was searched"
_WHAT = {"smoothing": "ε", "learning_rate": "learning rate", "weight_decay": "weight decay", "dropout": "dropout"}


def sentences(results: Results) -> list[str]:
    """How many were tried, the flat region, what lies at an edge; none where nothing was searched."""
    found = fields(results, "tuning")
    return [_tried(found), _flat(found), *_edges(found)] if found else []


def _tried(found: dict[str, Any]) -> str:
    tried = items(found, "candidates")
    states = [words(line, "state") for line in tried]
    dropped = f", {states.count('dropped')} dropped early" if "dropped" in states else ""
    failed = f", {states.count('failed')} failed" if "failed" in states else ""
    best: dict[str, Any] = next((line for line in tried if line.get("method") == found.get("best")), {})
    measure = words(found, "metric")
    value = fixed(number_at(best, "after", measure, "mean"))
    told = f"lowest {measure_name(measure)}" if measure != "accuracy" else "highest accuracy"
    return (
        f"{plural(len(tried), 'candidate')} on validation{dropped}{failed}; {words(found, 'best')} has the {told} "
        f"there after temperature, {value}."
    )


def _flat(found: dict[str, Any]) -> str:
    flat = fields(found, "flat")
    low, high = number(flat.get("low")), number(flat.get("high"))
    if low is None or high is None:
        return ""
    where = f"only ε = {general(low)}" if low == high else f"ε from {general(low)} to {general(high)}"
    gaps = [general(float(each)) for each in items(flat, "but") if number(each) is not None]
    but = f", but for {', '.join(gaps)}" if gaps else ""
    hard = "" if low else " Hard labels are among them."
    return f"Within one standard error of it: {where}{but} (one standard error counts seeds and rows).{hard}"


def _edges(found: dict[str, Any]) -> list[str]:
    told = []
    for edge in items(found, "edges"):
        name, at_end = words(edge, "name"), number_at(edge, "at")
        end = f"{words(edge, 'end')} end of what was searched, {MISSING if at_end is None else general(at_end)}"
        where = f"{STARS.get(words(edge, 'family'), '')} has its {_WHAT.get(name, name)} at the {end}"
        beyond = "beyond which there is nothing" if edge.get("natural") is True else "and the best may lie beyond"
        told.append(f"{where}, {beyond}.")
    return told or ["Neither H* nor S* lies at an end of what was searched."]


@dataclass(frozen=True)
class Key:
    """One entry of the legend."""

    name: str
    style: str

    @property
    def is_band(self) -> bool:
        """Whether it stands for a part of the picture, not for a line in it."""
        return "ls-zone" in self.style


@dataclass(frozen=True)
class Panel:
    """One measure against the amount."""

    title: str
    picture: Markup


@dataclass(frozen=True)
class Line:
    """One candidate, as its row shows it."""

    name: str
    checkpoint: str
    star: str
    role: str
    fate: str
    cells: list[str]
    amount: float | None
    state: str
    spread: list[str]
    """Mean ± standard deviation over seeds, in the order of the panels."""


@dataclass(frozen=True)
class Search:
    """Everything that the section shows."""

    measures = tuple(title for _, _, title in _PANELS)

    sentences: list[str]
    rule: str
    keys: list[Key]
    panels: list[Panel]
    lines: list[Line]
    read_before: bool
    searched: list[str]


def view(results: Results) -> Search | None:
    """Return the section, or None where nothing was searched."""
    found = fields(results, "tuning")
    if not found:
        return None
    tried = [each for each in items(found, "candidates") if isinstance(each, dict)]
    styles = _styles(tried)
    return Search(
        sentences(results), words(found, "rule"), _keys(found, tried, styles), _panels(found, tried, styles),
        [_line(each) for each in tried], bool(items(found, "read_before")), [_WHAT[name] for name in _beside(found)],
    )  # fmt: skip


def _styles(tried: list[dict[str, Any]]) -> list[str]:
    """What each candidate wears: the colour of the pair, of its scheme (hard labels have one), or grey."""
    return [
        _PAIR.get(words(each, "chosen"))
        or (_DROPPED if words(each, "state") != "complete" else _colour(tried, words(each, "scheme")))
        for each in tried
    ]


def _keys(found: dict[str, Any], tried: list[dict[str, Any]], styles: list[str]) -> list[Key]:
    """H* and S* by name, then schemes, what was dropped, the flat region, the end where the best lies at it."""
    stars = [Key(f"{STARS[role]}: {words(e, 'method')}", style) for e, style in zip(tried, styles, strict=True)
             if (role := words(e, "chosen")) in STARS]  # fmt: skip
    names = {style: words(e, "scheme") for e, style in zip(tried, styles, strict=True) if style not in _PAIR.values()}
    named = {"none": "hard labels"}
    others = [Key(named.get(name, name), style) for style, name in names.items() if style != _DROPPED]
    dropped = [Key("dropped early", _DROPPED)] if _DROPPED in names else []
    region = _region(found)
    flat = [Key("flat region", amounts.FLAT_STYLE)] if region.flat is not None else []
    return [*stars, *others, *dropped, *flat, *([Key(_END, amounts.END_STYLE)] if region.at_end else [])]


def _region(found: dict[str, Any]) -> amounts.Region:
    low, high = number_at(found, "flat", "low"), number_at(found, "flat", "high")
    ends = [edge for edge in items(found, "edges") if words(edge, "name") == "smoothing"]
    return amounts.Region(
        number(at(found, "space", "smoothing", 1)) or 1.0,
        None if low is None or high is None else (low, high),
        any(words(edge, "end") == "upper" and edge.get("natural") is not True for edge in ends),
    )


def _panels(found: dict[str, Any], tried: list[dict[str, Any]], styles: list[str]) -> list[Panel]:
    order = sorted(zip(tried, styles, strict=True), key=lambda pair: (pair[1] in _PAIR.values(), pair[1] != _DROPPED))
    panels, schemes = [], _schemes(tried)
    curves = [] if _beside(found) else [_curve(tried, scheme) for scheme in schemes]
    for stage, measure, title in _PANELS:
        marks = [mark for each, style in order if (mark := _mark(each, stage, measure, style, schemes)) is not None]
        joined = [[mark for each, style in curve if (mark := _mark(each, stage, measure, style, schemes)) is not None]
                  for curve in curves]  # fmt: skip
        picture = amounts.draw(title, marks, _region(found), joined)
        if picture is not None:
            panels.append(Panel(title, picture))
    return panels


def _schemes(tried: list[dict[str, Any]], family: str = "smooth") -> list[str]:
    return list(dict.fromkeys(words(each, "scheme") for each in tried if family in ("", each.get("family"))))


def _beside(found: dict[str, Any]) -> list[str]:
    """What was searched beside the smoothing; then candidates at neighbouring amounts differ in more than these."""
    return [name for name in ("learning_rate", "weight_decay", "dropout") if name in fields(found, "space")]


def _curve(tried: list[dict[str, Any]], scheme: str) -> list[tuple[dict[str, Any], str]]:
    """Hard labels, then a scheme's candidates by amount, each with its scheme's colour; the dropped have fewer seeds
    and are left out."""
    done = [each for each in tried if words(each, "state") == "complete"]
    mine = [each for each in done if words(each, "scheme") == scheme or each.get("family") == "hard"]
    style = _colour(tried, scheme)
    return [(each, style) for each in sorted(mine, key=lambda each: number_at(each, "label_smoothing") or 0.0)]


def _colour(tried: list[dict[str, Any]], scheme: str) -> str:
    return f"ls-s{_schemes(tried, '').index(scheme) % _COLOURS}"


def _mark(each: dict[str, Any], stage: str, measure: str, style: str, schemes: list[str]) -> amounts.Mark | None:
    amount, mean = number_at(each, "label_smoothing"), metric(each, stage, measure)
    if amount is None or mean is None:
        return None
    scheme = words(each, "scheme")
    aside = _ASIDE * (schemes.index(scheme) - (len(schemes) - 1) / 2) if scheme in schemes else 0.0
    return amounts.Mark(amount, mean, number_at(each, stage, measure, "sd") or 0.0, style, aside)


def _line(each: dict[str, Any]) -> Line:
    seeds = number(each.get("seeds")) or 0
    difference, error = number_at(each, "difference", "value"), number_at(each, "difference", "standard_error")
    cells = [
        fixed(metric(each, "after", "nll")),
        MISSING if difference is None else f"{signed(difference)} ± {fixed(error)}",
        percent(metric(each, "after", "accuracy")),
        signed(metric(each, "before", "signed_gap"), 3),
        fixed(metric(each, "before", "ece"), 3),
        fixed(metric(each, "after", "ece"), 3),
        fixed(metric(each, "after", "brier")),
        fixed(metric(each, "after", "aurc"), 5),
    ]
    state = words(each, "state")
    flat = "flat region" if at(each, "difference", "flat") is True else ""
    fate = {"complete": flat, "dropped": f"dropped after {plural(seeds, 'seed')}"}.get(state, state)
    return Line(
        words(each, "method"), checkpoint_of(each), star_of(each), role_of(each), fate, cells,
        number_at(each, "label_smoothing"), state, [_spread(each, stage, measure) for stage, measure, _ in _PANELS],
    )  # fmt: skip


def _spread(each: dict[str, Any], stage: str, measure: str) -> str:
    mean, sd = metric(each, stage, measure), number_at(each, stage, measure, "sd")
    if measure == "accuracy":
        return percent(mean) if sd is None or mean is None else f"{fixed(100 * mean, 1)} ± {percent(sd)}"
    shown = signed(mean, 3) if measure == "signed_gap" else fixed(mean)
    return shown if sd is None else f"{shown} ± {fixed(sd, 3 if measure == 'signed_gap' else 4)}"
