"""
Waivers: the findings that somebody has accepted, each with a reason.

A file of waivers is TOML::

    [[waiver]]
    check = "dom-6"
    resource = "Observation/*"        # all resources when absent
    expression = "Observation.text"   # all elements when absent
    reason = "The viewer makes the narrative."
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, ClassVar

from fhir_case.errors import FhirCaseError
from fhir_case.issues import Issue
from fhir_case.toml import read_toml
from fhir_case.wording import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from pydantic_core import ErrorDetails

    from fhir_case.issues import CheckRun

__all__ = ["Waiver", "as_information", "read_waivers", "unused", "waived"]


@dataclass(frozen=True, slots=True)
class Waiver:
    """
    The findings of one check that are accepted.

    Args:
        check: The name of the check.
        reason: Why they are accepted.
        resource: ``Type/id``, or a pattern with ``*`` and ``?``; empty for findings about the document itself.
        expression: The element in the resource, or from the document on, or a pattern.
    """

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}

    check: str
    reason: str
    resource: str = "*"
    expression: str = "*"

    def accepts(self, issue: Issue) -> bool:
        """Whether it accepts this finding."""
        return (
            self.check == issue.check
            and _matches(issue.resource, self.resource)
            and (_matches(issue.expression, self.expression) or _matches(issue.full_expression, self.expression))
        )

    def __str__(self) -> str:
        parts = (self.check, *(part for part in (self.resource, self.expression) if part != "*"))
        return " ".join(part or "(the document itself)" for part in parts)


@dataclass(frozen=True, slots=True)
class _File:
    """The content of a file of waivers."""

    waiver: list[Waiver] = field(default_factory=list)
    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}


_KEYS = [each.name for each in fields(Waiver)]


def _matches(text: str, pattern: str) -> bool:
    # An expression in full has brackets, which are a set of characters in a pattern: name[0].
    return text == pattern or fnmatchcase(text, pattern)


def waived(
    issues: Iterable[Issue], waivers: Iterable[Waiver]
) -> tuple[tuple[Issue, ...], tuple[tuple[Issue, Waiver], ...]]:
    """Return the findings that no waiver accepts, and those accepted, each with the first waiver that accepts it."""
    known = tuple(waivers)
    kept: list[Issue] = []
    accepted: list[tuple[Issue, Waiver]] = []
    for issue in issues:
        waiver = next((one for one in known if one.accepts(issue)), None)
        if waiver is None:
            kept.append(issue)
        else:
            accepted.append((issue, waiver))
    return tuple(kept), tuple(accepted)


def as_information(pairs: Iterable[tuple[Issue, Waiver]]) -> tuple[Issue, ...]:
    """Return accepted findings as information, with the reason and the severity that they had."""
    return tuple(
        replace(
            issue, severity="information", message=f"{issue.message} (was {issue.severity}; waived: {waiver.reason})"
        )
        for issue, waiver in pairs
    )


def unused(waivers: Iterable[Waiver], used: Collection[Waiver], runs: Mapping[str, CheckRun]) -> tuple[Issue, ...]:
    """
    Return a warning for each waiver that no finding needs.

    Args:
        waivers: All of them.
        used: Those that accepted a finding.
        runs: The worst state of each check. A waiver of a check that could not run may still be needed.
    """
    return tuple(
        Issue("warning", "waivers", f"no finding needs the waiver of {waiver}: delete it", code="informational")
        for waiver in waivers
        if waiver not in used and waiver.check in runs and runs[waiver.check].state != "could not run"
    )


def read_waivers(path: Path) -> tuple[Waiver, ...]:
    """
    Read a file of waivers.

    Raises:
        FhirCaseError: It cannot be read, is not TOML, or a waiver is wrong; all mistakes are in the one error.
    """
    from pydantic import TypeAdapter, ValidationError

    from fhir_case.validation.checks import CHECKS

    try:
        waivers = TypeAdapter(_File).validate_python(read_toml(path)).waiver
    except ValidationError as errors:
        problems = [_problem(path, error) for error in errors.errors()]
        raise FhirCaseError("\n".join(problems)) from None
    names = ["json", "case", *(check.name for check in CHECKS)]
    problems = []
    for number, waiver in enumerate(waivers, 1):
        if waiver.check not in names:
            hint = did_you_mean(waiver.check, names) or "fhir-case validate --list-rules names them"
            problems.append(_located(path, number, f"there is no check '{waiver.check}'", hint))
        if not waiver.reason.strip():
            problems.append(_located(path, number, "reason is missing", _MISSING["reason"]))
    if problems:
        raise FhirCaseError("\n".join(problems))
    return tuple(waivers)


_MISSING = {"check": "name the check whose findings are accepted", "reason": "say why the finding is accepted"}
_SECTION = "write each waiver under [[waiver]]"


def _problem(path: Path, error: ErrorDetails) -> str:
    """Return what pydantic found wrong, with its location and what to do."""
    _, number, key = (*error["loc"], "", "", "")[:3]
    if not isinstance(number, int):
        name = error["loc"][0]
        what = "is not a list" if name == "waiver" else "is not known"
        return str(FhirCaseError(f"'{name}' {what}", where=str(path), hint=_SECTION))
    what, hint = {
        "missing": (f"{key} is missing", _MISSING.get(str(key), "")),
        "string_type": (f"{key} is not a text", "put it into quotes"),
        "unexpected_keyword_argument": (
            f"'{key}' is not known",
            did_you_mean(str(key), _KEYS) or f"known are {', '.join(_KEYS)}",
        ),
    }.get(error["type"], ("this is not a table", _SECTION))
    return _located(path, number + 1, what, hint)


def _located(path: Path, number: int, what: str, hint: str) -> str:
    return str(FhirCaseError(what, where=f"{path}: waiver {number}", hint=hint))
