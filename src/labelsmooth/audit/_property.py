"""What a property is, and how one is tried on a loss."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ._case import Case
from ._report import PropertyResult
from ._runner import LossRaised
from ._shrink import shrink
from ._snippet import counterexample, tensors
from ._subject import Subject


@dataclass(frozen=True)
class Failure:
    """What was expected, what came, and the lines that show it, after `logits` and `target` are made.

    `lines` may use `loss`, `logits` and `target`. `direct` says that `logits` holds what the loss is given (for a
    loss of log-probabilities: those), not the logits before it.
    """

    expected: str
    got: str
    lines: tuple[str, ...]
    direct: bool = False
    raised: bool = False
    note: str = ""


def always(subject: Subject) -> str | None:
    """No reason to leave the property out."""
    return None


@dataclass(frozen=True)
class Property:
    """One property: `skip` gives the reason it does not apply (or None), `cases` the inputs, `judge` the failure.

    `cases` come from the telling to the thorough; the first that fails is shrunk.
    """

    name: str
    sentence: str
    trap: str | None
    cases: Callable[[Subject], Iterable[Case]]
    judge: Callable[[Subject, Case], Failure | None]
    skip: Callable[[Subject], str | None] = always
    shrinks: bool = True

    def _judged(self, subject: Subject, case: Case) -> Failure | None:
        try:
            return self.judge(subject, case)
        except LossRaised as raised:
            form = subject.runner.form
            return Failure("a loss and its gradient", f"raised {raised}", (f"{form.code()}.sum().backward()",),
                           raised=True)  # fmt: skip

    def _failed(self, subject: Subject, case: Case, found: Failure) -> PropertyResult:
        def same_kind(smaller: Case) -> Failure | None:
            again = self._judged(subject, smaller)
            return again if again is not None and again.raised == found.raised else None

        if self.shrinks:
            free = subject.free_classes and (subject.ignore_index is None or subject.ignore_index < 0)
            labels = subject.labels_of(case.num_classes)
            case, found = shrink(case, found, same_kind, free_classes=free, labels=labels)
        form = subject.runner.form
        setup = tensors(form, subject.runner.admitted(case), direct=found.direct)
        code = counterexample(subject.source, setup, found.lines)
        status = "error" if found.raised else "fail"
        return PropertyResult(self.name, status, self._told(found), self.trap, code, found.expected, found.got)

    def _told(self, found: Failure) -> str:
        """In words: the property that does not hold, and what is known beside it."""
        return found.got if found.raised else f"does not hold: {self.sentence}{found.note}"

    def run(self, subject: Subject) -> PropertyResult:
        """Try the property; on a failure, with the smallest case found."""
        reason = self.skip(subject)
        if reason is not None:
            return PropertyResult(self.name, "not_applicable", reason, self.trap)
        for case in self.cases(subject):
            failure = self._judged(subject, case)
            if failure is not None:
                return self._failed(subject, case, failure)
        return PropertyResult(self.name, "pass", self.sentence, self.trap)


def first(*reasons: Callable[[Subject], str | None]) -> Callable[[Subject], str | None]:
    """The first reason that holds."""
    return lambda subject: next((told for reason in reasons if (told := reason(subject)) is not None), None)


def takes_logits(subject: Subject) -> str | None:
    form = subject.runner.form
    return None if form.inputs == "logits" else f"it takes {form.inputs}: the softmax outside it makes this so"


def takes_indices(subject: Subject) -> str | None:
    return None if subject.runner.form.takes_indices else "its target is probabilities: there is no index"


def has_fixed_target(subject: Subject) -> str | None:
    return None if subject.fixed else "the target depends on the logits (see target), so there is none to compare with"


def has_handle(subject: Subject) -> str | None:
    return None if subject.handle is not None else "no argument that holds ε was found, so it cannot be changed"


def ignores(subject: Subject) -> str | None:
    told = takes_indices(subject)
    if told is None and subject.ignore_index is None:
        return "it raises on an ignored index (−100), so it supports none"
    return told


def total_code(subject: Subject, case: Case, logits: str = "logits") -> str:
    """The sum over rows of the loss, as a line of Python."""
    call, weight = subject.runner.form.code(logits), subject.runner.weight(case.labels)
    if subject.runner.reduction == "mean":
        return call if weight == 1 else f"{weight:.6g} * {call}"
    return f"{call}.sum()" if subject.runner.reduction == "none" else call


def gradient_line(subject: Subject, case: Case) -> str:
    return f"print(torch.autograd.grad({total_code(subject, case)}, logits)[0])"


def raw_line(subject: Subject, *, direct: bool = False) -> str:
    return f"print({subject.runner.form.code(entered=direct)})"


def raw_gradient_line(subject: Subject, *, direct: bool = False) -> str:
    return f"print(torch.autograd.grad({subject.runner.form.code(entered=direct)}.sum(), logits)[0])"
