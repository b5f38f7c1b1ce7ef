"""As much of CSS as the figures use: which declarations meet an element, in the light colours."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

Declarations = dict[str, str]
_ROOT = {".ls-report", ".ls-page", "svg"}


@dataclass(frozen=True)
class Node:
    """What a selector can see of an element: its name and classes."""

    name: str
    classes: frozenset[str]


@dataclass(frozen=True)
class Rule:
    """One selector as parts from the outside in, how specific it is, and what it declares."""

    parts: tuple[str, ...]
    weight: tuple[int, int]
    declared: tuple[tuple[str, str], ...]


@cache
def rules(sheet: str) -> tuple[Rule, ...]:
    """The rules of a sheet for the light screen, the most specific last; media queries and template marks are left."""
    text = re.sub(r"\{[%{].*?[%}]\}", "", sheet)
    text = re.sub(r"@media[^{]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}", "", text)
    found = []
    for selectors, body in re.findall(r"([^{}@]+)\{([^{}]*)\}", text):
        pairs = (line.partition(":") for line in body.split(";") if ":" in line)
        declared = tuple((name.strip(), value.strip()) for name, _, value in pairs)
        found += [_rule(selector.split(), declared) for selector in selectors.split(",")]
    return tuple(sorted(found, key=lambda rule: rule.weight))


def _rule(parts: list[str], declared: tuple[tuple[str, str], ...]) -> Rule:
    classes = sum(part.count(".") for part in parts)
    return Rule(tuple(parts), (classes, sum(not part.startswith(".") for part in parts)), declared)


def _meets(part: str, node: Node) -> bool:
    name, *classes = part.split(".")
    return (not name or name == node.name) and set(classes) <= node.classes and ":" not in part


def declarations(sheet: str, node: Node, above: tuple[Node, ...]) -> Declarations:
    """What holds for an element below `above`, later and more specific rules winning."""
    found: Declarations = {}
    for rule in rules(sheet):
        *outer, last = rule.parts or ("",)
        wanted = [part for part in outer if part not in _ROOT]
        if _meets(last, node) and all(any(_meets(part, other) for other in above) for part in wanted):
            found.update(rule.declared)
    return found


def resolved(value: str, variables: Declarations) -> str:
    """A value with its variables filled in: var(--c), var(--w, 1.8)."""
    filled = re.sub(
        r"var\((--[\w-]+)(?:,\s*([^)]*))?\)", lambda found: variables.get(found[1], found[2] or "").strip(), value
    )
    return resolved(filled, variables) if "var(" in filled and filled != value else filled
