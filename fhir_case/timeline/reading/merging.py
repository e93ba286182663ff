"""
One event that several resources tell of: an adverse event with its condition and its grade, an image with its report.

The first resource of an event tells most of it; the others are named with it and are not drawn a second time.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fhir_case.fhir.wire import objects
from fhir_case.timeline.reading.observations import RESPONSE, values_in
from fhir_case.timeline.reading.others import is_imaging_report
from fhir_case.timeline.reading.record import key_of, name_of, references
from fhir_case.timeline.words import clean, has_code

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fhir_case.fhir.wire import Resource
    from fhir_case.timeline.event import Event
    from fhir_case.timeline.reading.record import Record

__all__ = ["companions", "grades_of", "merged_responses"]

_BASED_ON = "http://hl7.org/fhir/StructureDefinition/event-basedOn"  # what basedOn of a MedicationStatement is in R5


def companions(record: Record) -> dict[str, str]:
    """Return the resources that tell of an event of another resource, each as ``Type/id`` with that of the other."""
    found: dict[str, str] = {}
    for resource in record.resources:
        for other in _companions_of(resource, record):
            if other and other != key_of(resource):
                found.setdefault(other, key_of(resource))
    for resource in record.resources:
        for focus in references(resource, "focus"):
            condition = record.key(focus)
            if condition in found and found[condition].startswith("AdverseEvent/") and _is_grade(resource):
                found.setdefault(key_of(resource), found[condition])
    # What tells of one that itself is told by another belongs to that; in a circle nobody does.
    return {name: other for name, other in found.items() if other not in found}


def _companions_of(resource: Resource, record: Record) -> Iterator[str]:
    kind = resource.get("resourceType")
    if kind == "MedicationStatement":
        based_on = list(references(resource, "basedOn"))
        for extension in objects(resource.get("extension")):
            based_on += references(extension, "valueReference") if extension.get("url") == _BASED_ON else ()
        yield from (key for each in based_on if (key := record.key(each)).startswith("MedicationRequest/"))
    elif kind == "AdverseEvent":
        effects = references(resource, "resultingCondition", "resultingEffect")
        yield from (key for each in effects if (key := record.key(each)).startswith("Condition/"))
    elif kind == "DiagnosticReport" and is_imaging_report(resource):
        yield from map(record.key, references(resource, "imagingStudy", "study"))


def _is_grade(resource: Resource) -> bool:
    return resource.get("resourceType") == "Observation" and "grade" in name_of(resource).lower()


def grades_of(told: Iterable[Resource]) -> str:
    """Return the grade that Observations give to an adverse event; empty without one."""
    for resource in filter(_is_grade, told):
        for _, label, value in values_in(resource):
            return f"grade {label}" if value else label
    return ""


def merged_responses(events: Iterable[Event], record: Record) -> Iterator[Event]:
    """
    Yield events, of which a response in two vocabularies at one time is one.

    The disease status of mCODE has no partial or complete response, so that LOINC 88040-1 says the same once more.
    """
    rest: list[Event] = []
    responses: list[Event] = []
    for event in events:
        (responses if event.lane == "responses" and _is_response(event, record) else rest).append(event)
    for event in rest:
        at = event.start.at if event.start and event.lane == "responses" else None
        partner = next((n for n, one in enumerate(responses) if at is not None and at in _bounds(one)), None)
        if partner is None:
            yield event
            continue
        same = responses[partner]
        also = (event.label,) if event.label.lower() != same.label.lower() else ()
        details = tuple(dict.fromkeys((*same.details, *also, *event.details)))
        responses[partner] = replace(same, details=details, resources=(*same.resources, *event.resources))
    yield from responses


def _bounds(event: Event) -> tuple[float, ...]:
    return tuple(moment.at for moment in (event.start, event.end) if moment)


def _is_response(event: Event, record: Record) -> bool:
    return has_code(record.resolve(clean(event.resources[0])).get("code"), *RESPONSE)
