"""Who proposes candidates: first a few fixed ones over the whole range, then Optuna, by ask and tell."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any, final

from ..._checks import require
from .search import Search, Setting
from .space import SMOOTHING, Range

TOGETHER = 4
"""Candidates asked for before the first of them is told. It decides what is proposed, so it does not follow `jobs`."""
_SHARES = (0.25, 0.5, 1.0, 0.125)


@dataclass(frozen=True, eq=False)
class Asked:
    """A candidate, and what Optuna calls it."""

    setting: Setting
    trial: Any


@final
class Proposals:
    """Candidates of one family. The same answers give the same proposals: the sampler has a fixed seed, and nothing
    is kept beside the answers, so a search that goes on asks and tells again what the folder holds.
    """

    def __init__(self, search: Search, family: str) -> None:
        self.family, self._search = family, search
        self._ranges = search.space.dimensions(family)
        self._left = search.budget(family)
        self._optuna = require("tune", "optuna")
        self._study = self._new_study()

    def ask(self, count: int = TOGETHER) -> list[Asked]:
        """The next candidates, at most `count`; none when the budget is spent."""
        now = min(count, self._left)
        self._left -= now
        return [self._asked() for _ in range(now)]

    def tell(self, asked: Asked, value: float | None, *, dropped: bool = False) -> None:
        """What was found of it, to be made small; None where it failed. A dropped one ranks behind all others."""
        if value is None or dropped:
            if value is not None:
                asked.trial.report(value, len(self._search.first_seeds))
            self._study.tell(asked.trial, state=self._optuna.trial.TrialState.PRUNED)
        else:
            self._study.tell(asked.trial, value)

    def _asked(self) -> Asked:
        trial = self._study.ask({name: self._distribution(each) for name, each in self._ranges.items()})
        return Asked(self._search.setting(self.family, trial.params), trial)

    def _distribution(self, values: Range | tuple[str, ...]) -> Any:
        distributions = self._optuna.distributions
        if isinstance(values, tuple):
            return distributions.CategoricalDistribution(values)
        return distributions.FloatDistribution(values.low, values.high, log=values.in_powers)

    def _new_study(self) -> Any:
        start = _start(self._search, self._ranges)
        random_ones = len(start) + 2 * len(self._search.space.beside)
        logging = self._optuna.logging
        said = logging.get_verbosity()
        logging.set_verbosity(logging.WARNING)
        sampler = self._optuna.samplers.TPESampler(
            seed=0, n_startup_trials=random_ones, multivariate=len(self._ranges) > 1, constant_liar=True
        )
        study = self._optuna.create_study(sampler=sampler)
        for each in start:
            study.enqueue_trial(each)
        logging.set_verbosity(said)
        return study


def _start(search: Search, ranges: dict[str, Range | tuple[str, ...]]) -> list[dict[str, Any]]:
    """A quarter, half, all and an eighth of the largest amount, for each scheme, with the usual values beside."""
    known = {"learning_rate": search.settings.learning_rate, "weight_decay": search.weight_decay}
    known["dropout"] = search.dropout
    usual = {
        name: values.middle() if (value := known[name]) is None else values.clipped(value)
        for name, values in ranges.items()
        if name in known and isinstance(values, Range)
    }
    amounts = ranges.get(SMOOTHING)
    if not isinstance(amounts, Range):
        return [usual]
    return [
        {"scheme": scheme, SMOOTHING: share * amounts.high, **usual}
        for share, scheme in product(_SHARES, search.space.schemes)
    ]
