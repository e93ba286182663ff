"""
Check FHIR R4 or R5 JSON, anyone's, and say for each check whether it ran.

Nothing here changes what is checked, and nothing is sent anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingABC
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from fhir_case.errors import CheckerError
from fhir_case.issues import MOST_RESOURCES, NOT_ASKED, SEVERITIES, CheckRun, ValidationResult
from fhir_case.validation.checks import CHECKS
from fhir_case.validation.profiles import PROFILE_CHECKS, with_engines
from fhir_case.validation.strict import schema_issues

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from fhir_case.fhir.models import FhirVersion
    from fhir_case.issues import Issue
    from fhir_case.validation.check import Check
    from fhir_case.validation.profiles import ProfileEngine
    from fhir_case.validation.subject import Subject
    from fhir_case.validation.terminology import TerminologyServer

__all__ = ["CHECKS", "ON_REQUEST", "check_profiles", "validate"]

ON_REQUEST = "skipped on request"
"""Why a check was left out that somebody wanted to be left out."""

_REPEATING = ("structure", "profiles")


def validate(
    bundle: Mapping[str, Any],
    *,
    fhir: FhirVersion = "R4",
    code_tables: Mapping[tuple[str, str], Collection[str]] | None = None,
    closed: bool = False,
    skip: Collection[str] | Mapping[str, str] = (),
    check: Collection[str] = (),
    engines: Sequence[ProfileEngine] = (),
    terminology: TerminologyServer | None = None,
) -> ValidationResult:
    """
    Check a Bundle or a single resource with every check of `CHECKS` that is about what is in it.

    Args:
        bundle: The parsed JSON, its decimals preferably as `decimal.Decimal`, see `fhir_case.fhir.wire.parse`.
        fhir: The release that it is written in.
        code_tables: Known codes: (system, code) to the displays that are right for it; empty, when any is. When absent:
            those of the installed mappings.
        closed: Whether every reference must resolve inside the Bundle, as in those that this library builds.
        skip: Names of checks to leave out, for example the slow ``structure``; as a mapping each with the reason.
        check: Names of checks to make though they are left out of large inputs: ``structure``, which is made of up to
            `fhir_case.validation.second_opinion.MOST_RESOURCES` resources.
        engines: Validators that check profiles: `Hl7Engine`, `fhir_case.validation.engine.server.ServerEngine`. Their
            start and end are the caller's.
        terminology: The server that is asked about codes that the tables do not know.
    """
    from fhir_case.validation.check import run_check
    from fhir_case.validation.subject import Subject

    if code_tables is None:
        code_tables = _installed_codes()
    subject = Subject(bundle, fhir, code_tables, closed, terminology)
    reasons = skip if isinstance(skip, MappingABC) else dict.fromkeys(skip, ON_REQUEST)
    if len(subject.resources) > MOST_RESOURCES + 1:  # and the Bundle itself
        reasons = {**{name: reason for name, reason in NOT_ASKED.items() if name not in check}, **reasons}
    issues: list[Issue] = []
    runs: list[CheckRun] = []
    for each in _selected(subject, engines):
        if each.name in reasons:
            runs.append(CheckRun(each.name, "not applicable", reasons[each.name]))
            continue
        found, run = run_check(each, subject)
        issues += found
        runs.append(run)
    return ValidationResult(_in_order(issues), tuple(runs), len(subject.entries) if subject.is_bundle else 1)


def check_profiles(
    bundle: Mapping[str, Any],
    result: ValidationResult,
    *,
    fhir: FhirVersion = "R4",
    skip: Collection[str] = (),
    engines: Sequence[ProfileEngine],
) -> ValidationResult:
    """
    Return the result of `validate` without engines with what engines find, as if it had been called with them.

    So worker processes can make all other checks of many documents, beside one engine.

    Args:
        bundle: The parsed JSON.
        result: What `validate` has found in it.
        fhir: The release that it is written in.
        skip: Names of checks to leave out.
        engines: Validators that check profiles.
    """
    from fhir_case.validation.check import run_check
    from fhir_case.validation.subject import Subject

    subject = Subject(bundle, fhir, {}, False)
    made = [run_check(check, subject) for check in with_engines(engines) if check.name not in skip]
    runs = {run.name: run for _, run in made}
    issues = [*result.issues, *(issue for found, _ in made for issue in found)]
    return replace(
        result, issues=_in_order(issues), checks=tuple(runs.get(known.name, known) for known in result.checks)
    )


def _selected(subject: Subject, engines: Sequence[ProfileEngine]) -> Sequence[Check]:
    """Return the checks of a document: those of its resource types, and those of data types that found something."""
    selected = _about(frozenset(subject.by_type))
    with suppress(CheckerError):  # the check of the schema says that it could not run
        more = subject.once(schema_issues)
        if more:
            names = {check.name for check in selected}
            selected = (*(check for check in CHECKS if check.name in more and check.name not in names), *selected)
    return selected if not engines else (*selected[: -len(PROFILE_CHECKS)], *with_engines(engines))


@lru_cache(1000)
def _about(types: frozenset[str]) -> tuple[Check, ...]:
    return tuple(check for check in CHECKS if check.types is None or not check.types.isdisjoint(types))


def _installed_codes() -> Mapping[tuple[str, str], frozenset[str]]:
    from fhir_case.fhir.installed import installed_codes

    return installed_codes()


def _in_order(issues: list[Issue]) -> tuple[Issue, ...]:
    """Return findings, errors first, each once: models, strict schema and engines find many of the same things."""
    found = {issue.full_expression for issue in issues if issue.check == "strict"}
    kept = [
        issue
        for issue in dict.fromkeys(issues)
        if not issue.check.startswith(_REPEATING) or issue.full_expression not in found
    ]
    return tuple(sorted(kept, key=lambda issue: SEVERITIES.index(issue.severity)))
