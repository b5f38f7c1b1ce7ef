"""A table of one's own: numbers, categories, cells that are empty, labels that are text."""

from __future__ import annotations

import csv
import random
from pathlib import Path

from labelsmooth import compare


def write(path: Path, rows: int = 600) -> None:
    """Flowers with a length, a colour and the garden they grew in; every tenth length was not measured."""
    draw = random.Random(0)
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["length", "colour", "garden", "species"])
        for i in range(rows):
            species = draw.choice(["iris", "NA", "rose"])  # NA is a name like any other
            length = draw.gauss({"iris": 5.0, "NA": 6.0, "rose": 7.0}[species], 1.0)
            colour = draw.choice(["red", "white"] if species == "rose" else ["blue", "white"])
            table.writerow(["" if i % 10 == 0 else f"{length:.2f}", colour, f"garden {i % 20}", species])


if __name__ == "__main__":
    write(Path("flowers.csv"))
    # the same as: labelsmooth compare flowers.csv --label species --group garden
    result = compare("flowers.csv", label="species", group="garden", seeds=3, epochs=10, smoothing=0.1, engine="inline")
    print(result)
