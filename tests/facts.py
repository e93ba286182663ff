"""
Read the facts of a Bundle, each release of FHIR by itself.

Nothing here uses the table of the conversion to R5: what stands where is written here again, for each release.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from support import resources

if TYPE_CHECKING:
    from fhir_case.fhir.wire import Resource

__all__ = ["R4", "R5", "facts"]

Json = dict[str, Any]
Read = Callable[[Json], Any]
Reader = dict[str, Read]

_VOLUME = "mcode-radiotherapy-dose-delivered-to-volume"
_ASSERTED = "http://hl7.org/fhir/StructureDefinition/condition-assertedDate"


def facts(bundle: Resource, readers: dict[str, Reader]) -> set[tuple[str, str, Any]]:
    """Return (resource, name of the fact, value) for all facts of a Bundle."""
    found = set()
    for name, resource in resources(bundle).items():
        kind = resource["resourceType"]
        if kind == "DeviceAssociation":  # where R4 has the patient in the Device
            found.add((resource["device"]["reference"], "of", _fixed([resource["subject"]])))
            continue
        for fact, read in (_OF_ALL | readers[kind]).items():
            value = _fixed(read(resource))
            if value not in ((), None):
                found.add((name, fact, value))
    return found


def _fixed(value: Any) -> Any:
    """Return a value that can be a member of a set."""
    if isinstance(value, dict):
        return tuple(sorted((name, _fixed(part)) for name, part in value.items()))
    return tuple(_fixed(one) for one in value) if isinstance(value, list | tuple) else value


def _at(*names: str) -> Read:
    """Return the values at a path; through a list, those of each item."""

    def read(part: Any) -> Any:
        for number, name in enumerate(names):
            if isinstance(part, list):
                return [one for each in part for one in _at(*names[number:])(each)]
            part = part.get(name)
            if part is None:
                return []
        return part if isinstance(part, list) else [part]

    return read


def _same(*names: str) -> Reader:
    return {name: _at(name) for name in names}


def _extensions(sibling: Json | None) -> Any:
    """
    Return the extensions of a date: counted from which resource, how, and by how much; or why there is no date.

    The element that it is counted from has another name in R5.
    """
    found = []
    for one in (sibling or {}).get("extension", []):
        parts = [part for part in one.get("extension", []) if part["url"] != "targetPath"]
        found.append((one["url"], one.get("valueCode"), parts))
    return found


def _when(element: str) -> Read:
    """Return the days of an element that is a day or a period, each with its extensions."""

    def read(part: Json) -> Any:
        span = part.get(f"{element}Period", {})
        days = {"day": (part, f"{element}DateTime"), "start": (span, "start"), "end": (span, "end")}
        found = [(name, place.get(key), _extensions(place.get(f"_{key}"))) for name, (place, key) in days.items()]
        return [one for one in found if one[1:] != (None, [])]

    return read


def _day(element: str) -> Read:
    return lambda part: [part.get(element), _extensions(part.get(f"_{element}"))]


def _span(element: str) -> Read:
    """Return begin and end of a period, each with its extensions."""
    return lambda part: [(name, _day(name)(part[element])) for name in ("start", "end") if element in part]


def _modalities(part: Json) -> Any:
    """Return the codings of modalities, or their words, which R4 has as a Coding with a display only."""
    codings = [coding for one in part["modality"] for coding in one.get("coding", [one])]
    return [one if "code" in one else one.get("display") or one["text"] for one in codings]


def _result(part: Json) -> Any:
    return [value for name, value in part.items() if name.startswith("value")]


def _asserted(part: Json) -> Any:
    dates = [one for one in part.get("extension", []) if one["url"] == _ASSERTED]
    return [(one["valueDateTime"], _extensions(one.get("_valueDateTime"))) for one in dates]


def _volumes(read: Read) -> Read:
    """Return the volumes that a dose was delivered to."""

    def read_all(part: Json) -> Any:
        doses = [one for one in part.get("extension", []) if one["url"].endswith(_VOLUME)]
        return [
            read(inner["valueReference"]) for dose in doses for inner in dose["extension"] if inner["url"] == "volume"
        ]

    return read_all


def _by_identifier(reference: Json) -> str:
    """Return the reference that an identifier of ours stands for."""
    namespace = reference["identifier"]["system"].rpartition(":")[2]
    return f"{reference['type']}/{namespace}-{reference['identifier']['value']}"


def _modality(part: Json) -> Any:
    return [one for one in part.get("extension", []) if not one["url"].endswith(_VOLUME)]


def _taken_r4(part: Json) -> Any:
    """Return the word of R4 and what it means; R5 has no code for what was completed."""
    means = {"active": "taking", "completed": None, "stopped": "stopped", "unknown": "unknown"}
    return [(part["status"], means[part["status"]])]


def _taken_r5(part: Json) -> Any:
    code = part["adherence"]["code"]
    return [(code["text"], code["coding"][0]["code"] if "coding" in code else None)]


def _targets(part: Json) -> Any:
    return [one for one in part["target"] if not one["reference"].startswith("DeviceAssociation/")]


def _clinical_status(part: Json) -> Any:
    """Return the code of the status; where R4 has none, or says why it has none, R5 has a code for an unknown one."""
    status = part.get("clinicalStatus", {})
    return [one["code"] for one in status.get("coding", [])] or ["unknown"]


_OF_ALL = _same("text", "note", "subject", "status", "code") | {
    "namespace": _at("identifier", "system"),
    "key": _at("identifier", "value"),
    "use": _at("identifier", "use"),
}
_PATIENT = _same("name", "gender", "birthDate")
_OBSERVATION = _same(
    "category", "performer", "focus", "bodySite", "method", "interpretation", "hasMember", "derivedFrom", "partOf"
) | {
    "when": _when("effective"),
    "result": _result,
    "parts": _at("component", "code"),
    "sizes": _at("component", "valueQuantity"),
    "evidence": _at("extension", "valueCodeableConcept"),
}
_CONDITION = _same("verificationStatus", "category", "severity", "bodySite", "onsetAge", "onsetString") | {
    "status of the disease": _clinical_status,
    "onset": _when("onset"),
    "over": _when("abatement"),
    "stage": _at("stage", "assessment"),
    "primary": _at("extension", "valueReference"),
    "asserted": _asserted,
}
_PROCEDURE = _same("bodySite") | {"how": _modality}
_REGIMEN = {
    "dose": _at("dosage", "doseAndRate", "doseQuantity"),
    "often": _at("dosage", "timing"),
    "as": _at("dosage", "text"),
    "when": _when("effective"),
}
_PLAN = _same("intent", "statusReason", "extension", "supportingInformation", "priorPrescription") | {
    "dose": _at("dosageInstruction", "doseAndRate", "doseQuantity"),
    "often": _at("dosageInstruction", "timing", "repeat", "frequency"),
    "as": _at("dosageInstruction", "text"),
}
_GIVEN = {"dose": _at("dosage", "dose"), "as": _at("dosage", "text"), "part of": _at("partOf")}
_REPORT = _same("category", "performer", "result", "conclusion") | {"when": _when("effective")}
_STUDY = _same("description") | {"when": _day("started")}
_STAY = _same("type")
_SPECIMEN = _same("type") | {"when": lambda part: _when("collected")(part.get("collection", {}))}
_BODY = _same("description", "patient") | {"condition": _at("extension", "valueReference")}
_DEVICE = _same("manufacturer", "version") | {"what": _at("type")}
_DOCUMENT = _same("type", "description") | {
    "title": _at("content", "attachment", "title"),
    "place": _at("content", "attachment", "url"),
    "kind": _at("content", "attachment", "contentType"),
}
_MADE = _same("recorded", "activity") | {
    "target": _targets,
    "who": _at("agent", "who"),
    "as": _at("agent", "type"),
    "of": _at("entity", "what"),
    "role": _at("entity", "role"),
}

R4: dict[str, Reader] = {
    "Patient": _PATIENT,
    "Observation": _OBSERVATION,
    "Condition": _CONDITION | {"proof": _at("evidence", "code")},
    "Procedure": _PROCEDURE
    | {
        "when": _when("performed"),
        "why": _at("reasonReference"),
        "with": _at("usedReference"),
        "volumes": _volumes(lambda reference: reference["reference"]),
        "links": _volumes(lambda reference: reference["reference"]),
    },
    "MedicationStatement": _REGIMEN
    | {
        "what": _at("medicationCodeableConcept"),
        "why": _at("reasonReference"),
        "status": lambda _: ["recorded"],
        "taken": _taken_r4,
        "stopped for": _at("statusReason"),
        "planned": _at("basedOn"),
    },
    "MedicationRequest": _PLAN
    | {"what": _at("medicationCodeableConcept"), "why": _at("reasonReference"), "told": _at("reportedBoolean")},
    "MedicationAdministration": _GIVEN
    | {"what": _at("medicationCodeableConcept"), "when": _when("effective"), "why": _at("reasonReference")},
    "AdverseEvent": _same("actuality")
    | {
        "what": _at("event"),
        "when": _day("date"),
        "effect": _at("resultingCondition"),
        "outcome": _at("outcome"),
        "suspects": _at("suspectEntity", "instance"),
        "done": _at("extension", "extension", "valueCodeableConcept"),
        "led to": _at("extension", "extension", "valueReference"),
        "severity": _at("severity"),
        "status": lambda _: ["unknown"],
    },
    "DiagnosticReport": _REPORT | {"of": _at("imagingStudy")},
    "Encounter": _STAY
    | {
        "class": _at("class"),
        "when": _span("period"),
        "why": _at("reasonReference"),
        "status": lambda part: [{"finished": "completed"}.get(part["status"], part["status"])],
    },
    "Specimen": _SPECIMEN | {"where": _at("collection", "bodySite")},
    "ImagingStudy": _STUDY | {"by": _modalities, "what": _at("procedureCode")},
    "BodyStructure": _BODY | {"where": _at("location")},
    "Device": _DEVICE | {"name": _at("deviceName", "name"), "kind": _at("deviceName", "type"), "of": _at("patient")},
    "DocumentReference": _DOCUMENT,
    "Provenance": _MADE,
}

R5: dict[str, Reader] = {
    "Patient": _PATIENT,
    "Observation": _OBSERVATION,
    "Condition": _CONDITION | {"proof": _at("evidence", "concept")},
    "Procedure": _PROCEDURE
    | {
        "when": _when("occurrence"),
        "why": _at("reason", "reference"),
        "with": _at("used", "reference"),
        "volumes": _volumes(_by_identifier),
        "links": _at("supportingInfo", "reference"),
    },
    "MedicationStatement": _REGIMEN
    | {
        "what": _at("medication", "concept"),
        "why": _at("reason", "reference"),
        "taken": _taken_r5,
        "stopped for": _at("adherence", "reason"),
        "planned": _at("extension", "valueReference"),
    },
    "MedicationRequest": _PLAN
    | {"what": _at("medication", "concept"), "why": _at("reason", "reference"), "told": _at("reported")},
    "MedicationAdministration": _GIVEN
    | {"what": _at("medication", "concept"), "when": _when("occurence"), "why": _at("reason", "reference")},
    "AdverseEvent": _same("actuality")
    | {
        "code": lambda _: [],
        "what": _at("code"),
        "when": _day("occurrenceDateTime"),
        "effect": _at("resultingEffect"),
        "outcome": _at("outcome"),
        "suspects": _at("suspectEntity", "instanceReference"),
        "done": _at("mitigatingAction", "itemCodeableConcept"),
        "led to": _at("mitigatingAction", "itemReference"),
        "severity": _at("extension", "valueCodeableConcept"),
    },
    "DiagnosticReport": _REPORT | {"of": _at("study")},
    "Encounter": _STAY
    | {"class": _at("class", "coding"), "when": _span("actualPeriod"), "why": _at("reason", "value", "reference")},
    "Specimen": _SPECIMEN | {"where": _at("collection", "bodySite", "concept")},
    "ImagingStudy": _STUDY | {"by": _modalities, "what": _at("procedure", "concept")},
    "BodyStructure": _BODY | {"where": _at("includedStructure", "structure")},
    "Device": _DEVICE | {"name": _at("name", "value"), "kind": _at("name", "type")},
    "DocumentReference": _DOCUMENT,
    "Provenance": _MADE,
}
