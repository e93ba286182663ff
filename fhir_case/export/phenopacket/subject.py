"""The Patient and what is observed of the patient as the subject of a phenopacket."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from fhir_case.export.phenopacket.source import texts_of
from fhir_case.export.phenopacket.terms import life_value, ontology_class, time_element, timestamp
from fhir_case.fhir.systems import GENDER_IDENTITY
from fhir_case.fhir.wire import mapping, objects

if TYPE_CHECKING:
    from fhir_case.export.phenopacket.source import Source, Taken

__all__ = ["subject_of"]

Json = dict[str, Any]
_SEX = {"male": "MALE", "female": "FEMALE", "other": "OTHER_SEX", "unknown": "UNKNOWN_SEX"}
_KARYOTYPES = {"other karyotype": "OTHER_KARYOTYPE", "unknown karyotype": "UNKNOWN_KARYOTYPE"}
_CAUSE_OF_DEATH, _VITAL_STATUS = "79378-6", "31210-8"  # LOINC
_AT_DEATH = frozenset({"Age at death", "Gestational age at death"})
_ABOUT_SUBJECT = _AT_DEATH | {
    "Age at the last encounter", "Gestational age at the last encounter", "Last encounter", "Age at presentation",
}  # fmt: skip


def subject_of(source: Source, patient: Taken) -> Json:
    """Return the subject, with the Observations that say more of the patient."""
    names = [one for one in objects(patient.resource.get("identifier")) if "system" not in one]
    identifiers = [str(one["value"]) for one in names if "value" in one]
    found: Json = {
        "id": identifiers[0] if identifiers else str(patient.resource.get("id", "patient")),
        "alternateIds": identifiers[1:],
        "dateOfBirth": _birth(patient),
        "sex": _SEX.get(str(patient.get("gender")), ""),
        "gender": _gender(patient),
    }
    if not (patient.get("name") or [{}])[0].keys() - {"extension"}:
        patient.get("name")
    status = _vital_status(patient)
    for one in source.of_type("Observation"):
        _observed(one, found, status)
    if status:
        found["vitalStatus"] = status
    patient.finish()
    return {name: value for name, value in found.items() if value not in (None, "", [], {})}


def _birth(patient: Taken) -> str | None:
    """Return a birth date; of a month or a year its first day, as the schema has it."""
    day = patient.get("birthDate")
    try:
        return timestamp(f"{day}{'-01-01'[len(str(day)) - 4 :]}") if day else None
    except ValueError:
        patient.leave("birthDate", f"'{str(day)[:60]}' is no day")
        return None


def _gender(patient: Taken) -> Json | None:
    extensions = patient.all_of("extension")
    for one in extensions:
        if one.get("url") != GENDER_IDENTITY:
            patient.leave("extension", f"a phenopacket has no place for {one.get('url')}")
    return next(
        (ontology_class(one.get("valueCodeableConcept")) for one in extensions if one.get("url") == GENDER_IDENTITY),
        None,
    )


def _vital_status(patient: Taken) -> Json:
    if "deceasedDateTime" in patient.resource:
        return {"status": "DECEASED", "timeOfDeath": time_element(patient, "deceased")}
    dead = patient.get("deceasedBoolean")
    if isinstance(dead, bool):
        return {"status": "DECEASED" if dead else "ALIVE"}
    if dead is not None:
        patient.leave("deceasedBoolean", "it is neither true nor false")
    return {}


def _observed(one: Taken, found: Json, status: Json) -> None:
    """Fill in what an Observation says of the patient, and count it as done."""
    words = texts_of(one.resource.get("code"))
    codes = {str(each.get("code")) for each in objects(mapping(one.resource.get("code")).get("coding"))}
    if words in _ABOUT_SUBJECT:
        _timed(one, words, found, status)
    elif words == "Karyotypic sex":
        said = texts_of(_value(one).get("valueCodeableConcept"))
        found["karyotypicSex"] = _KARYOTYPES.get(said, said)
    elif words == "Species":
        found["taxonomy"] = ontology_class(_value(one).get("valueCodeableConcept"))
    elif words == "Survival after the primary diagnosis":
        status["survivalTimeInDays"] = int(mapping(_value(one).get("valueQuantity")).get("value", 0))
    elif _CAUSE_OF_DEATH in codes:
        status["causeOfDeath"] = ontology_class(_value(one).get("valueCodeableConcept"))
        one.get("focus", "effectiveDateTime", "_effectiveDateTime", "effectivePeriod")
    elif _VITAL_STATUS in codes:
        if re.search("alive", texts_of(_value(one).get("valueCodeableConcept")), re.IGNORECASE):
            status.setdefault("status", "ALIVE")
    else:
        return
    one.get("code")
    one.finish()


def _timed(one: Taken, words: str, found: Json, status: Json) -> None:
    time = life_value({"code": one.get("code"), **_value(one)})
    target, name = (status, "timeOfDeath") if words in _AT_DEATH else (found, "timeAtLastEncounter")
    if time is None or name in target:
        one.leave("value", "a phenopacket has one such time, with a form of its own")
    target.setdefault(name, time)
    if "effectiveDateTime" in one.resource:
        one.leave("effectiveDateTime", "a phenopacket has the age alone")
        one.get("effectiveDateTime", "_effectiveDateTime")
    if words == "Age at presentation":
        one.leave("code", "a phenopacket has one age of the subject, that at the last encounter")


def _value(one: Taken) -> Json:
    names = [name for name in one.resource if name.startswith("value")]
    one.get(*names)
    return {name: one.resource[name] for name in names}
