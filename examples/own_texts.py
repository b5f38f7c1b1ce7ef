"""Texts in a table, classified by their words."""

from __future__ import annotations

import csv
import random
from pathlib import Path

from labelsmooth import compare

GOOD, BAD, ANY = ("lovely", "great", "moving"), ("dull", "poor", "endless"), ("film", "story", "the", "a", "music")


def write(path: Path, rows: int = 400) -> None:
    """Reviews with one telling word among others, and one in ten with the wrong label."""
    draw = random.Random(0)
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["review", "label"])
        for _ in range(rows):
            good = draw.random() < 0.5
            words = [*draw.choices(ANY, k=5), draw.choice(GOOD if good else BAD)]
            table.writerow([" ".join(draw.sample(words, 6)), "good" if good ^ (draw.random() < 0.1) else "bad"])


if __name__ == "__main__":
    write(Path("reviews.csv"))
    # the same as: labelsmooth compare reviews.csv --text review --model encoder --set depth=1
    result = compare(
        "reviews.csv", text="review", model="encoder", set="depth=1", seeds=3, epochs=5, smoothing=0.1, engine="inline"
    )
    print(result)
