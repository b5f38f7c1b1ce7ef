"""Which candidates are dropped after the first seeds: those that are clearly worse than the best of their family.

All candidates are trained with the same first seeds. One is dropped when the 95 % interval of its validation loss minus
that of the family's best on these seeds lies above 0: paired by seed and row, with seeds and rows both counted as
samples, as in the verdict.
"""

from __future__ import annotations

from collections.abc import Sequence

from .validated import Candidate

RULE = (
    "Every candidate is trained with the first {first} of {seeds} seeds. It is dropped when the 95 % interval of its "
    "validation loss minus that of the best of its family on these seeds, paired by seed and row, lies above 0; the "
    "others are trained with all seeds. A dropped candidate is never chosen."
)


def rule(first: int, seeds: int) -> str:
    """The rule in words; nothing is dropped where the first seeds are all there are."""
    return (
        RULE.format(first=first, seeds=seeds)
        if first < seeds
        else f"Every candidate is trained with all {seeds} seeds."
    )


def clearly_worse(candidate: Candidate, best: Candidate) -> bool:
    """Whether the interval of its loss minus the best's lies above 0.

    False where there is no interval, as with a single validation row.
    """
    return bool(candidate.against(best).lower > 0)


def drop(fresh: Sequence[Candidate], earlier: Sequence[Candidate], first: Sequence[int]) -> None:
    """Mark those of the fresh candidates as dropped that are clearly worse than the best over the first seeds."""
    for family in {candidate.family for candidate in fresh}:
        able = [c for c in (*earlier, *fresh) if c.family == family and c.state == "complete"]
        if able:
            best = min((c.on(first) for c in able), key=lambda each: each.value)
            for candidate in fresh:
                if candidate.family == family and candidate.state == "complete":
                    worse = candidate.name != best.name and clearly_worse(candidate, best)
                    candidate.state = "dropped" if worse else "complete"
