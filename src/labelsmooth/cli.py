"""The command line: parses, calls one workflow, prints. Results on stdout, everything else on stderr."""

from __future__ import annotations

import argparse
import errno
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields
from typing import Any

from . import __version__
from ._checks import DataError, Interrupted, MissingExtra, TrialsFailed, UsageError
from ._named import named_value
from ._terminal import shown, shown_json
from .options import BenchOptions, CompareOptions, EvaluateOptions, TuneOptions

FAILED, USAGE, BAD_DATA, CONDITION_MET, INTERRUPTED = 1, 2, 3, 4, 130


def main(arguments: list[str] | None = None) -> None:
    """Run the command and exit with its code: 0 done, 1 failed, 2 usage, 3 bad data, 4 a --fail-if holds,
    130 interrupted."""
    code = run(sys.argv[1:] if arguments is None else arguments)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # what is left is to go; the code is what it is
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run the command and return its exit code; every error is one line on stderr."""
    asked = parser().parse_args(arguments)
    try:
        code: int = asked.command(asked)
        sys.stdout.flush()
        return code
    except (UsageError, MissingExtra) as error:
        return _say(error, USAGE)
    except DataError as error:
        return _say(error, BAD_DATA)
    except TrialsFailed as error:
        return _say(error, FAILED)
    except Interrupted as interrupted:
        return _interrupted(interrupted.comparison, asked.json)
    except KeyboardInterrupt:
        return _interrupted()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:
        return _say(f"{error.filename or 'file'}: {error.strerror or error}{_HELP.get(error.errno or 0, '')}", FAILED)


_HELP = dict.fromkeys(
    (errno.ENOSPC, errno.EDQUOT), "; free some space, then run the same command with --resume: finished trials are kept"
)


def _interrupted(comparison: Any = None, as_json: bool = False) -> int:
    """What is there after Ctrl-C, shown as if it were all; a further Ctrl-C leaves that out."""
    with suppress(KeyboardInterrupt):
        if comparison is not None:
            _show(comparison, as_json)
    return _say("interrupted; finished trials are kept: run the same command with --resume", INTERRUPTED)


def _say(message: object, code: int) -> int:
    print(f"labelsmooth: {shown(message)}", file=sys.stderr)
    return code


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    top = argparse.ArgumentParser(
        prog="labelsmooth",
        description="Label smoothing for PyTorch: whether to smooth on your data, how, and how much.",
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"labelsmooth {__version__}")
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _training_parser(_command(commands, "compare", _compare), CompareOptions)
    _evaluate_parser(_command(commands, "evaluate", _evaluate))
    _training_parser(_command(commands, "tune", _tune), TuneOptions)
    _report_parser(_command(commands, "report", _report))
    _audit_parser(_command(commands, "audit", _audit))
    _add_options(_command(commands, "bench", _bench), BenchOptions, "the figures as JSON")
    _learn_parser(_command(commands, "learn", _learn))
    return top


def _command(commands: Any, name: str, function: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
    words = str(function.__doc__)
    made: argparse.ArgumentParser = commands.add_parser(
        name, help=words.splitlines()[0], description=words, allow_abbrev=False
    )
    made.set_defaults(command=function)
    return made


def _training_parser(command: argparse.ArgumentParser, options: type[Any]) -> None:
    command.add_argument(
        "data",
        nargs="?",
        default="digits",
        metavar="DATA",
        help="digits (default), pydoc or mixture; or your own: file.csv, file.tsv, file.parquet, "
        "data.npz, a folder of images, hf:NAME, package.module:function",
    )
    _add_options(command, options)
    command.add_argument(
        "--dry-run",
        action="store_true",
        help="show what would be run, and an estimate of its time from one epoch; write nothing",
    )


def _evaluate_parser(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "files",
        nargs="+",
        metavar="[NAME=]FILE",
        help="prediction files (.npz, .safetensors, .csv, .parquet) or folders of them; NAME=PATTERN gives the files "
        "of one method, a seed each: 'hard=hard-*.npz'",
    )
    _add_options(command, EvaluateOptions)


def _report_parser(command: argparse.ArgumentParser) -> None:
    command.add_argument("run", metavar="RUN", help="folder of a run")
    command.add_argument(
        "--format",
        choices=("text", "md"),
        default="text",
        help="what is printed: a table, or Markdown for pull requests",
    )
    command.add_argument(
        "--figures",
        default=None,
        metavar="FOLDER",
        help="write every figure as a PNG to this folder; Markdown then shows them by their paths",
    )
    command.add_argument("--json", action="store_true", help="print results.json instead of the table")


def _audit_parser(command: argparse.ArgumentParser) -> None:
    from .audit import design_names

    command.add_argument("loss", metavar="MODULE:LOSS", help="a class or a function, such as torch.nn:CrossEntropyLoss")
    command.add_argument(
        "--arg", action="append", default=[], metavar="NAME=VALUE", help="argument of the loss; may be repeated"
    )
    command.add_argument("--num-classes", type=int, default=None, metavar="N", help="classes the loss expects")
    command.add_argument(
        "--waive", nargs="+", action="extend", default=[], metavar="PROPERTY", help="properties it gives up on purpose"
    )
    command.add_argument(
        "--design",
        default=None,
        metavar="NAME",
        help=f"waives what a known design gives up: {', '.join(design_names())}",
    )
    command.add_argument("--json", action="store_true", help="print the report as JSON")


def _learn_parser(command: argparse.ArgumentParser) -> None:
    command.add_argument("--out", default=None, metavar="PATH", help="write the page to this file and open nothing")
    command.add_argument("--sheet", action="store_true", help="only the quick revision sheet, for printing")


def _add_options(command: argparse.ArgumentParser, options: type[Any], printed: str = "results.json") -> None:
    for each in fields(options):
        name, words = "--" + each.name.replace("_", "-"), each.metadata["help"] + _default(each.default)
        if each.type == "bool":
            command.add_argument(name, action="store_true", help=words)
        else:
            command.add_argument(name, default=each.default, help=words, **_reading(each))
    command.add_argument("--json", action="store_true", help=f"print {printed} instead of the table")


def _default(value: Any) -> str:
    return "" if value is None or value is False else f" (default: {value})"


_MANY: dict[str, Any] = {"nargs": "+", "action": "extend"}


def _reading(each: Any) -> dict[str, Any]:
    parse = each.metadata["parse"]
    letters: dict[Any, str] = {int: "N", float: "X", str: "NAME"}
    taken = _MANY if each.metadata["many"] else {"action": "append"} if each.metadata["repeated"] else {}
    return {"type": parse, "metavar": each.metadata["shown"] or letters.get(parse, "PATH"), **taken}


def _chosen(asked: argparse.Namespace, options: type[Any]) -> Any:
    given = {each.name: getattr(asked, each.name) for each in fields(options)}
    return options(**{name: tuple(value) if isinstance(value, list) else value for name, value in given.items()})


def _compare(asked: argparse.Namespace) -> int:
    """Train with hard and with smoothed labels over several seeds; say whether to smooth, how, and how much."""
    from . import dry_run, workflows

    options = _chosen(asked, CompareOptions)
    if asked.dry_run:
        return _show_dry(dry_run.compare(asked.data, options=options), asked.json)
    return _show(workflows.compare(asked.data, options=options), asked.json)


def _tune(asked: argparse.Namespace) -> int:
    """Search how to smooth and how much on validation, beside hard labels; then judge the best two on test."""
    from . import dry_run, tuning

    options = _chosen(asked, TuneOptions)
    if asked.dry_run:
        return _show_dry(dry_run.tune(asked.data, options=options), asked.json)
    return _show(tuning.tune(asked.data, options=options), asked.json)


def _show_dry(found: Any, as_json: bool) -> int:
    print(shown_json(found.to_dict()) if as_json else shown(found))
    return 0


def _evaluate(asked: argparse.Namespace) -> int:
    """Measure predictions you already have: how sure, how right, and whether the smoothed ones are better."""
    from . import workflows

    return _show(workflows.evaluate(asked.files, options=_chosen(asked, EvaluateOptions)), asked.json)


def _report(asked: argparse.Namespace) -> int:
    """Make the page of a run again."""
    from . import workflows

    result = workflows.report(asked.run)
    pictures = [] if asked.figures is None else result.figures(asked.figures)
    for path in pictures:
        print(path, file=sys.stderr)
    if asked.format == "md" and not asked.json:
        print(shown(result.markdown(pictures)))
        return 0
    return _show(result, asked.json)


def _audit(asked: argparse.Namespace) -> int:
    """Say what a loss really does, and whether it is right; exit code 1 when a property fails."""
    from .audit import check, load_loss, render

    loss = load_loss(asked.loss, dict(named_value(text, "--arg", "label_smoothing=0.1") for text in asked.arg))
    found = check(loss, waive=asked.waive, design=asked.design, num_classes=asked.num_classes)
    print(shown_json(found.to_dict()) if asked.json else shown(render(found)))
    return 0 if found.passed else FAILED


def _bench(asked: argparse.Namespace) -> int:
    """How fast on this machine, against torch; exit code 1 when a result of labelsmooth is wrong."""
    from .bench import bench

    options = _chosen(asked, BenchOptions)
    report = bench(options)
    print(shown_json(report.to_dict(), 1) if asked.json else shown(report))
    if options.save is not None:
        print(f"labelsmooth: saved as {report.save(options.save)}", file=sys.stderr)
    return 0 if report.passed else FAILED


def _learn(asked: argparse.Namespace) -> int:
    """Build the study page, and open it in the browser: see what smoothing does, move it, be asked about it."""
    import webbrowser

    from . import workflows

    path = workflows.learn(asked.out, sheet=asked.sheet)
    print(path)
    if asked.out is None:
        webbrowser.open(path.resolve().as_uri())
    return 0


def _show(result: Any, as_json: bool) -> int:
    if as_json:
        print(shown_json(result.results))
    else:
        print(shown(result))
        if result.path is not None:
            print(f"\nThe page: {shown(result.path / 'report.html')}")
    sys.stdout.flush()
    for sentence in result.failures:
        _say(f"--fail-if: {sentence}", CONDITION_MET)
    return CONDITION_MET if result.failures else 0
