"""
Turn those elements of R4 into R5 that no mere move turns: the functions that ``elements.toml`` names.

Each takes the elements of R4 that the table gives it, by their names, and gives the elements of R5. It raises
ValueError with the reason where R5 cannot say what they say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_case.fhir.datatypes import absent, code_of, coding
from fhir_case.fhir.systems import (
    ALLERGY_TYPE,
    CONDITION_CLINICAL,
    DOCUMENT_RELATIONSHIP,
    MEDICATION_ADHERENCE,
    PROVENANCE_PARTICIPANT,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CHANGES"]

Json = dict[str, Any]


# By the definitions of the codes. R5 has none for what was completed: "stopped" would say that it ended early, and "not
# taking" that it was not taken in its period. It has none either for what is only intended. Both stay in words.
_TAKEN = {
    "active": coding(MEDICATION_ADHERENCE, "taking", "Taking"),
    "completed": None,
    "stopped": coding(MEDICATION_ADHERENCE, "stopped", "Stopped"),
    "on-hold": coding(MEDICATION_ADHERENCE, "on-hold", "On Hold"),
    "not-taken": coding(MEDICATION_ADHERENCE, "not-taking", "Not Taking"),
    "unknown": coding(MEDICATION_ADHERENCE, "unknown", "Unknown"),
    "intended": None,
}


def _allergy_type(source: Json) -> Json:
    return {"type": {"coding": [coding(ALLERGY_TYPE, source["type"], source["type"].capitalize())]}}


def _attachment_size(source: Json) -> Json:
    return {"size": str(source["size"])}  # an integer64 is a string in JSON


def _clinical_status(source: Json) -> Json:
    """Return the status; one that is unknown has a code in R5, where R4 has an extension only."""
    status = source["clinicalStatus"]
    if "coding" in status or status.get("extension") != absent():
        return source
    rest = {name: value for name, value in status.items() if name != "extension"}
    return {"clinicalStatus": {"coding": [coding(CONDITION_CLINICAL, "unknown", "Unknown")], **rest}}


def _condition_participants(source: Json) -> Json:
    functions = {"recorder": ("enterer", "Enterer"), "asserter": ("informant", "Informant")}
    return {
        "participant": [
            {"function": code_of(PROVENANCE_PARTICIPANT, *functions[name]), "actor": actor}
            for name, actor in source.items()
        ]
    }


def _device_properties(source: Json) -> Json:
    """Return one property a value, since R5 has one value each."""
    properties: list[Json] = []
    for each in source["property"]:
        rest = {name: value for name, value in each.items() if name not in {"valueQuantity", "valueCode"}}
        values = [{"valueQuantity": one} for one in each.get("valueQuantity", ())]
        values += [{"valueCodeableConcept": one} for one in each.get("valueCode", ())]
        properties += [rest | value for value in values or [{"valueCodeableConcept": {"extension": absent()}}]]
    return {"property": properties}


def _device_status(source: Json) -> Json:
    """Return the status; an unknown one has no code in R5, and says so as any element can."""
    return {"_status": {"extension": absent()}} if source["status"] == "unknown" else source


def _document_attester(source: Json) -> Json:
    """Return the attester; whether personally, legally or else is not known."""
    return {"attester": [{"mode": {"extension": absent()}, "party": source["authenticator"]}]}


def _document_relation(source: Json) -> Json:
    return {"code": {"coding": [coding(DOCUMENT_RELATIONSHIP, source["code"])]}}


def _immunization_doses(source: Json) -> Json:
    """Return the numbers of doses, which R5 writes as text."""
    return {name.removesuffix("PositiveInt").removesuffix("String"): str(value) for name, value in source.items()}


def _included_structure(source: Json) -> Json:
    structure = {"structure": source.get("location", {"extension": absent()})}
    if "locationQualifier" in source:
        structure["qualifier"] = source["locationQualifier"]
    return {"includedStructure": [structure]}


def _medication_adherence(source: Json) -> Json:
    """
    Return the status of the record, and whether the drug is taken, which R4 says in one code.

    The word of R4 stays as the text, since R5 has no code for what was completed.

    Source: https://hl7.org/fhir/R5/medicationstatement-definitions.html#MedicationStatement.adherence
    """
    status, reasons = source["status"], source.get("statusReason", [])
    if len(reasons) > 1:
        raise ValueError("R5 has room for one reason only")
    reason = {"reason": reasons[0]} if reasons else {}
    if status == "entered-in-error":
        code = {"coding": [_TAKEN["unknown"]]}
        return {"status": status, **({"adherence": {"code": code, **reason}} if reason else {})}
    if status not in _TAKEN:
        raise ValueError(f"'{status}' is not a status of R4")
    taken = _TAKEN[status]
    code = {**({"coding": [dict(taken)]} if taken else {}), "text": status}
    return {"status": "recorded", "adherence": {"code": code, **reason}}


def _study_modalities(source: Json) -> Json:
    """Return each modality as a concept; a Coding that only has a display is words, which R5 has a place for."""
    words = frozenset({"display"})
    return {
        "modality": [
            {"text": one["display"]} if words == one.keys() else {"coding": [one]} for one in source["modality"]
        ]
    }


CHANGES: dict[str, Callable[[Json], Json]] = {
    "allergy_type": _allergy_type,
    "attachment_size": _attachment_size,
    "clinical_status": _clinical_status,
    "condition_participants": _condition_participants,
    "device_properties": _device_properties,
    "device_status": _device_status,
    "document_attester": _document_attester,
    "document_relation": _document_relation,
    "immunization_doses": _immunization_doses,
    "included_structure": _included_structure,
    "medication_adherence": _medication_adherence,
    "study_modalities": _study_modalities,
}
"""The functions by the names that the table calls them."""
