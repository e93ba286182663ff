"""Whose course it is: the patient of a Bundle, and the resources about that patient."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from fhir_case.errors import BundleError
from fhir_case.fhir.wire import objects
from fhir_case.timeline.reading.record import Record, indexed, key_of, references
from fhir_case.timeline.words import clean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fhir_case.fhir.wire import Resource

__all__ = ["patient_words", "record_of"]

_SUBJECT = ("subject", "patient", "beneficiary", "for", "individual")
_NAMED = 5


def record_of(entries: Iterable[tuple[str, Resource]], patient: str = "") -> tuple[Record, str, int]:
    """
    Return the resources about one patient, that patient as ``Type/id``, and how many resources are about others.

    Args:
        entries: The resources, each with its full URL or an empty text.
        patient: The id of the patient, also as ``Patient/id``; empty: the only one.

    Raises:
        BundleError: There is no such patient, or there are several and none is named.
    """
    found = list(entries)
    everything = Record({}, tuple(resource for _, resource in found), indexed(found))
    subjects = Counter(_subject(resource, everything) for resource in everything.resources)
    patients = [key_of(each) for each in everything.resources if each.get("resourceType") == "Patient"]
    known = list(dict.fromkeys([*patients, *sorted(filter(None, subjects))]))
    subject = _chosen(known, patient)
    mine = [one for one in everything.resources if _subject(one, everything) in ("", subject)]
    others = len(everything.resources) - len(mine)
    person = everything.index.get(subject, {})
    rest = tuple(one for one in mine if one.get("resourceType") != "Patient")
    return Record(person, rest, everything.index), subject, others


def _subject(resource: Resource, record: Record) -> str:
    """Return the patient that a resource is about as ``Type/id``; empty where it is about none."""
    if resource.get("resourceType") == "Patient":
        return key_of(resource)
    for reference in references(resource, *_SUBJECT):
        found = record.key(reference) or "/".join(reference.split("/")[-2:])
        if found.startswith("Patient/") or reference.startswith("urn:"):
            return found
    return ""


def _chosen(known: list[str], patient: str) -> str:
    wanted = f"Patient/{patient.removeprefix('Patient/')}" if patient else ""
    names = ", ".join(each.removeprefix("Patient/") for each in known[:_NAMED])
    more = f" and {len(known) - _NAMED:,} more" if len(known) > _NAMED else ""
    if wanted and wanted not in known:
        hint = f"there are {names}{more}" if known else "the input has no resource about a patient"
        raise BundleError(f"there is no {clean(wanted)}", hint=hint)
    if not wanted and len(known) > 1:
        raise BundleError(f"these are {len(known):,} patients: {names}{more}", hint="choose one by --patient ID")
    return wanted or (known[0] if known else "")


def patient_words(patient: Resource) -> str:
    """Return what is said of a patient in a few words: name, gender, date of birth."""
    names = objects(patient.get("name"))
    name = next((words for each in names if (words := _name(each))), "")
    born = clean(patient.get("birthDate"))
    return ", ".join(filter(None, (name, clean(patient.get("gender")), f"born {born}" if born else "")))


def _name(name: Resource) -> str:
    given = name.get("given")
    parts = [*(given if isinstance(given, list) else []), name.get("family")]
    return clean(name.get("text")) or " ".join(filter(None, map(clean, parts)))
