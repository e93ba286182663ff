"""Render the findings of validation, as text for people and as an OperationOutcome for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from fhir_case.issues import NOT_ASKED, SEVERITIES
from fhir_case.report.characters import printable
from fhir_case.wording import CountedNames, located_once

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from fhir_case.issues import Issue
    from fhir_case.report.validation.summary import CheckStates, Summary
    from fhir_case.validation.check import Check

__all__ = [
    "array_lines",
    "encoded",
    "group_lines",
    "not_checked",
    "outcome_lines",
    "rule_lines",
    "summary_lines",
    "unchecked_words",
]

_NAMED = 20  # documents for each reason
_REASONS = 5  # for each check
_CODES = 5


def group_lines(name: str, issues: Iterable[Issue]) -> Iterator[str]:
    """
    Write every finding of one document, by resource, the worst first.

    Args:
        name: The document.
        issues: Its findings.
    """
    groups: dict[str, list[Issue]] = {}
    for issue in issues:
        groups.setdefault(issue.resource, []).append(issue)
    if not groups:
        return
    yield printable(name)
    for resource, found in sorted(
        groups.items(), key=lambda group: min(SEVERITIES.index(issue.severity) for issue in group[1])
    ):
        yield f"  {printable(resource) or 'the document itself'}"
        for issue in sorted(found, key=lambda one: SEVERITIES.index(one.severity)):
            element = f"{issue.expression}: " if issue.expression else ""
            yield f"    {issue.severity:<11} {printable(element + issue.message)} [{issue.check}]"


def summary_lines(summary: Summary, *, verbose: bool = False) -> Iterator[str]:
    """Write the counts, in all and of each check, then what was not checked and why."""
    counts = ", ".join(_count(summary.found[kind], kind) for kind in SEVERITIES if kind != "information" or verbose)
    of = "" if summary.documents == 1 else f" in {_count(summary.documents, 'document')}"
    waived = f", {summary.waived} waived" if summary.waived else ""
    yield f"{_count(summary.resources, 'resource')}{of} checked: {counts}{waived}"
    for severity in SEVERITIES if verbose else SEVERITIES[:2]:
        of_checks = [(check, count) for (kind, check), count in summary.kinds.most_common() if kind == severity]
        if of_checks:
            yield f"  {severity}: " + ", ".join(f"{printable(check)} {count}" for check, count in of_checks)
    lines = [f"  {check}: {printable(reason)}" for check, reason in not_checked(summary, verbose=verbose)]
    yield from ["Not checked:", *lines] if lines else []


def not_checked(summary: Summary, *, verbose: bool = False) -> Iterator[tuple[str, str]]:
    """
    Return the name of each check that did not run, and each reason.

    Args:
        verbose: Whether to return all reasons, also those of checks that did not apply, with their states.
    """
    shown = ("could not run", "not applicable") if verbose else ("could not run",)
    for check in summary.checks.values():
        if check.state in shown or check.reason == NOT_ASKED.get(check.name):
            yield from ((check.name, reason) for reason in _reasons(check, verbose=verbose))
    if summary.unchecked:
        yield "codes", unchecked_words(summary.unchecked)


def unchecked_words(names: Iterable[str]) -> str:
    """Return in words how many codes and displays no code table knows, and the first of them."""
    counted = CountedNames(_CODES)
    counted.note(*names)
    return f"{counted.count:,} that no code table knows: {counted}"


def _reasons(check: CheckStates, *, verbose: bool) -> Iterator[str]:
    """Return why a check did not run; where it did run on others, or for several reasons, on which documents."""
    state = f" ({check.state})" if verbose else ""
    reasons = list(check.not_run.items())
    if check.state != "could not run" or (len(reasons) == 1 and not check.ran):
        yield f"{check.reason}{state}"
        return
    most = len(reasons) if verbose else _REASONS
    for reason, names in reasons[:most]:
        listed = ", ".join(names.names[:_NAMED])
        more = f" and {names.count - _NAMED:,} more" if names.count > _NAMED else ""
        yield f"{reason}: {listed}{more}{state}"
    if len(reasons) > most:
        yield f"{len(reasons) - most:,} more reasons; --verbose lists them"


def _count(number: int, noun: str) -> str:
    plural = noun if noun == "information" else f"{noun}s"
    return f"{number or 'no'} {noun if number == 1 else plural}"


def outcome_lines(issues: Iterable[tuple[str, Issue]], summary: Summary) -> Iterator[str]:
    """
    Write the result for programs as one JSON object, a finding a line, without keeping the findings.

    It has ``outcome``, an OperationOutcome; ``checks``, the state of each; ``counts``.

    Args:
        issues: Each finding with the name of its document.
        summary: The counts, which are complete after the last finding.
    """
    nothing = {"severity": "information", "code": "informational", "diagnostics": "nothing was found"}
    yield '{"outcome": {"resourceType": "OperationOutcome", "issue": ['
    yield from array_lines((_outcome_issue(name, issue) for name, issue in issues), when_empty=nothing)
    yield "]},"
    checks = [_check(check) for check in summary.checks.values()]
    yield f'"checks": {encoded(checks)},'
    counts: dict[str, Any] = {
        "documents": summary.documents,
        "resources": summary.resources,
        **{kind: summary.found[kind] for kind in SEVERITIES},
        "waived": summary.waived,
        "by_check": {
            severity: {check: count for (kind, check), count in summary.kinds.most_common() if kind == severity}
            for severity in SEVERITIES
        },
    }
    yield f'"counts": {encoded(counts)}}}'


def _check(check: CheckStates) -> dict[str, Any]:
    found: dict[str, Any] = {"name": check.name, "state": check.state, "reason": check.reason}
    if check.not_run:
        found["documents"] = [
            {"reason": _encodable(reason), "count": names.count, "names": [_encodable(name) for name in names.names]}
            for reason, names in check.not_run.items()
        ]
    return found


def array_lines(items: Iterable[object], *, when_empty: object = None) -> Iterator[str]:
    """Yield the lines between the brackets of a JSON array, an item a line."""
    waiting = "" if when_empty is None else encoded(when_empty)
    for number, item in enumerate(items):
        if number:
            yield f"{waiting},"
        waiting = encoded(item)
    if waiting:
        yield waiting


def encoded(value: object) -> str:
    """Write JSON in one line."""
    return orjson.dumps(value).decode()


def _outcome_issue(name: str, issue: Issue) -> dict[str, Any]:
    subject = f"{issue.resource}: " if issue.resource else ""
    found: dict[str, Any] = {
        "severity": issue.severity,
        "code": issue.code,
        "details": {"text": issue.check},
        "diagnostics": _encodable(located_once(name, subject + issue.message)),
    }
    if issue.full_expression:
        found["expression"] = [_encodable(issue.full_expression)]
    return found


def _encodable(text: str) -> str:
    """Return a text with what cannot be UTF-8, half of a surrogate pair, as its code."""
    return text.encode(errors="backslashreplace").decode()


def rule_lines(checks: Iterable[Check], not_checked: Mapping[str, str]) -> Iterator[str]:
    """Yield one line for each check: its name, its reason, its source; then one for each invariant without a check."""
    known = list(checks)
    width = max(len(check.name) for check in known)
    for check in known:
        yield f"{check.name:<{width}}  {check.reason}  {check.source}"
    for name, reason in not_checked.items():
        yield f"{name:<{width}}  not checked: {reason}"
