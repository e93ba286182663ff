"""What the rules about time know of an event: its dates, its patient, its codes, and whether it took place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.fhir.wire import mapping, objects

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from fhir_case.validation.located import Located
    from fhir_case.validation.subject import Subject

__all__ = ["DATES", "TREATMENTS", "coded", "codes_of", "happened", "patient_of"]

DATES = {
    "AdverseEvent": ("date", "occurrence"),
    "Condition": ("onset",),
    "DiagnosticReport": ("effective",),
    "Encounter": ("period", "actualPeriod"),
    "Immunization": ("occurrence",),
    "MedicationAdministration": ("effective", "occurence"),
    "MedicationStatement": ("effective",),
    "Observation": ("effective",),
    "Procedure": ("performed", "occurrence"),
}
"""The elements, or stems of choices, that date the resources about what happens to a patient."""

TREATMENTS = ("Procedure", "MedicationStatement", "MedicationAdministration")
"""The resources that can be a treatment."""

_NOT_DONE = frozenset({"entered-in-error", "not-done", "not-taken", "cancelled", "intended", "preparation"})


def coded(subject: Subject, system: str, codes: Container[str]) -> Iterator[Located]:
    """Return the Observations in which one of these codes is found anywhere."""
    found = {located for located, node in subject.by_system.get(system, ()) if str(node.get("code")) in codes}
    return (located for located in subject.by_type.get("Observation", ()) if located in found)


def happened(located: Located) -> bool:
    """Whether the status of a resource does not exclude that it took place."""
    status = located.resource.get("status")
    return not (isinstance(status, str) and status in _NOT_DONE)


def patient_of(subject: Subject, located: Located) -> Located | None:
    """Return the Patient that a resource is about; None when it is not in the Bundle."""
    found = subject.target_of(located.resource.get("subject") or located.resource.get("patient"), located)
    return found if found is not None and found.type == "Patient" else None


def codes_of(concept: object) -> set[tuple[str, str]]:
    """Return system and code of each coding of a CodeableConcept."""
    codings = objects(mapping(concept).get("coding"))
    return {(str(one.get("system")), str(one["code"])) for one in codings if "code" in one}
