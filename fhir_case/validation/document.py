"""Check one document, or the bytes of one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fhir_case.documents import Text, read_document
from fhir_case.documents.case_file import located
from fhir_case.fhir.releases import sign_of_other_release
from fhir_case.fhir.wire import mapping, objects
from fhir_case.issues import SEVERITIES, Issue, ValidationResult
from fhir_case.validation import check_profiles, validate

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from fhir_case.documents import Document
    from fhir_case.fhir.models import FhirVersion
    from fhir_case.fhir.wire import Resource
    from fhir_case.validation.profiles import ProfileEngine
    from fhir_case.validation.terminology import TerminologyServer

__all__ = ["check_document", "check_document_profiles"]


def check_document(
    document: Document | Text,
    *,
    fhir: FhirVersion = "R4",
    closed: bool = False,
    skip: Collection[str] | Mapping[str, str] = (),
    check: Collection[str] = (),
    terminology: TerminologyServer | None = None,
) -> ValidationResult:
    """
    Return the errors of a document as JSON or as a case, and the findings of all checks of its content but profiles.

    Args:
        document: What was read, or its bytes, which are read first.
        fhir: The release that it is written in.
        closed: Whether every reference must resolve inside; in the Bundle of a case it always must.
        skip: Names of checks to leave out, where wanted each with the reason.
        check: Names of checks to make of large documents too.
        terminology: The server that is asked about codes that the tables do not know.
    """
    if isinstance(document, Text):
        document = read_document(*document)
    if document.content is None:
        return ValidationResult(document.issues, (document.run,))
    closed = closed or document.form == "case"
    result = validate(document.content, fhir=fhir, closed=closed, skip=skip, check=check, terminology=terminology)
    wrong = any(issue.severity == "error" for issue in result.issues)
    if wrong and document.form != "case" and (said := _written_in_another(document.content, fhir)):
        return ValidationResult((*document.issues, Issue("error", "strict", said, code="structure")), (document.run,))
    issues = [*document.issues, *(located(issue, document.locations) for issue in result.issues)]
    issues.sort(key=lambda issue: SEVERITIES.index(issue.severity))
    return replace(result, issues=tuple(issues), checks=(document.run, *result.checks))


_OTHERS = ("R4", "R5")
_ENOUGH = 3
"""Resources with what only another release has, from which on it is no mistake in one of them."""


def _written_in_another(content: Resource, fhir: FhirVersion) -> str:
    """Return that a Bundle is of another release, instead of an error at each of its elements; else nothing."""
    resources = [mapping(one.get("resource")) for one in objects(content.get("entry"))]
    signs = [sign for one in resources if (sign := sign_of_other_release(one, fhir))]
    other = signs[0].release if signs else ""
    if len(signs) < _ENOUGH or other not in _OTHERS or {one.release for one in signs} != {other}:
        return ""
    if any(sign_of_other_release(one, other) for one in resources):
        return ""  # it has what only the release has that was asked for, too
    path, _, reason = signs[0]
    return (
        f"this is written in {other}: {len(signs)} of its {len(resources)} resources have what only {other} has, such "
        f"as {path}, which {reason}; check it with --fhir {other}"
    )


def check_document_profiles(
    document: Document | Text,
    result: ValidationResult,
    *,
    fhir: FhirVersion = "R4",
    skip: Collection[str] = (),
    engines: Sequence[ProfileEngine],
) -> ValidationResult:
    """
    Return what `check_document` has found with what validators of profiles find.

    Args:
        document: What was read, or its bytes, which are read again.
        result: The result of `check_document`.
        fhir: The release that it is written in.
        skip: Names of checks to leave out.
        engines: Validators of profiles.
    """
    states = {run.name: run.state for run in result.checks}
    if "profiles" not in states:  # it could not be read
        return result
    chosen = [engine for engine in engines if not engine.claimed_only or states["profiles"] == "could not run"]
    if not chosen:
        return result
    if isinstance(document, Text):
        document = read_document(*document)
    if document.content is None:
        return result
    found = check_profiles(document.content, result, fhir=fhir, skip=skip, engines=chosen)
    issues = tuple(
        located(issue, document.locations) if issue.check.startswith("profiles") else issue for issue in found.issues
    )
    return replace(found, issues=issues)
