"""Read the course of a patient from FHIR resources of anyone, in R4 or R5."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from fhir_case.fhir.wire import mapping, objects
from fhir_case.timeline.event import LANES, Event, Timeline
from fhir_case.timeline.reading.anchors import anchor_of
from fhir_case.timeline.reading.medications import MEDICATIONS, medication
from fhir_case.timeline.reading.merging import companions, grades_of, merged_responses
from fhir_case.timeline.reading.observations import observations
from fhir_case.timeline.reading.others import (
    adverse_event,
    condition,
    encounter,
    imaging,
    is_imaging_report,
    other,
    procedure,
)
from fhir_case.timeline.reading.patients import patient_words, record_of
from fhir_case.timeline.reading.record import key_of, references
from fhir_case.timeline.reading.times import times_of
from fhir_case.timeline.words import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from fhir_case.fhir.wire import Resource
    from fhir_case.timeline.reading.record import Record

__all__ = ["entries_of", "read_timeline"]

# What has no place in a course: who and what takes part, papers, bills, definitions.
_NO_EVENTS = frozenset({
    "Account", "Basic", "Binary", "BodyStructure", "Bundle", "CapabilityStatement", "CareTeam", "Claim",
    "ClaimResponse", "CodeSystem", "Composition", "Consent", "Coverage", "Device", "DeviceAssociation",
    "DocumentReference",
    "ExplanationOfBenefit", "Group", "HealthcareService", "List", "Location", "Medication", "OperationOutcome",
    "Organization", "Parameters", "Patient", "Practitioner", "PractitionerRole", "Provenance", "RelatedPerson",
    "ResearchSubject", "StructureDefinition", "Substance", "ValueSet",
})  # fmt: skip
_DEEPEST = 20
_NOT_REAL = ("entered-in-error",)


def entries_of(content: Resource, depth: int = 0) -> Iterator[tuple[str, Resource]]:
    """Yield the resources of a document with their full URLs: those of a Bundle, also of Bundles inside, or itself."""
    if content.get("resourceType") != "Bundle":
        yield "", content
        return
    for entry in objects(content.get("entry")):
        resource = mapping(entry.get("resource"))
        if resource.get("resourceType") == "Bundle" and depth < _DEEPEST:
            yield from entries_of(resource, depth + 1)
        elif resource:
            full_url = entry.get("fullUrl")
            yield full_url if isinstance(full_url, str) else "", resource


def read_timeline(entries: Iterable[tuple[str, Resource]], patient: str = "") -> Timeline:
    """
    Return the course of a patient.

    Every resource is an event, is named with the event that it also tells of, or is counted with the reason why not.

    Args:
        entries: Resources with their full URLs, as `entries_of` yields them.
        patient: The id of the patient; empty: the only one.

    Raises:
        BundleError: There is no such patient, or there are several and none is named.
    """
    record, subject, foreign = record_of(entries, patient)
    events, left_out = _events(record)
    if foreign:
        left_out["about another patient"]["resource"] = foreign
    timed = [event for event in events if event.start or event.end]
    anchor, anchor_name = anchor_of(record)
    return Timeline(
        clean(subject),
        patient_words(record.patient),
        tuple(sorted(timed, key=_order)),
        tuple(sorted((event for event in events if not (event.start or event.end)), key=_order)),
        anchor,
        anchor_name,
        {reason: dict(sorted(counts.items())) for reason, counts in left_out.items()},
    )


def _order(event: Event) -> tuple[float, int, str, str, tuple[str, ...]]:
    moment = event.start or event.end
    return moment.at if moment else 0.0, list(LANES).index(event.lane), event.name, event.label, event.resources


def _events(record: Record) -> tuple[list[Event], dict[str, Counter[str]]]:
    told = companions(record)
    telling: dict[str, list[Resource]] = defaultdict(list)
    for name, primary in told.items():
        telling[primary].append(record.index[name])
    parts = frozenset(
        record.key(each)
        for resource in record.resources
        if resource.get("resourceType") == "MedicationStatement"
        for each in references(resource, "partOf")
    )
    events: list[Event] = list(_death(record))
    left_out: dict[str, Counter[str]] = defaultdict(Counter)
    for resource in record.resources:
        kind = clean(resource.get("resourceType")) or "a resource without a type"
        if kind in _NO_EVENTS:
            left_out["no event of a course"][kind] += 1
        elif resource.get("status") in _NOT_REAL or _is_error(resource):
            left_out["entered in error"][kind] += 1
        elif key_of(resource) not in told:
            companion = telling.get(key_of(resource), [])
            events += [_with_companions(event, resource, companion) for event in _of(resource, record, parts)]
    return list(merged_responses(events, record)), left_out


def _is_error(resource: Resource) -> bool:
    codings = objects(mapping(resource.get("verificationStatus")).get("coding"))
    return any(each.get("code") in _NOT_REAL for each in codings)


def _of(resource: Resource, record: Record, parts: frozenset[str]) -> Iterable[Event]:
    kind = resource.get("resourceType")
    if kind == "Observation":
        return observations(resource, record)
    if kind == "Procedure":
        return [procedure(resource, record, parts)]
    if kind == "DiagnosticReport":
        return [(imaging if is_imaging_report(resource) else other)(resource, record)]
    if kind in MEDICATIONS:
        return [medication(resource, record)]
    readers = {"AdverseEvent": adverse_event, "Condition": condition, "Encounter": encounter, "ImagingStudy": imaging}
    return [readers.get(str(kind), other)(resource, record)]


def _with_companions(event: Event, resource: Resource, told: list[Resource]) -> Event:
    grade = grades_of(told) if event.lane == "adverse-events" else ""
    names = (key_of(resource), *map(key_of, told))
    if grade and grade.lower() not in event.name.lower():
        return replace(event, label=", ".join(filter(None, (grade, event.label))), resources=names)
    return replace(event, resources=names)


def _death(record: Record) -> Iterator[Event]:
    """Yield the death of the patient, where it is said."""
    patient: Mapping[str, object] = record.patient
    if "deceasedDateTime" in patient or "_deceasedDateTime" in patient or patient.get("deceasedBoolean") is True:
        times = times_of(record.patient, record, "deceased")
        missing = "" if times.start else times.missing
        yield Event(
            "responses", "Death", start=times.start, resources=(key_of(record.patient),), untimed=missing, kind="death"
        )
