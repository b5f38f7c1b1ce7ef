"""docs/evidence: a page a statement, its figures beside it, and the table of all statements at all seed offsets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from . import pictures
from .claims import FOUND, NOT_FOUND, Measured, spread

FOLDER = Path(__file__).parents[2] / "docs" / "evidence"
OFFSETS = (0, 1000, 2000)
COMMAND = "python benchmarks/evidence"
WORDS = {FOUND: "direction found", NOT_FOUND: "direction not found", "unproven": "unproven"}
Record = dict[str, Any]


def slug(module: ModuleType) -> str:
    """The name of a statement's page."""
    return module.__name__.rsplit(".", 1)[-1].replace("_", "-")


def record(measured: Measured, seeds: Sequence[int]) -> Record:
    """Everything a page shows, as plain JSON: mean, lower and upper end of every figure."""
    table = [
        {"row": name, "figures": [_rounded(spread(values)) for values in row]} for name, row in measured.rows.items()
    ]
    claims = [
        {
            "claim": claim.text,
            "interval": _rounded(claim.interval()),
            "within": claim.within,
            "verdict": claim.verdict(),
        }
        for claim in measured.claims
    ]
    columns = [column.strip() for column in measured.columns]
    return {"seeds": list(seeds), "columns": columns, "table": table, "claims": claims,
            "notes": list(measured.notes)}  # fmt: skip


def _rounded(values: Sequence[float]) -> list[float]:
    return [float(f"{value:.4g}") for value in values]


def stored(name: str, folder: Path = FOLDER) -> dict[str, Record]:
    """The records of a statement by seed offset."""
    path = folder / f"{name}.json"
    found: dict[str, Record] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def keep(module: ModuleType, offset: int, found: Record, measured: Measured, folder: Path = FOLDER) -> None:
    """Add a record, and write the page and its picture anew; page and picture show the first offset."""
    name = slug(module)
    records = {**stored(name, folder), str(offset): found}
    write(module, {str(each): records[str(each)] for each in OFFSETS if str(each) in records}, folder)
    if offset == OFFSETS[0]:
        pictures.save(measured.draw, folder / f"{name}.png")


def write(module: ModuleType, records: dict[str, Record], folder: Path = FOLDER) -> None:
    """The page, and its figures beside it."""
    text = json.dumps(records, indent=1, ensure_ascii=False)
    (folder / f"{slug(module)}.json").write_text(text + "\n", encoding="utf-8")
    (folder / f"{slug(module)}.md").write_text(page(module, records), encoding="utf-8")


def page(module: ModuleType, records: dict[str, Record]) -> str:
    """One statement: asked, setting, table, verdicts, command."""
    first = next(iter(records.values()))
    name = slug(module)
    offsets = ", ".join(records)
    lines = [
        f"# {module.TITLE}", "", module.ASKED, "",
        f"Made by `{COMMAND} --only {name} --write` (seed offsets {offsets}; {len(first['seeds'])} seeds each, which "
        "decide data, first weights and order). Figures are means over seeds with 95 % intervals by Student's t.", "",
        "## Setting", "", module.SETTING, "", f"![{module.TITLE}]({name}.png)", "",
        "Pale dots: single seeds. Coloured: mean and 95 % interval.", "",
        "## Verdict", "", *verdicts(records), "", *[line for note in first["notes"] for line in (note, "")],
        "## Figures", "", f"Seeds {first['seeds'][0]} to {first['seeds'][-1]}.", "", *table(first),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def verdicts(records: dict[str, Record]) -> list[str]:
    """Each claim at each offset: its word, and its interval at the first."""
    first = next(iter(records.values()))
    heads = "".join(f" seeds from {offset} |" for offset in records)
    lines = [f"| claim | difference, 95 % |{heads}", "|---|---|" + "---|" * len(records)]
    for number, claim in enumerate(first["claims"]):
        words = "".join(f" {WORDS[each['claims'][number]['verdict']]} |" for each in records.values())
        lines.append(f"| {claim['claim']} | {shown(claim['interval'])} |{words}")
    return lines


def table(found: Record) -> list[str]:
    """The figures as Markdown."""
    lines = ["| | " + " | ".join(found["columns"]) + " |", "|---|" + "---|" * len(found["columns"])]
    for row in found["table"]:
        cells = [shown(figure) for figure in row["figures"]]
        cells += [""] * (len(found["columns"]) - len(cells))
        lines.append(f"| {row['row']} | " + " | ".join(cells) + " |")
    return lines


def shown(figure: Sequence[float]) -> str:
    """mean [lower, upper]; one number where all three are the same."""
    mean, lower, upper = (f"{value:.3g}".replace("-", "−") for value in figure)
    return mean if lower == upper else f"{mean} [{lower}, {upper}]"


def overview(modules: Sequence[ModuleType], folder: Path = FOLDER) -> str:
    """The table of statements and offsets."""
    heads = "".join(f" seeds from {offset} |" for offset in OFFSETS)
    lines = [f"| statement |{heads}", "|---|" + "---|" * len(OFFSETS)]
    for module in modules:
        records = stored(slug(module), folder)
        cells = "".join(f" {counted(records.get(str(offset)))} |" for offset in OFFSETS)
        lines.append(f"| [{module.TITLE}]({slug(module)}.md) |{cells}")
    return "\n".join(lines)


def counted(found: Record | None) -> str:
    """How many of the directions were found."""
    if found is None:
        return "not run"
    words = [claim["verdict"] for claim in found["claims"]]
    parts = [f"{words.count(FOUND)} of {len(words)} found"]
    parts += [f"{words.count(word)} {word}" for word in ("unproven", NOT_FOUND) if word in words]
    return ", ".join(parts)


def unsettled(modules: Sequence[ModuleType], folder: Path = FOLDER) -> list[str]:
    """Every claim that was not found at every offset."""
    lines = []
    for module in modules:
        records = stored(slug(module), folder)
        for number, claim in enumerate(next(iter(records.values()), {"claims": []})["claims"]):
            words = {offset: each["claims"][number]["verdict"] for offset, each in records.items()}
            if set(words.values()) != {FOUND}:
                told = ", ".join(f"{word} from {offset}" for offset, word in words.items())
                lines.append(f"- [{module.TITLE}]({slug(module)}.md): {claim['claim']}: {told}.")
    return lines
