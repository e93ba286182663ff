"""Check one document, or the bytes of one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fhir_case.documents import Text, read_document
from fhir_case.documents.case_file import located
from fhir_case.issues import ValidationResult
from fhir_case.validation import validate

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from fhir_case.documents import Document
    from fhir_case.fhir.models import FhirVersion
    from fhir_case.validation.profiles import ProfileEngine

__all__ = ["check_document"]


def check_document(
    document: Document | Text,
    *,
    fhir: FhirVersion = "R4",
    closed: bool = False,
    skip: Collection[str] = (),
    engines: Sequence[ProfileEngine] = (),
) -> ValidationResult:
    """
    Return the errors of a document as JSON or as a case, and the findings of all checks of its content.

    Args:
        document: What was read, or its bytes, which are read first.
        fhir: The release that it is written in.
        closed: Whether every reference must resolve inside; in the Bundle of a case it always must.
        skip: Names of checks to leave out.
        engines: Validators of profiles.
    """
    if isinstance(document, Text):
        document = read_document(*document)
    if document.content is None:
        return ValidationResult(document.issues, (document.run,))
    result = validate(document.content, fhir=fhir, closed=closed or document.form == "case", skip=skip, engines=engines)
    issues = document.issues + tuple(located(issue, document.locations) for issue in result.issues)
    return replace(result, issues=issues, checks=(document.run, *result.checks))
