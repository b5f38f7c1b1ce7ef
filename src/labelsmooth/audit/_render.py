"""A report as plain text, at most 100 columns wide."""

from __future__ import annotations

import textwrap

from ._report import AuditReport, PropertyResult

WIDTH = 100
LABEL = 14
STATUS = {"pass": "pass", "fail": "FAIL", "error": "ERROR", "waived": "waived", "not_applicable": "n/a"}


def _wrapped(text: str, indent: int, first: str) -> list[str]:
    space = " " * indent
    return textwrap.wrap(text, WIDTH, initial_indent=first.ljust(indent), subsequent_indent=space) or [first]


def _head(report: AuditReport) -> list[str]:
    rows = {
        "called as": f"{report.called_as}: {report.why}",
        "returns": report.reduction,
        "target": report.finding,
    }
    lines = _wrapped(f"audit of {report.loss}, {report.num_classes} classes", 2, "")
    for label, text in rows.items():
        lines += _wrapped(text, LABEL, f"  {label}")
    return lines


def _row(result: PropertyResult, width: int) -> list[str]:
    return _wrapped(result.explanation, width + 10, f"{result.name.ljust(width)}  {STATUS[result.status]}")


def _table(report: AuditReport) -> list[str]:
    width = max(len(result.name) for result in report.properties)
    lines = [f"{'property'.ljust(width)}  result  what has to hold, or why it was left out"]
    lines.append(f"{'-' * width}  ------  {'-' * (WIDTH - width - 10)}")
    for result in report.properties:
        lines += _row(result, width)
    return lines


def _detail(result: PropertyResult) -> list[str]:
    trap = f" ({result.trap})" if result.trap else ""
    lines = ["", f"{result.name}{trap}: {STATUS[result.status]}"]
    lines += _wrapped(result.expected or "", LABEL, "  expected")
    lines += _wrapped(result.got or "", LABEL, "  got")
    return lines + [f"    {line}" if line else "" for line in (result.counterexample or "").splitlines()]


def _verdict(report: AuditReport) -> str:
    counts = report.counts
    named = {"pass": "passed", "fail": "failed", "error": "raised", "waived": "waived", "not_applicable": "n/a"}
    told = ", ".join(f"{counts[status]} {word}" for status, word in named.items() if counts[status])
    if report.passed:
        return told
    first = next(result.name for result in report.properties if result.status in ("fail", "error"))
    return f"{told}\ngiven up on purpose? Waive it by name: --waive {first}"


def render(report: AuditReport) -> str:
    """Return the report as plain text: what the loss does, a table of properties, the smallest counterexamples.

    >>> import torch
    >>> from labelsmooth.audit import check, render
    >>> print(render(check(torch.nn.CrossEntropyLoss())).splitlines()[3])
      target      hard labels, no smoothing (ε = 0): plain cross-entropy
    """
    lines = [*_head(report), "", *_table(report)]
    for result in report.properties:
        if result.status in ("fail", "error"):
            lines += _detail(result)
    return "\n".join([*lines, "", _verdict(report)])
