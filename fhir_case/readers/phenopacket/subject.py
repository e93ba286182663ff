"""The subject of a phenopacket as the patient of a case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_case.readers.phenopacket.packet import At
from fhir_case.readers.phenopacket.terms import located_concept
from fhir_case.readers.phenopacket.times import UNKNOWN, day_of, time_of

if TYPE_CHECKING:
    from fhir_case.readers.phenopacket.packet import Part

__all__ = ["patient_of"]

_SEX = {"MALE": "male", "FEMALE": "female", "OTHER_SEX": "other"}


def patient_of(subject: Part) -> At:
    """Return the patient; the vital status is only said where the packet says it."""
    birth = day_of(subject, "dateOfBirth")
    karyotype = subject.text("karyotypicSex")
    fields: dict[str, Any] = {
        "sex": _SEX.get(subject.text("sex"), "unknown"),
        "source": "subject",
        "identifiers": [one for one in (subject.text("id"), *subject.texts("alternateIds")) if one],
        "birth_date": birth,
        "last_encounter": time_of(subject.part("timeAtLastEncounter")),
        "karyotypic_sex": _karyotype(karyotype),
        "gender": located_concept(subject.part("gender")),
        "species": located_concept(subject.part("taxonomy")),
    }
    status = subject.part("vitalStatus")
    if status is not None:
        fields |= _vital_status(status)
    return At(subject.place, {name: value for name, value in fields.items() if value not in (None, "", [])})


def _karyotype(name: str) -> str:
    return {"OTHER_KARYOTYPE": "other karyotype", "UNKNOWN_KARYOTYPE": "unknown karyotype"}.get(name, name)


def _vital_status(status: Part) -> dict[str, Any]:
    said = status.text("status")
    death, cause = time_of(status.part("timeOfDeath")), located_concept(status.part("causeOfDeath"))
    days = status.number("survivalTimeInDays")
    found: dict[str, Any] = {}
    if said == "DECEASED" or death is not None or cause is not None:
        parts = {"at": death, "cause": cause}
        found["death"] = {name: value for name, value in parts.items() if value is not None}
    if said == "ALIVE":
        found["alive_at"] = UNKNOWN
    if said == "UNKNOWN_STATUS":
        found["note"] = "Vital status: unknown."
    if days:
        found["survival"] = f"{days} d"
    return found
