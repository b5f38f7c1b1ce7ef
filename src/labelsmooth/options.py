"""The options of the commands, each written once: for Python, for the command line and for the documentation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any

from ._checks import UsageError


def option(
    default: Any,
    help: str,
    parse: Callable[[str], Any] | None = None,
    *,
    many: bool = False,
    repeated: bool = False,
    shown: str | None = None,
) -> Any:
    """A field with the words that explain it and how its text is read.

    `many` takes one or more values, `repeated` one each time it is given; `shown` is what the help calls the value.
    """
    return field(
        default=default,
        metadata={"help": help, "parse": parse, "many": many, "repeated": repeated, "shown": shown},
    )


def _metric() -> Any:
    return option("nll", "what decides: nll, brier or accuracy", str)


def _min_effect() -> Any:
    return option(
        None, "smallest gain that counts; by default 0.002 or 2 %% of the best unsmoothed value, the larger", float
    )


def _fail_if() -> Any:
    return option(
        None,
        "exit with code 4 if this holds for a line of the table: METRIC OPERATOR NUMBER, such as 'nll > 0.5' (after "
        "temperature), 'before.ece > 0.1', or 'NAME: accuracy < 0.9' for one method ('H*' and 'S*' for the pair of the "
        "verdict); may be given again",
        str,
        repeated=True,
        shown="CONDITION",
    )


def _no_warn() -> Any:
    return option(
        None, "codes of warnings to leave out, such as edge-of-grid (docs/warnings.md)", str, many=True, shown="CODE"
    )


@dataclass(frozen=True)
class DataOptions:
    """How data are read: what each column or file is, and what is done to labels and inputs."""

    label: str | None = option(
        None, "column of the class; by default one named label, target, class or y", str, shown="COLUMN"
    )
    text: tuple[str, ...] | None = option(
        None, "columns of text to classify by; the other columns are then left out", str, many=True, shown="COLUMN"
    )
    categorical: tuple[str, ...] | None = option(
        None, "columns whose numbers are names, such as postcodes", str, many=True, shown="COLUMN"
    )
    drop: tuple[str, ...] | None = option(None, "columns to leave out", str, many=True, shown="COLUMN")
    group: str | None = option(
        None, "column of rows that belong together: a group is in one split and counts once", str, shown="COLUMN"
    )
    test: Path | None = option(None, "file or folder of the test split; by default 35 %% of the rows", Path)
    val: Path | None = option(None, "file or folder of the validation split; by default 15 %% of the rows", Path)
    delimiter: str | None = option(
        None, "what separates the columns of a text file; by default a comma, in .tsv files a tab", str, shown="SIGN"
    )
    encoding: str = option("utf-8", "of text files, such as cp1252", str)
    image_size: int = option(32, "images are scaled and cut to this many pixels a side", int)
    grey: bool = option(False, "read images as grey")
    max_length: int = option(128, "words (or tokens) of a text that are read", int)
    tokenizer: str | None = option(
        None, "transformers tokenizer to read texts with, a path or a name; by default that of --model hf:PATH", str
    )
    label_noise: float = option(0.0, "share of training labels replaced by a wrong class", float)
    label_noise_val: float = option(0.0, "share of validation labels replaced by a wrong class", float)
    shift: bool = option(False, "measure on a corrupted copy of the test split as well")


@dataclass(frozen=True)
class TrainingOptions(DataOptions):
    """How the built-in training is done, judged and kept: what `compare` and `tune` share."""

    scheme: tuple[str, ...] | None = option(
        None,
        "how the mass is spread (uniform, others, ...); with neither --scheme nor --smoothing compare tries uniform "
        "0.05, 0.1, 0.2 and others 0.1, tune searches uniform",
        str,
        many=True,
    )
    seeds: int = option(10, "number of seeds; a seed fixes initial weights and batch order for every method", int)
    model: str | None = option(
        None,
        "bag, conv, encoder, linear, mlp or transformer (by default the one that fits the data), "
        "package.module:factory for any nn.Module, hf:PATH for a transformers classifier",
        str,
    )
    set: tuple[str, ...] | None = option(
        None, "settings of the model, such as width=256", str, many=True, shown="NAME=VALUE"
    )
    freeze: bool = option(False, "compute the model's features once and train a head on them (--head)")
    head: str = option("linear", "what is trained on frozen features: linear or mlp", str)
    augment: bool = option(False, "mirror and move images at random while training")
    epochs: int | None = option(None, "passes over the training split; by default the data set's own", int)
    batch_size: int | None = option(None, "rows of a training step; by default the data set's own", int)
    learning_rate: float | None = option(None, "of AdamW; by default the data set's own", float)
    weight_decay: tuple[float, ...] | None = option(
        None, "of AdamW; in compare several make a grid that hard and smoothed settings share", float, many=True
    )
    dropout: tuple[float, ...] | None = option(
        None,
        "probability in [0, 1); in compare several make a grid that hard and smoothed settings share",
        float,
        many=True,
    )
    script: str | None = option(
        None,
        "train with a script of your own instead: a command with the places {label_smoothing}, {seed} and {out}, where "
        "it has to save its predictions; {scheme}, {learning_rate}, {weight_decay} and {dropout} are filled in where "
        "they stand",
        str,
        shown="COMMAND",
    )
    metric: str = _metric()
    min_effect: float | None = _min_effect()
    engine: str = option("processes", "where trials run: processes, inline, or ray (a cluster that is there)", str)
    address: str | None = option(
        None, "of the Ray cluster, such as ray://head:10001; by default the one this machine belongs to", str
    )
    jobs: int | None = option(None, "worker processes; by default one a core, for a script one in all", int)
    out: Path | None = option(None, "folder of the run; by default runs/<date>-<data>-<hash>", Path)
    resume: bool = option(False, "go on with an interrupted run, in tune with more --trials too; finished trials stay")
    fail_if: tuple[str, ...] | None = _fail_if()
    no_warn: tuple[str, ...] | None = _no_warn()


@dataclass(frozen=True)
class CompareOptions(TrainingOptions):
    """Everything `compare` can be told beside the name of the data."""

    smoothing: tuple[float, ...] | None = option(
        None, "amounts of smoothing in [0, 1] for each scheme; hard labels are always there", float, many=True
    )
    rivals: tuple[str, ...] | None = option(
        None,
        "what to compare with beside hard labels: focal, confidence_penalty, mixup, distillation, ..., or all; "
        "focal=3 for one setting, the bare name for the usual ones; they never decide, the best of each is marked R*",
        str,
        many=True,
        shown="RIVAL",
    )
    plan: Path | None = option(None, "run the plan.json of an earlier run again, or on another machine", Path)


@dataclass(frozen=True)
class TuneOptions(TrainingOptions):
    """Everything `tune` can be told beside the name of the data."""

    trials: int = option(
        16, "smoothed candidates to try; as many unsmoothed ones where more than the smoothing is searched", int
    )
    search: tuple[str, ...] | None = option(
        None,
        "what is searched, and between which values: smoothing=0:0.4 (always searched), learning_rate=1e-4:1e-2, "
        "weight_decay=0:0.1, dropout=0:0.5",
        str,
        many=True,
        shown="NAME=LOW:HIGH",
    )


@dataclass(frozen=True)
class EvaluateOptions:
    """Everything `evaluate` can be told beside the files."""

    metric: str = _metric()
    min_effect: float | None = _min_effect()
    logits: bool = option(False, "class columns of CSV and Parquet files hold logits, where their names do not say it")
    probs: bool = option(
        False, "class columns of CSV and Parquet files hold probabilities, where their names do not say it"
    )
    out: Path | None = option(None, "folder for results.json and report.html; by default nothing is written", Path)
    fail_if: tuple[str, ...] | None = _fail_if()
    no_warn: tuple[str, ...] | None = _no_warn()


@dataclass(frozen=True)
class BenchOptions:
    """Everything `bench` can be told."""

    size: tuple[str, ...] | None = option(
        None, "lines of the table, such as 2048x32000 or head-4096x256x32000; by default all", str, many=True
    )
    threads: tuple[int, ...] | None = option(None, "numbers of threads; by default 1, 2 and all cores", int, many=True)
    rounds: int | None = option(None, "times that each contestant has its turn; by default 15", int)
    quick: bool = option(False, "a few small sizes, 5 rounds, no memory")
    compile: bool = option(False, "time torch.compile as well; it takes about ten seconds to start, for each size")
    device: str = option("cpu", "cpu or cuda", str)
    save: Path | None = option(None, "folder to keep the figures in, as JSON", Path)


def several(options: type[Any]) -> list[Field[Any]]:
    """The fields of an options class that take one or more values."""
    return [f for f in fields(options) if f.metadata["many"] or f.metadata["repeated"]]


def part_of(options: Any, part: type[Any]) -> Any:
    """The options of `part` that `options` holds."""
    return part(**{each.name: getattr(options, each.name) for each in fields(part)})


def words_of(options: Any, but: str) -> list[str]:
    """What was given on the command line to have these options, without `but`."""
    words: list[str] = []
    for each in fields(options):
        value, name = getattr(options, each.name), "--" + each.name.replace("_", "-")
        if value is True:
            words.append(name)
        elif value != each.default and each.name != but:
            listed = [str(one) for one in (value if isinstance(value, tuple) else (value,))]
            words += [name, *listed] if each.metadata["many"] else [word for one in listed for word in (name, one)]
    return words


def from_names(options: type[Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Check options given by name; a single value stands for a tuple of one where several are taken."""
    known = {f.name for f in fields(options)}
    if unknown := sorted(set(changes) - known):
        raise UsageError(f"there is no option {', '.join(unknown)}; there are: {', '.join(sorted(known))}")
    made = dict(changes)
    for name in {f.name for f in several(options)} & set(made):
        made[name] = _as_tuple(made[name])
    for name in {f.name for f in fields(options) if f.metadata["parse"] is Path} & set(made):
        made[name] = None if made[name] is None else Path(made[name])
    return made


def _as_tuple(value: Any) -> tuple[Any, ...] | None:
    if value is None:
        return None
    return (value,) if isinstance(value, (str, int, float)) else tuple(value)
