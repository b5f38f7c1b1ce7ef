"""Is the verdict right? Whole comparisons on mixtures whose posterior is known: trained, judged, and held to the truth.

    python benchmarks/verdict_truth.py [--comparisons 100] [--minutes 60]     trains what is missing, then writes
                                                                              docs/evidence/verdict.md
    python benchmarks/verdict_truth.py --comparisons 0                        writes from what is stored

One comparison: rows drawn from the built-in mixture (its means moved apart by a factor), hard labels and one or two
smoothed settings trained with six to twenty seeds, and the product's own `evaluate` on their predictions, both
checkpoints. Nothing of the rule is repeated here. Then the pair that was judged is trained again with four further
seeds, and its true gain is the mean over these of the exact difference of NLL, after the temperature of each trial: the
known posterior of 3000 fresh rows stands in for their labels. Comparisons are stored as they come, one JSON line each,
beside the page, and never done twice: more of them are added by asking for more.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import stats
from verdict_truth_page import RIGHT_AT_LEAST, WRONG_AT_MOST, page

from labelsmooth import Predictions, evaluate
from labelsmooth.calibration import fit_temperature
from labelsmooth.calibration.two_way import LEVEL
from labelsmooth.data import Dataset, DataSplit
from labelsmooth.data.sources import mixture
from labelsmooth.methods import Method
from labelsmooth.training import Settings, run_trial

PAGE = Path(__file__).parents[1] / "docs" / "evidence" / "verdict.md"
STORE = PAGE.with_suffix(".jsonl")
FURTHER = 4
FRESH = 3000
POWER = 0.8
Line = dict[str, Any]
Found = dict[str, dict[str, Predictions]]


@dataclass(frozen=True)
class World:
    """Where smoothing is tried: training rows, how far apart the components are, wrong training labels, the training.

    `classes`: the eight components of the mixture are dealt to so many classes, so that with 4 each has two of them.
    `placebo`: what is called smoothed is trained with hard labels too, from other seeds, so nothing can be gained.
    """

    name: str
    rows: int
    apart: float
    settings: Settings
    amounts: tuple[float, ...] = (0.1, 0.4)
    classes: int = mixture.K
    seeds: int = 6
    test: int = 1000
    validation: int = 200
    placebo: bool = False

    def methods(self) -> list[Method]:
        """Hard labels, and the settings that stand for smoothing."""
        hard = Method("hard", "hard")
        return [hard, *(replace(hard, name=f"uniform {a:g}", family="smooth", scheme="uniform", label_smoothing=a)
                        for a in self.amounts)]  # fmt: skip


def _mlp(epochs: int, batch: int, rate: float) -> Settings:
    return Settings("mlp", epochs, batch, rate, set={"width": 64})


WORLDS = (
    World("helps: 2 classes of four components, 200 rows", 200, 2.0, _mlp(15, 64, 0.01), (0.4,), classes=2, seeds=10),
    World("nothing: 8 classes, 400 rows, few epochs", 400, 1.0, _mlp(6, 128, 0.02), (0.05, 0.1)),
    World("nothing at all: hard labels against hard labels", 400, 2.0, _mlp(6, 128, 0.01), classes=4, placebo=True),
    World("hurts: linear, 8 classes, 200 rows", 200, 1.5, Settings("linear", 10, 128, 0.1)),
    World("helps, 5000 test rows", 200, 2.0, _mlp(15, 64, 0.01), (0.4,), classes=2, seeds=10, test=5000),
    World("helps clearly: 20 seeds, 10000 test rows, 1000 for validation", 200, 2.0, _mlp(15, 64, 0.01), (0.4,),
          classes=2, seeds=20, test=10_000, validation=1000),
)  # fmt: skip


def drawn(world: World, number: int) -> Dataset:
    """Fresh training, validation and test rows; as "shifted" the rows that the truth is computed on."""
    rng = np.random.default_rng([2016, WORLDS.index(world), number])
    splits, start = [], 0
    for rows in (world.rows, world.validation, world.test, FRESH):
        splits.append(_rows(world, rng, np.arange(start, start + rows)))
        start += rows
    names = [str(k) for k in range(world.classes)]
    return Dataset("mixture", "vector", *splits, names, f"{world.name} {number}", {})


def _rows(world: World, rng: np.random.Generator, ids: np.ndarray) -> DataSplit:
    mean, deviation = mixture.parameters()
    component = rng.integers(0, mixture.K, len(ids))
    noise = deviation[component] * rng.standard_normal((len(ids), mixture.D))
    inputs = (world.apart * mean[component] + noise).astype(np.float32)
    known = mixture.posterior(inputs, world.apart * mean, deviation)
    of_class = np.stack([known[:, k :: world.classes].sum(axis=1) for k in range(world.classes)], axis=1)
    return DataSplit(inputs, component % world.classes, ids, posterior=of_class)


def trained(world: World, dataset: Dataset, method: Method, seed: int) -> dict[str, Predictions]:
    """Both checkpoints; a placebo is trained with hard labels and a seed of its own."""
    if world.placebo and method.family == "smooth":
        other = seed + 1_000_000 * round(100 * method.label_smoothing)
        return run_trial(dataset, world.methods()[0], world.settings, other).predictions
    return run_trial(dataset, method, world.settings, seed).predictions


def judged(world: World, found: Found) -> dict[str, Any]:
    """What the product says of these predictions; it never sees the fresh rows."""
    told = []
    for method in world.methods():
        fields = method.to_dict()
        named = {"method": fields.pop("name"), **fields}
        for seed in range(world.seeds):
            for checkpoint, each in found[f"{method.name}/{seed}"].items():
                splits = {name: split for name, split in each.splits.items() if name != "shifted"}
                meta = {**named, "seed": seed, "checkpoint": checkpoint, "data": "mixture"}
                told.append(Predictions(splits=splits, classes=each.classes, meta=meta))
    return evaluate(told, progress=False).verdict


def true_nll(predictions: Predictions) -> float:
    """The expected NLL over the true labels of the fresh rows, after the temperature that validation gives."""
    val, fresh = predictions.splits["val"], predictions.splits["shifted"]
    if fresh.posterior is None:
        raise ValueError("the fresh rows need their posterior")
    temperature, _ = fit_temperature(val.logits, val.labels)
    scores = fresh.logits.astype(np.float64) / temperature
    scores -= scores.max(axis=1, keepdims=True)
    log_p = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    return float(-(fresh.posterior * log_p).sum(axis=1).mean())


def gains(world: World, dataset: Dataset, verdict: dict[str, Any], first: int, count: int) -> np.ndarray:
    """The exact gain of the pair that was judged, seed by seed, from `count` seeds that it was not judged on."""
    by_name = {method.name: method for method in world.methods()}
    values = {}
    for side in ("hard", "smooth"):
        method, checkpoint = by_name[verdict[side]["method"]], verdict[side]["checkpoint"]
        seeds = range(first, first + count)
        values[side] = np.array([true_nll(trained(world, dataset, method, seed)[checkpoint]) for seed in seeds])
    return values["hard"] - values["smooth"]


def detectable(verdict: dict[str, Any]) -> float:
    """The smallest difference that would have been found with a probability of 80 %, from the stated interval."""
    half, df = (verdict["upper"] - verdict["lower"]) / 2, verdict["df"]
    quantile = stats.t.ppf((1 + LEVEL) / 2, df)
    return float(half / quantile * (quantile + stats.t.ppf(POWER, df)))


def compared(world: World, number: int) -> Line:
    """One comparison, its verdict, and the truth about it."""
    dataset = drawn(world, number)
    base = 10_000 * number
    found = {f"{m.name}/{s}": trained(world, dataset, m, base + s) for m in world.methods() for s in range(world.seeds)}
    verdict = judged(world, found)
    same = verdict["hard"]["checkpoint"] == verdict["smooth"]["checkpoint"]
    nothing = world.placebo and same
    further = np.zeros(FURTHER) if nothing else gains(world, dataset, verdict, base + 100, FURTHER)
    kept = ("code", "difference", "lower", "upper", "min_effect", "df", "hard", "smooth")
    error = float(further.std(ddof=1) / np.sqrt(FURTHER))
    told = {"detectable": detectable(verdict), "true": float(further.mean()), "true_error": error}
    return {"world": world.name, "number": number, **{name: verdict[name] for name in kept}, **told}


def right(code: str, gain: float, least: float) -> bool | None:
    """Is the verdict true of this gain? None for *open*; *smooth* says: above 0, *keep_hard*: below δ."""
    return None if code == "open" else gain > 0 if code == "smooth" else gain < least


def stored(path: Path) -> list[Line]:
    """What was done before; a line that was cut off is left out."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.endswith("}")]


def missing(done: Sequence[Line], comparisons: int) -> Iterator[tuple[World, int]]:
    """All worlds in turn, so that a run that is cut off has done as much of each."""
    have = {(line["world"], line["number"]) for line in done}
    return ((w, n) for n in range(comparisons) for w in WORLDS if (w.name, n) not in have)


def summary(lines: Sequence[Line]) -> list[dict[str, Any]]:
    """The counts of each world, by the world's own mean gain and by each comparison's."""
    return [_counted(world, [line for line in lines if line["world"] == world.name]) for world in WORLDS]


def _counted(world: World, lines: Sequence[Line]) -> dict[str, Any]:
    gain = np.array([line["true"] for line in lines])
    nothing = world.placebo or not len(gain)  # both sides of a placebo are trained alike: its gain is 0
    mean = 0.0 if nothing else float(gain.mean())
    error = 0.0 if nothing or len(gain) < 2 else float(gain.std(ddof=1) / np.sqrt(len(gain)))
    by_world = [
        right(line["code"], mean, line["min_effect"])
        for line in lines
        if abs(mean - (0.0 if line["code"] == "smooth" else line["min_effect"])) >= 2 * error
    ]
    by_own = [right(line["code"], line["true"], line["min_effect"]) for line in lines]
    codes = [line["code"] for line in lines]
    return {
        "world": world.name, "comparisons": len(lines), "gain": mean, "gain_error": error,
        "min_effect": float(np.mean([line["min_effect"] for line in lines])) if lines else 0.0,
        "detectable": float(np.median([line["detectable"] for line in lines])) if lines else 0.0,
        **{code: codes.count(code) for code in ("smooth", "keep_hard", "open")},
        "right": by_world.count(True), "wrong": by_world.count(False),
        "own_right": by_own.count(True), "own_wrong": by_own.count(False),
        "covered": sum(line["lower"] <= line["true"] <= line["upper"] for line in lines),
    }  # fmt: skip


def clear(lines: Sequence[Line]) -> tuple[int, int]:
    """Comparisons whose true gain is twice what they state they can detect: those judged *smooth*, and all."""
    found = [line for line in lines if line["true"] >= 2 * line["detectable"]]
    return sum(line["code"] == "smooth" for line in found), len(found)


def mirror(lines: Sequence[Line]) -> tuple[int, int]:
    """Comparisons whose true loss is as large: those judged *keep_hard*, and all."""
    found = [line for line in lines if -line["true"] >= 2 * line["detectable"]]
    return sum(line["code"] == "keep_hard" for line in found), len(found)


def write(lines: Sequence[Line], path: Path) -> dict[str, Any]:
    """The page, from the comparisons that were made; returns what it counts."""
    found = {"worlds": summary(lines), "clear": clear(lines), "mirror": mirror(lines)}
    path.write_text(page(found, FRESH), encoding="utf-8")
    return found


def main() -> int:
    """Train what is missing, then write the page; 1 where a goal is missed."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    asked.add_argument("--comparisons", type=int, default=100, help="of each world")
    asked.add_argument("--minutes", type=float, default=600.0, help="stop after this time and write what there is")
    asked.add_argument("--store", type=Path, default=STORE, help="where comparisons are kept")
    asked.add_argument("--out", type=Path, default=PAGE, help="the page to write")
    given = asked.parse_args()
    torch.set_num_threads(1)
    end = time.monotonic() + 60 * given.minutes
    given.store.parent.mkdir(parents=True, exist_ok=True)
    with given.store.open("a", encoding="utf-8") as file:
        for world, number in missing(stored(given.store), given.comparisons):
            if time.monotonic() > end:
                break
            file.write(json.dumps(compared(world, number)) + "\n")
            file.flush()
    found = write(stored(given.store), given.out)
    wrong = sum(world["wrong"] for world in found["worlds"]) / max(1, sum(w["comparisons"] for w in found["worlds"]))
    said, clear_ones = found["clear"]
    print(f"wrong {wrong:.1%}; clear gains found {said} of {clear_ones}")
    return 0 if wrong <= WRONG_AT_MOST and said >= RIGHT_AT_LEAST * clear_ones else 1


if __name__ == "__main__":
    sys.exit(main())
