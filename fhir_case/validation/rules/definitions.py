"""Rules of R5 about StructureDefinitions whose expression takes a time that grows with the square of the elements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_case.fhir.wire import mapping, objects
from fhir_case.validation.check import Finding, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.validation.located import Located
    from fhir_case.validation.subject import Subject

__all__ = ["DEFINITION_RULES"]

_PAGE = "https://hl7.org/fhir/R5/structuredefinition.html#invs"


def _unless(subject: Subject) -> str:
    if subject.fhir == "R4":
        return "it is a rule of R5"
    return "" if "StructureDefinition" in subject.by_type else "there is no StructureDefinition"


def _parts(subject: Subject, kind: str, tail: str) -> Iterator[tuple[Located, dict[str, Any]]]:
    """Return the elements of snapshots that are a part, of a type, of a CodeableReference."""
    for located in subject.by_type.get("StructureDefinition", ()):
        elements = objects(mapping(located.resource.get("snapshot")).get("element"))
        whole = {str(one.get("path")) for one in elements if _has_type(one, "CodeableReference")}
        for one in elements if whole else ():
            path = one.get("path")
            if isinstance(path, str) and path.endswith(tail) and path[: -len(tail)] in whole and _has_type(one, kind):
                yield located, one


def _has_type(element: dict[str, Any], kind: str) -> bool:
    return any(one.get("code") == kind for one in objects(element.get("type")))


@rule("sdf-24", "A CodeableReference names its target profiles itself, not in its reference.", _PAGE, _unless)
def _target_profiles(subject: Subject) -> Iterator[Finding]:
    for located, element in _parts(subject, "Reference", ".reference"):
        if any("targetProfile" in one for one in objects(element.get("type"))):
            message = "the target profiles belong to the CodeableReference, not to its reference"
            yield Finding(located, message, node=element, tail=".type")


@rule("sdf-25", "A CodeableReference has its binding itself, not in its concept.", _PAGE, _unless)
def _bindings(subject: Subject) -> Iterator[Finding]:
    for located, element in _parts(subject, "CodeableConcept", ".concept"):
        if "binding" in element:
            message = "the binding belongs to the CodeableReference, not to its concept"
            yield Finding(located, message, node=element, tail=".binding")


DEFINITION_RULES = (_target_profiles, _bindings)
