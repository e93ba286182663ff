"""Drugs and regimens as events: what was taken, given, prescribed or dispensed, with its dose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_case.fhir.wire import mapping, objects
from fhir_case.timeline.event import Event
from fhir_case.timeline.reading.record import key_of, name_of, references
from fhir_case.timeline.reading.remarks import remarks_of
from fhir_case.timeline.reading.times import Times, times_of
from fhir_case.timeline.words import clean, daily_dose, dosage_words, has_code, quantity_words

if TYPE_CHECKING:
    from fhir_case.fhir.wire import Resource
    from fhir_case.timeline.event import Dose
    from fhir_case.timeline.reading.record import Record

__all__ = ["MEDICATIONS", "is_regimen", "medication"]

MEDICATIONS = ("MedicationStatement", "MedicationAdministration", "MedicationRequest", "MedicationDispense")
_TAKEN = {"MedicationStatement", "MedicationUsage"}
_WORDS = {
    "MedicationAdministration": "given",
    "MedicationRequest": "prescribed",
    "MedicationDispense": "dispensed",
}
_GOING_ON = {"active", "in-progress", "on-hold", "taking"}
# Chemotherapy, and a course of systemic treatment, as SNOMED CT codes of mCODE and US Core name them.
_SYSTEMIC_TREATMENT = ("367336001", "416608005", "384692006", "76334006")


def is_regimen(procedure: Resource, parts: frozenset[str]) -> bool:
    """
    Whether a Procedure is a course of drugs, and so lasts like one.

    Args:
        parts: What MedicationStatements say that they are part of, as ``Type/id``.
    """
    concepts = [procedure.get("code"), procedure.get("category"), *objects(procedure.get("category"))]
    return key_of(procedure) in parts or any(has_code(each, *_SYSTEMIC_TREATMENT) for each in concepts)


def medication(resource: Resource, record: Record) -> Event:
    """Return what a resource says of a drug; a prescription is the moment at which it was written."""
    kind = clean(resource.get("resourceType"))
    dosages = objects(resource.get("dosage") or resource.get("dosageInstruction")) or [mapping(resource.get("dosage"))]
    words = "; ".join(filter(None, map(dosage_words, dosages)))
    times, lasts = _times(resource, record, dosages)
    status = clean(resource.get("status"))
    adherence = mapping(resource.get("adherence")).get("code")  # of R5
    going_on = status in _GOING_ON or has_code(adherence, "taking")
    label = words if kind in _TAKEN else " ".join(filter(None, (_WORDS.get(kind, ""), words, _quantity(resource))))
    if status in ("not-done", "not-taken"):
        label = f"{status.replace('-', ' ')} {label}".strip()
    part_of = [record.resolve(each) for each in references(resource, "partOf")]
    details = tuple(f"part of {name_of(each)}" for each in part_of if each)
    return Event(
        "medications",
        record.medication(resource),
        label,
        times.start,
        times.end,
        lasts=lasts,
        ongoing=lasts and times.end is None and going_on,
        dose=_dose(dosages),
        details=(*remarks_of(resource, times), *details),
        untimed=times.missing if not (times.start or times.end) else "",
        kind=kind,
    )


def _times(resource: Resource, record: Record, dosages: list[dict[str, Any]]) -> tuple[Times, bool]:
    """Return when a drug was taken, and whether that lasts: a prescription does where it says from when to when."""
    times = times_of(resource, record)
    kind = resource.get("resourceType")
    if kind == "MedicationRequest":
        bounds = (mapping(mapping(mapping(each.get("timing")).get("repeat")).get("boundsPeriod")) for each in dosages)
        holder: dict[str, Any] = {"occurrence": next(filter(None, bounds), None)}
        bounded = times_of(holder, record, "occurrence")
        return (bounded, True) if bounded.start or bounded.end else (times, False)
    if kind in _TAKEN:
        lasts = times.is_period or times.start is None or clean(resource.get("status")) in _GOING_ON
        return times, lasts
    return times, times.is_period and times.end is not None


def _dose(dosages: list[dict[str, Any]]) -> Dose | None:
    """Return the dose of a day; None where there are several dosages, which may follow one another."""
    return daily_dose(dosages[0]) if len(dosages) == 1 else None


def _quantity(resource: Resource) -> str:
    return quantity_words(resource.get("quantity")) if resource.get("resourceType") == "MedicationDispense" else ""
