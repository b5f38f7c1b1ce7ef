"""The page of benchmarks/verdict_truth.py, from its counts alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scipy import stats

WRONG_AT_MOST, RIGHT_AT_LEAST = 0.03, 0.90
TEXT = """# Is the verdict right? Trained comparisons with known truth

Made by `python benchmarks/verdict_truth.py`: **{comparisons}** whole comparisons ({each}), on rows drawn from the
built-in mixture, whose posterior is exact. Each trains hard labels and one or two smoothed settings with six to twenty
seeds and is judged by the product's own `evaluate`. The pair that was judged is then trained with four further seeds;
its true gain is the mean over these of the exact difference of NLL after temperature, the posterior of {fresh} fresh
rows standing in for labels. What a simulation of many more draws says is in [another page](../verdict-simulation.md).

*smooth* is wrong where the true gain is 0 or below, *keep hard* where it is δ or above; *open* is neither. Truth is
taken twice: **of the setting**, the mean gain over all its comparisons (0 by construction where both sides are hard
labels), and **of the comparison**, the gain on its own training rows, which four seeds only estimate. Where the mean of
a setting is within two of its errors of the limit, a verdict counts as neither right nor wrong by it. Shares have 95 %
intervals after Wilson.

## By the truth of the setting

{by_setting}

All settings together: wrong **{wrong}** (goal: at most {wrong_at_most}). Neither right nor wrong, beside those left
*open*: {unclear}. {where_wrong}

A setting's mean can hang on a single comparison; the error beside it shows that. 100 comparisons of each setting were
the aim: the shares above say how many there are, and the command adds to them.

## By the truth of each comparison

{by_own}

All together: wrong **{own_wrong}**. The truth itself is uncertain here: a gain near 0 or δ can be on the other side.

## Where the gain is clear

Comparisons whose own true gain is at least twice the difference that their interval says it would find with 80 %:
{clear} (goal: at least {right_at_least} *smooth*). The mirror, a true loss of that size: {mirror}.

The stated interval holds the true gain of the comparison in {covered}; the truth's own error of estimation counts as a
miss here too.
"""


def wilson(count: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927)."""
    if not of:
        return 0.0, 1.0
    found = stats.binomtest(count, of).proportion_ci(0.95, method="wilson")
    return float(found.low), float(found.high)


def share(count: int, of: int) -> str:
    """count of all, as a share with its interval."""
    if not of:
        return "none of 0"
    low, high = wilson(count, of)
    return f"{count} of {of}, {count / of:.1%} [{low:.1%}, {high:.1%}]"


def page(found: dict[str, Any], fresh: int) -> str:
    """The document, from the counts alone."""
    worlds = found["worlds"]
    total = sum(world["comparisons"] for world in worlds)
    wrong, own = (sum(world[name] for world in worlds) for name in ("wrong", "own_wrong"))
    places = [f"{world['world']} ({world['wrong']})" for world in worlds if world["wrong"]]
    counts = sorted({world["comparisons"] for world in worlds})
    each = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return TEXT.format(
        comparisons=total, each=f"{each} of each setting", fresh=fresh,
        by_setting=_table(worlds, ""), by_own=_table(worlds, "own_"),
        unclear=sum(w["comparisons"] - w["right"] - w["wrong"] - w["open"] for w in worlds),
        wrong=share(wrong, total), own_wrong=share(own, total),
        where_wrong=f"In: {'; '.join(places)}." if places else "",
        wrong_at_most=f"{WRONG_AT_MOST:.0%}", right_at_least=f"{RIGHT_AT_LEAST:.0%}",
        clear=f"**{share(*found['clear'])}** are *smooth*", mirror=f"{share(*found['mirror'])} are *keep hard*",
        covered=share(sum(world["covered"] for world in worlds), total),
    )  # fmt: skip


def _table(worlds: Sequence[dict[str, Any]], truth: str) -> str:
    lines = [
        "| setting | true gain ± error | δ | detectable | smooth | keep hard | open | right | wrong |",
        "|---" * 9 + "|",
    ]
    for w in worlds:
        codes = " | ".join(str(w[code]) for code in ("smooth", "keep_hard", "open"))
        verdicts = " | ".join(share(w[truth + name], w["comparisons"]) for name in ("right", "wrong"))
        gain = f"{w['gain']:+.4f} ± {w['gain_error']:.4f}".replace("-", "−")
        lines.append(
            f"| {w['world']} | {gain} | {w['min_effect']:.4f} | {w['detectable']:.4f} | {codes} | {verdicts} |"
        )
    return "\n".join(lines)
