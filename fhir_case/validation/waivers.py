"""
Read the findings that somebody has accepted, each with a reason, and tell them from the others.

A file of waivers is TOML::

    [[waiver]]
    check = "dom-6"
    resource = "Observation/*"        # all resources when absent
    expression = "Observation.text"   # all elements when absent
    reason = "The viewer makes the narrative."
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, fields, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from fhir_case.errors import FhirCaseError
from fhir_case.issues import Issue
from fhir_case.wording import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from fhir_case.issues import CheckRun

__all__ = ["Waiver", "as_information", "read_waivers", "unused", "waived"]


@dataclass(frozen=True, slots=True)
class Waiver:
    """
    Accept findings of one check.

    Args:
        check: The name of the check.
        reason: Why they are accepted.
        resource: ``Type/id``, or a pattern with ``*`` and ``?``; empty for findings about the document itself.
        expression: The place in the resource, or a pattern.
    """

    check: str
    reason: str
    resource: str = "*"
    expression: str = "*"

    def accepts(self, issue: Issue) -> bool:
        """Whether it is about this finding."""
        return (
            self.check == issue.check
            and _fits(issue.resource, self.resource)
            and _fits(issue.expression, self.expression)
        )

    def __str__(self) -> str:
        places = (self.check, *(place for place in (self.resource, self.expression) if place != "*"))
        return " ".join(place or "(the document itself)" for place in places)


_KEYS = [field.name for field in fields(Waiver)]


def _fits(text: str, pattern: str) -> bool:
    # An expression that is written out has brackets, which are a set of signs in a pattern: name[0].
    return text == pattern or fnmatchcase(text, pattern)


def waived(
    issues: Iterable[Issue], waivers: Iterable[Waiver]
) -> tuple[tuple[Issue, ...], tuple[tuple[Issue, Waiver], ...]]:
    """Part findings into those that stand, and those that are accepted, each with the first waiver that does so."""
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
    """Make accepted findings into information that tells the reason and what they were."""
    return tuple(
        replace(
            issue, severity="information", message=f"{issue.message} (was {issue.severity}; waived: {waiver.reason})"
        )
        for issue, waiver in pairs
    )


def unused(waivers: Iterable[Waiver], used: Collection[Waiver], runs: Mapping[str, CheckRun]) -> tuple[Issue, ...]:
    """
    Warn of waivers that no finding needs.

    Args:
        waivers: All of them.
        used: Those that accepted a finding.
        runs: The worst that became of each check. A waiver of a check that could not run may still be needed.
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
        FhirCaseError: It cannot be read, is not TOML, or says something that no waiver says.
    """
    content = _content(path)
    for key in content:
        if key != "waiver":
            raise FhirCaseError(f"'{key}' is not known", where=str(path), hint="write each waiver under [[waiver]]")
    tables = content.get("waiver", [])
    if not isinstance(tables, list):
        raise FhirCaseError("'waiver' is not a list", where=str(path), hint="write each waiver under [[waiver]]")
    names = _names()
    return tuple(_waiver(table, f"{path}: waiver {number}", names) for number, table in enumerate(tables, 1))


def _content(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise FhirCaseError(f"this cannot be read: {error.strerror or error}", where=str(path)) from None
    except UnicodeDecodeError as error:
        raise FhirCaseError(f"this is not UTF-8: byte {error.start}", where=str(path)) from None
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise FhirCaseError("this is not TOML of waivers: it is nested too deep", where=str(path)) from None
    except ValueError as error:
        what, line, column = _place(str(error))
        where = f"{path}:{line}:{column}" if line else str(path)
        raise FhirCaseError(f"this is not TOML: {what}", where=where) from None


def _place(message: str) -> tuple[str, str, str]:
    """Take the place out of a message of tomllib; only from Python 3.14 on the error has it apart."""
    found = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", message, re.DOTALL)
    return (found[1], found[2], found[3]) if found else (message, "", "")


def _names() -> list[str]:
    from fhir_case.validation.checks import CHECKS

    return ["json", "case", *(check.name for check in CHECKS)]


def _waiver(table: object, where: str, names: list[str]) -> Waiver:
    if not isinstance(table, dict):
        raise FhirCaseError("this is not a table", where=where, hint="write each waiver under [[waiver]]")
    for key, value in table.items():
        if key not in _KEYS:
            raise FhirCaseError(f"'{key}' is not known", where=where, hint=_nearest(key, _KEYS))
        if not isinstance(value, str):
            raise FhirCaseError(f"{key} is not a text", where=where, hint="put it into quotes")
    if "check" not in table:
        raise FhirCaseError("check is missing", where=where, hint="name the check whose findings are accepted")
    if table["check"] not in names:
        raise FhirCaseError(f"there is no check '{table['check']}'", where=where, hint=_nearest(table["check"], names))
    if not table.get("reason", "").strip():
        raise FhirCaseError("reason is missing", where=where, hint="say why the finding is accepted")
    return Waiver(**table)


def _nearest(word: str, known: list[str]) -> str:
    near = did_you_mean(word, known)
    if near:
        return near
    return f"known are {', '.join(known)}" if known is _KEYS else "fhir-case validate --list-rules names them"
