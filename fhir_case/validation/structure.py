"""Check each resource against the models of fhir.resources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_case.errors import CheckerError
from fhir_case.fhir.models import has_model, model_findings
from fhir_case.validation.check import Check, always
from fhir_case.validation.located import expression, with_short_lists

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fhir_case.fhir.models import FhirVersion
    from fhir_case.issues import Issue
    from fhir_case.validation.located import Located
    from fhir_case.validation.subject import Subject

__all__ = ["STRUCTURE"]


def _structure(subject: Subject) -> Iterator[Issue]:
    for located in subject.resources:
        if not located.type:
            continue
        try:
            known = has_model(located.type, subject.fhir)
        except ImportError as error:
            raise CheckerError(f"fhir.resources could not be imported: {error}") from error
        if known:
            yield from _findings(located, subject.fhir)
        else:
            yield _not_checked(located, f"the models of fhir.resources have no {subject.fhir} {located.type}")


def _findings(located: Located, fhir: FhirVersion) -> Iterator[Issue]:
    try:
        for found in model_findings(with_short_lists(_without_nested(located.resource)), fhir):
            yield located.issue("error", "structure", found.message, expression(found.path), found.code)
    except (ArithmeticError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        # The models break on some input that they should refuse; that is not a finding about the resource.
        yield _not_checked(located, f"the model of fhir.resources failed with {type(error).__name__}")


def _without_nested(resource: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return a resource without the resources inside, which are checked on their own, and without extensions of its id.

    Those are allowed, since ``Resource.id`` is not an attribute in XML; the models know them of no resource.
    """
    bare = {name: value for name, value in resource.items() if name not in ("contained", "_id")}
    if resource.get("resourceType") == "Bundle" and isinstance(bare.get("entry"), list):
        bare["entry"] = [
            {name: value for name, value in entry.items() if name != "resource"} if isinstance(entry, dict) else entry
            for entry in bare["entry"]
        ]
    return bare


def _not_checked(located: Located, reason: str) -> Issue:
    return located.issue("information", "structure", f"not checked: {reason}", code="not-supported")


STRUCTURE = Check(
    "structure",
    "Elements have the names, types and cardinalities of the specification, as the models of fhir.resources know them.",
    "https://github.com/nazrulworld/fhir.resources",
    _structure,
    always,
)
