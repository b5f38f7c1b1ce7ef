"""What running trials in an engine costs beside the trainings themselves, and how many more get done in an hour.

    python benchmarks/engine_speed.py [--rounds 5] [--trials 12] [--seconds 1] [--json]

Trials of about `--seconds` each (digits, the default model, as many epochs as that takes) are run, each contestant in
a fresh process whose clock starts when torch and the data are loaded:

people    a loop as people write it: DataLoader, torch's own loss, validation after each epoch, torch's default threads
loop      the very trainings of the engines, one after another, one thread; nothing is written
inline    the engine: the same trainings, and plan, predictions and histories written to a run folder
processes the engine on all cores, the start of its workers included
compare   the whole of `compare` on the engine processes: with measuring, verdict and page

overhead = median over the rounds of inline / loop − 1: what planning, writing and flushing add to a trial; by the
clock, and in processor time, which other processes disturb less but which does not see the waiting for the disk.
Throughput = median of people / processes. Contestants take turns within a round, so that a drift of the machine meets
all of them. The machine must be idle: with another process on a core, processes have fewer cores than they count on.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from statistics import median

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from labelsmooth import compare, models
from labelsmooth.comparison import running
from labelsmooth.comparison.plan import Plan, Trial
from labelsmooth.comparison.planning import make_plan
from labelsmooth.data import Dataset, DataSplit, load
from labelsmooth.options import CompareOptions
from labelsmooth.training import run_trial

CONTESTANTS = ("people", "loop", "inline", "processes", "compare")


def planned(trials: int, epochs: int) -> tuple[Dataset, Plan, CompareOptions]:
    """Two methods with half as many seeds."""
    options = CompareOptions(seeds=max(1, trials // 2), smoothing=(0.1,), epochs=epochs)
    dataset = load("digits")
    return dataset, make_plan(dataset, options), options


def _tensors(split: DataSplit) -> TensorDataset:
    return TensorDataset(torch.from_numpy(split.inputs), torch.from_numpy(split.labels))


def trained_as_people_do(dataset: Dataset, trial: Trial) -> None:
    model = models.build(trial.settings.model, dataset, seed=trial.seed)
    train, val = (_tensors(split) for split in (dataset.train, dataset.val))
    settings = trial.settings
    batches = DataLoader(train, batch_size=settings.batch_size, shuffle=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings.learning_rate, weight_decay=trial.method.weight_decay)
    loss = nn.CrossEntropyLoss(label_smoothing=trial.method.label_smoothing)
    for _ in range(settings.epochs):
        model.train()
        for inputs, labels in batches:
            optimizer.zero_grad()
            loss(model(inputs), labels).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            for inputs, labels in DataLoader(val, batch_size=settings.batch_size):
                (model(inputs).argmax(1) == labels).float().mean().item()


def trained(name: str, trials: int, epochs: int, folder: Path) -> tuple[float, float]:
    """Seconds of one contestant: of the clock, and of its own process on a processor."""
    dataset, plan, options = planned(trials, epochs)
    if name == "loop":
        torch.set_num_threads(1)
    start, worked = time.perf_counter(), time.process_time()
    for trial in plan.trials():
        if name == "people":
            trained_as_people_do(dataset, trial)
        elif name == "loop":
            run_trial(dataset, trial.method, trial.settings, trial.seed)
    if name in ("inline", "processes"):
        with closing(running.open_folder(plan, folder / "run", resume=False)) as opened:
            running.run_trials(dataset, plan, opened, name, None, progress=False)
    if name == "compare":
        compare("digits", options=options, out=folder / "run", progress=False)
    return time.perf_counter() - start, time.process_time() - worked


def in_a_process(name: str, trials: int, epochs: int) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder:
        words = ["--only", name, "--trials", str(trials), "--epochs", str(epochs), "--folder", folder]
        done = subprocess.run([sys.executable, __file__, *words], check=True, capture_output=True, text=True)
        clock, worked = done.stdout.split()
        return float(clock), float(worked)


def epochs_of(seconds: float) -> int:
    """So many that a trial of the loop takes so long here."""
    tried = 20
    return max(1, round(tried * seconds / (in_a_process("loop", 6, tried)[0] / 6)))


def main() -> None:
    """Print a table, or JSON."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rounds", type=int, default=5)
    asked.add_argument("--trials", type=int, default=12)
    asked.add_argument("--seconds", type=float, default=1.0)
    asked.add_argument("--epochs", type=int, default=0, help="by default as many as take --seconds")
    asked.add_argument("--only", choices=CONTESTANTS, help=argparse.SUPPRESS)
    asked.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked.add_argument("--json", action="store_true")
    given = asked.parse_args()
    if given.only:
        print(*trained(given.only, given.trials, given.epochs, given.folder))
        return
    epochs = given.epochs or epochs_of(given.seconds)
    rounds = [{name: in_a_process(name, given.trials, epochs) for name in CONTESTANTS} for _ in range(given.rounds)]
    if given.json:
        print(json.dumps({"trials": given.trials, "epochs": epochs, "rounds": rounds}))
        return
    print(f"{given.trials} trials of {epochs} epochs, {given.rounds} rounds")
    for name in CONTESTANTS:
        taken = median(each[name][0] for each in rounds)
        print(f"{name:10} {taken:6.1f} s, {taken / given.trials:5.2f} s a trial")
    for place, what in enumerate(("by the clock", "in processor time")):
        ratio = median(each["inline"][place] / each["loop"][place] for each in rounds)
        print(f"overhead: {ratio - 1:+.1%} {what} (inline against loop)")
    for name in ("people", "loop"):
        ratio = median(each[name][0] / each["processes"][0] for each in rounds)
        print(f"throughput: {ratio:.2f} times that of {name} (processes)")


if __name__ == "__main__":
    main()
