"""Procedures, adverse events, conditions, encounters, images and all else that has a time, as events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.fhir.wire import mapping, objects
from fhir_case.timeline.event import Event
from fhir_case.timeline.reading.medications import is_regimen
from fhir_case.timeline.reading.record import name_of, references
from fhir_case.timeline.reading.remarks import remarks_of
from fhir_case.timeline.reading.times import Times, times_of
from fhir_case.timeline.words import clean, concept_words, has_code

if TYPE_CHECKING:
    from fhir_case.fhir.wire import Resource
    from fhir_case.timeline.event import Lane
    from fhir_case.timeline.reading.record import Record

__all__ = ["adverse_event", "condition", "encounter", "imaging", "is_imaging_report", "other", "procedure"]

_IMAGING = ("LP29684-5", "RAD", "imaging", "CT", "MR", "US", "NM", "XR", "RUS", "CUS", "NMR", "NMS", "OUS", "VUS")
_GOING_ON = {"active", "in-progress", "recurrence", "relapse", "on-hold", "arrived", "onleave"}
# What makes a procedure surgery or radiotherapy: SNOMED CT codes that mCODE and US Core use as category and code.
_KINDS = {
    "387713003": "surgery",
    "1217123003": "radiotherapy",
    "1287742003": "radiotherapy",
    "108290001": "radiotherapy",
}
_ICD_10 = ("http://hl7.org/fhir/sid/icd-10", "http://hl7.org/fhir/sid/icd-10-cm")
_PRIMARY_CANCER = "mcode-primary-cancer-condition"
_PROBLEM = {"refuted", "unconfirmed", "provisional", "differential"}


def _event(
    lane: Lane,
    resource: Resource,
    times: Times,
    *,
    name: str = "",
    label: str = "",
    lasts: bool = False,
    kind: str = "",
) -> Event:
    status = clean(resource.get("status")) or concept_words(mapping(resource.get("clinicalStatus"))).lower()
    return Event(
        lane,
        name or name_of(resource),
        label,
        times.start,
        times.end,
        lasts=lasts,
        ongoing=lasts and times.end is None and status in _GOING_ON,
        details=remarks_of(resource, times),
        untimed=times.missing if not (times.start or times.end) else "",
        kind=kind,
    )


def procedure(resource: Resource, record: Record, parts: frozenset[str]) -> Event:
    """Return a procedure; a course of drugs is a regimen, which lasts."""
    times = times_of(resource, record)
    status = clean(resource.get("status"))
    label = status.replace("-", " ") if status in ("not-done", "preparation", "in-progress", "stopped") else ""
    if is_regimen(resource, parts):
        return _event("medications", resource, times, label="regimen", lasts=True, kind="regimen")
    lasts = times.is_period and (times.end is not None or status == "in-progress")
    concepts = (resource.get("code"), resource.get("category"), *objects(resource.get("category")))
    kind = next((kind for code, kind in _KINDS.items() if any(has_code(each, code) for each in concepts)), "")
    return _event("procedures", resource, times, label=label, lasts=lasts, kind=kind)


def adverse_event(resource: Resource, record: Record) -> Event:
    """Return an adverse event; its severity is its label, until an Observation gives its grade."""
    times = times_of(resource, record)
    name = name_of(resource)
    severity = concept_words(resource.get("severity"))
    return _event(
        "adverse-events", resource, times, name=name, label="" if severity.lower() in name.lower() else severity
    )


def condition(resource: Resource, record: Record) -> Event:
    """Return a condition from its onset, or where that is not said its diagnosis, to its abatement."""
    times = times_of(resource, record)
    over = times_of(resource, record, "abatement")
    times = Times(times.start, times.end or over.end or over.start, times.is_period, times.missing, times.recorded)
    doubt = concept_words(resource.get("verificationStatus")).lower()
    lasts = times.start is not None or times.end is not None
    kind = "cancer" if _is_cancer(resource) else ""
    return _event("conditions", resource, times, label=doubt if doubt in _PROBLEM else "", lasts=lasts, kind=kind)


def _is_cancer(resource: Resource) -> bool:
    """Whether a condition is a primary cancer: as it claims, or by its code of ICD-10."""
    profiles = mapping(resource.get("meta")).get("profile")
    claimed = [each for each in profiles if isinstance(each, str)] if isinstance(profiles, list) else []
    codings = objects(mapping(resource.get("code")).get("coding"))
    coded = (clean(each.get("code")) for each in codings if each.get("system") in _ICD_10)
    return any(each.endswith(_PRIMARY_CANCER) for each in claimed) or any(
        code.startswith("C") and not code.startswith(("C77", "C78", "C79")) for code in coded
    )


def encounter(resource: Resource, record: Record) -> Event:
    """Return a contact with a hospital or practice."""
    times = times_of(resource, record)
    kinds = resource.get("class")
    kind = next(filter(None, map(concept_words, kinds if isinstance(kinds, list) else [kinds])), "")
    name = name_of(resource)
    lasts = times.is_period and (times.end is not None or clean(resource.get("status")) in _GOING_ON)
    return _event("encounters", resource, times, name=name, label=kind if kind != name else "", lasts=lasts)


def is_imaging_report(report: Resource) -> bool:
    """Whether a DiagnosticReport is about images: it has a study of them, or its category says so."""
    has_study = any(references(report, "imagingStudy", "study"))
    return has_study or any(has_code(each, *_IMAGING) for each in objects(report.get("category")))


def imaging(resource: Resource, record: Record) -> Event:
    """Return an imaging study, or the report of one."""
    times = times_of(resource, record)
    modalities = resource.get("modality")
    kind = next(map(concept_words, modalities), "") if isinstance(modalities, list) else ""
    name = name_of(resource)
    codes = [*objects(resource.get("procedureCode")), *objects(resource.get("procedure"))]
    if name == resource.get("resourceType"):
        name = next(filter(None, map(concept_words, codes)), "") or kind or name
    return _event("imaging", resource, times, name=name)


def other(resource: Resource, record: Record) -> Event:
    """Return any resource, named by its type where its own name does not tell it."""
    times = times_of(resource, record)
    kind = clean(resource.get("resourceType"))
    name = name_of(resource)
    return _event("other", resource, times, name=name if name == kind else f"{kind}: {name}", lasts=_lasts(times))


def _lasts(times: Times) -> bool:
    return times.is_period and times.end is not None
