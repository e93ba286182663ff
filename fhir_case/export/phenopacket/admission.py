"""Which resources say a fact of the patient: those about another, in error, or not done are left out, and named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_case.fhir.wire import mapping, objects

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.export.phenopacket.source import Source, Taken
    from fhir_case.fhir.wire import Resource

__all__ = ["admit"]

# What a phenopacket makes a fact of the patient from.
_OF_A_PATIENT = frozenset({
    "AdverseEvent", "BodyStructure", "Condition", "DiagnosticReport", "DocumentReference", "MedicationRequest",
    "MedicationStatement", "Observation", "Procedure", "Specimen",
})  # fmt: skip
# https://hl7.org/fhir/R4/observation.html and its like: what did not take place, or not yet.
_NOT_SO = {
    "Observation": {"cancelled"},
    "Procedure": {"not-done", "preparation"},
    "MedicationStatement": {"not-taken", "intended"},
    "MedicationRequest": {"cancelled", "draft"},
    "DiagnosticReport": {"cancelled"},
}
_OPEN = {"Observation": {"registered", "preliminary"}, "Specimen": {"unavailable", "unsatisfactory"}}
_IN_ERROR = "entered-in-error"
# A disease of a phenopacket is there or excluded: what may be one is neither.
_UNDECIDED = frozenset({"provisional", "differential", "unconfirmed"})
_LARGEST = 2**63


def admit(source: Source, patient: Taken) -> None:
    """Take from a source what says no fact of the patient, and name each with the reason."""
    for name, resource in list(source.resources.items()):
        reason = next(_reasons(source, patient, resource), "")
        if reason:
            if name == patient.name:
                source.leave(name, f"{reason}; the packet says it all the same")
                continue
            del source.resources[name]
            source.leave(name, reason)
            continue
        status = resource.get("status")
        if status in list(_OPEN.get(str(resource.get("resourceType")), ())):
            source.leave(f"{name}.status", f"a phenopacket cannot say that it is '{status}'")


def _reasons(source: Source, patient: Taken, resource: Resource) -> Iterator[str]:
    kind = str(resource.get("resourceType"))
    if kind in _OF_A_PATIENT:
        yield from _others(source, patient, resource)
    yield from _not_so(kind, resource)
    if kind in _OF_A_PATIENT | {"Patient"}:
        for where, value in _within(resource, ""):
            if where.endswith(".modifierExtension"):
                url = next((one.get("url") for one in objects(value)), "")
                yield f"{where[1:]} {url} can change what it means"
            if isinstance(value, int) and abs(value) >= _LARGEST:
                yield f"the number at {where[1:]} is beyond 64 bits"


def _not_so(kind: str, resource: Resource) -> Iterator[str]:
    status, verified = resource.get("status"), _codes(resource.get("verificationStatus"))
    if _IN_ERROR in verified or _IN_ERROR in (status, resource.get("docStatus")):
        yield "it was entered in error"
    if status in list(_NOT_SO.get(kind, ())):
        yield f"its status is '{status}', and a phenopacket says only what is so"
    if kind == "Condition":
        for code in sorted(_UNDECIDED & verified):
            yield f"its verification status is '{code}', and a disease of a phenopacket is there or excluded"
    if kind == "AdverseEvent" and resource.get("actuality") == "potential":
        yield "it is a potential event, and a phenopacket says only what is so"
    if resource.get("doNotPerform") is True:
        yield "it says what is not to be done"


def _others(source: Source, patient: Taken, resource: Resource) -> Iterator[str]:
    name = "patient" if resource.get("resourceType") == "BodyStructure" else "subject"
    about = mapping(resource.get(name))
    if not _is_patient(source, patient, about):
        yield f"it is about {_shown(about)}, not about {patient.name}" if about else f"it has no {name}"
    for one in objects(resource.get("focus")):
        other = str(one.get("type") or source.name_of(one).partition("/")[0])
        if other in {"Patient", "RelatedPerson", "Person", "Group"} and not _is_patient(source, patient, one):
            yield f"its focus is {_shown(one)}, not {patient.name}"


def _is_patient(source: Source, patient: Taken, reference: Any) -> bool:
    if "reference" in reference:
        return source.name_of(reference) == patient.name
    given = mapping(reference.get("identifier"))
    same = (one for one in objects(patient.resource.get("identifier")) if one.get("value") == given.get("value"))
    return bool(given.get("value")) and any(one.get("system") == given.get("system") for one in same)


def _shown(reference: Any) -> str:
    identifier = mapping(reference.get("identifier")).get("value")
    return f"'{reference.get('reference') or identifier or reference.get('display') or ''}'"


def _codes(concept: Any) -> set[str]:
    return {str(one.get("code")) for one in objects(mapping(concept).get("coding"))}


def _within(value: Any, where: str) -> Iterator[tuple[str, Any]]:
    """Return every element below a value with its path; not what a resource contains, which is not exported."""
    yield where, value
    if isinstance(value, dict):
        for name, one in value.items():
            if name not in {"contained", "text", "meta"}:
                yield from _within(one, f"{where}.{name}")
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _within(one, f"{where}[{number}]")
