"""A training script of one's own: a command line with places for what differs between trials."""

from __future__ import annotations

import hashlib
import shlex
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING

from .._checks import UsageError

if TYPE_CHECKING:
    from ..methods import Method

NEEDED = ("label_smoothing", "seed", "out")
BESIDE = ("scheme", "learning_rate", "weight_decay", "dropout")
PLACES = (*NEEDED, *BESIDE)
_SAVE = (
    "Predictions(test_logits, test_labels, val_logits=val_logits, val_labels=val_labels).save(out), with "
    "Predictions from labelsmooth"
)


@dataclass(frozen=True)
class Script:
    """The command as given, and what its place {learning_rate} gets, where it has one.

    >>> Script("python train.py --eps {label_smoothing} --seed {seed} --out {out}").name
    'train'
    """

    template: str
    learning_rate: float | None = None

    def __post_init__(self) -> None:
        if self.learning_rate is not None and not 0 < self.learning_rate < float("inf"):
            raise UsageError(f"learning_rate must be a number above 0; got {self.learning_rate!r}")
        found = self.places()
        unknown = sorted(found - set(PLACES))
        if unknown or not set(NEEDED) <= found:
            wrong = f"there is no place {{{unknown[0]}}}" if unknown else f"it has {sorted(found) or 'none'}"
            raise UsageError(
                "--script must be a command with the places {label_smoothing}, {seed} and {out}, and may have "
                f"{{scheme}}, {{learning_rate}}, {{weight_decay}}, {{dropout}}; {wrong}. Such as: "
                "--script 'python train.py --eps {label_smoothing} --seed {seed} --out {out}'"
            )

    def places(self) -> set[str]:
        """What differs between trials, by name."""
        try:
            return {place for word in self.words() for _, place, _, _ in Formatter().parse(word) if place is not None}
        except ValueError as error:
            raise UsageError(f"--script {self.template!r}: {error}; braces that mean themselves are doubled") from error

    def words(self) -> list[str]:
        """The command's words, as a shell would cut them; no shell runs it."""
        try:
            return shlex.split(self.template)
        except ValueError as error:
            raise UsageError(f"--script {self.template!r} cannot be cut into words: {error}") from error

    def to_dict(self) -> dict[str, str | float]:
        """As plain JSON values."""
        rate = {} if self.learning_rate is None else {"learning_rate": self.learning_rate}
        return {"script": self.template, **rate}

    @property
    def model(self) -> str:
        """What stands where a model's name is asked for."""
        return "the script's own"

    @property
    def name(self) -> str:
        """The script's own name: of the first word that is a file of code, or else of the first word."""
        words = self.words()
        return Path(next((word for word in words if Path(word).suffix in (".py", ".sh")), words[0])).stem

    def digest(self) -> str:
        """A hash of every file that a word names, so that a changed script gives no old trial."""
        digest = hashlib.sha256()
        for path in (Path(word) for word in self.words()):
            if path.is_file():
                digest.update(path.read_bytes())
        return digest.hexdigest()[:16]

    def command(self, method: Method, seed: int, out: Path) -> list[str]:
        """The words of one trial."""
        values = {
            "label_smoothing": f"{method.label_smoothing:g}",
            "learning_rate": "" if self.learning_rate is None else f"{self.learning_rate:g}",
            "scheme": "uniform" if method.scheme == "none" else method.scheme,
            "weight_decay": f"{method.weight_decay:g}",
            "dropout": f"{method.dropout:g}",
            "seed": str(seed),
            "out": str(out),
        }
        return [word.format(**values) for word in self.words()]

    def how_to_save(self) -> str:
        """What a script has to do at its end."""
        return _SAVE
