"""
Say of what an entry became in which encounter it was and who did it.

Any event can name its encounter and its performer. Where FHIR has them differs between the types of resources, and most
mappings have nothing else to do with it, so it is done here, for all.

Source: the elements ``encounter``, ``context`` and ``performer`` of the pages of https://hl7.org/fhir/R4/resourcelist.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_case.case import Event
from fhir_case.case.forms import KEY
from fhir_case.errors import CaseError
from fhir_case.fhir.datatypes import reference
from fhir_case.fhir.systems import MCODE
from fhir_case.mapping.dating import reference_to

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

    from fhir_case.case import Case, KeyedEntry
    from fhir_case.fhir.wire import Resource

__all__ = ["add_circumstances"]

_ENCOUNTER = dict.fromkeys(
    (
        "AdverseEvent", "AllergyIntolerance", "CarePlan", "ClinicalImpression", "Communication", "Condition",
        "DiagnosticReport", "ImagingStudy", "Immunization", "MedicationRequest", "NutritionOrder", "Observation",
        "Procedure", "QuestionnaireResponse", "RiskAssessment", "ServiceRequest",
    ),
    "encounter",
) | {"MedicationAdministration": "context", "MedicationStatement": "context"}  # fmt: skip

_REFERENCES = frozenset({"DiagnosticReport", "Observation"})
_IN_WORDS = frozenset({"ImagingStudy"})
_ACTORS = frozenset({"Immunization", "MedicationAdministration", "Procedure"})
# A Medication is administered by people, and mCODE has its disease status from a practitioner.
_PEOPLE_ONLY = frozenset({"MedicationAdministration"})
_NO_ORGANIZATION = frozenset({f"{MCODE}mcode-cancer-disease-status"})


def add_circumstances(case: Case, resources: list[Resource]) -> None:
    """
    Add the encounter and the performer of the events of a case to the resources that they became.

    Further resources of an entry, whose key begins with that of the entry, have them too where FHIR has a place for it.

    Raises:
        CaseError: What an entry becomes has no place for them; all such entries of the case.
    """
    told = {event.key: event for event in case.entries_of(Event) if event.encounter or event.performer}
    if not told:
        return
    problems = [problem for event in told.values() for problem in _problems(case, event)]
    if problems:
        first = problems[0]
        raise CaseError(first.message, where=first.where, hint=first.hint, problems=tuple(problems))
    entries = {entry.key: entry for _, entry in case.entries()}
    reported = {one["id"] for one in resources if one["resourceType"] == "DiagnosticReport"}
    for one in resources:
        key, kind = _entry_of(one["id"], entries), one["resourceType"]
        event = told.get(key)
        if event is None or kind == "Encounter":
            continue
        if event.encounter and kind in _ENCOUNTER:
            one.setdefault(_ENCOUNTER[kind], reference("Encounter", event.encounter))
        if event.performer:
            _add_performer(one, _performer(case, event.performer, entries), in_words=key not in reported)


def _entry_of(key: str, keys: Container[str]) -> str:
    """Return the key of the entry that a resource was made of: its own, or the longest that it begins with."""
    while key and key not in keys:
        key = key.rpartition("-")[0]
    return key


def _problems(case: Case, event: Event) -> Iterator[CaseError]:
    section = case.section_of(event.key)
    kind, where, hint = section.resource, str(event.place or ""), "leave it out, or write it as a note"
    becomes = f"an entry of {section.name} becomes a resource of type {kind}"
    if event.encounter and kind not in _ENCOUNTER:
        yield CaseError(f"'encounter': {becomes}, which names no encounter in FHIR", where=where, hint=hint)
    if event.performer and kind not in _REFERENCES | _ACTORS | _IN_WORDS:
        yield CaseError(f"'performer': {becomes}, which names no performer in FHIR", where=where, hint=hint)
    elif event.performer and kind in _PEOPLE_ONLY and _is_organization(case, event.performer):
        what = f"'performer': {becomes}, which people perform; '{event.performer}' is an organization"
        yield CaseError(what, where=where, hint="name an entry of people")


def _is_organization(case: Case, key: str) -> bool:
    return bool(KEY.match(key)) and case.section_of(key).resource == "Organization"


def _performer(case: Case, performer: str, entries: Mapping[str, KeyedEntry]) -> dict[str, Any]:
    """Return a reference with the name beside it; only the words where there is no entry."""
    if performer not in entries:
        return {"display": performer}
    name = getattr(entries[performer], "name", None)
    return reference_to(case, performer) | ({"display": name} if isinstance(name, str) else {})


def _add_performer(resource: Resource, performer: dict[str, Any], *, in_words: bool) -> None:
    kind = resource["resourceType"]
    if kind in _REFERENCES:
        resource["performer"] = [_display_only(performer) if _refuses(resource, performer) else performer]
    elif kind in _ACTORS:
        resource["performer"] = [{"actor": performer}]
    elif kind in _IN_WORDS and in_words:
        words = performer.get("display") or performer["reference"]
        resource["note"] = [*resource.get("note", ()), {"text": f"Performed by: {words}."}]


def _refuses(resource: Resource, performer: dict[str, Any]) -> bool:
    """Whether the profile of a resource refuses this performer, so that it can only be told in words."""
    claimed = set(resource.get("meta", {}).get("profile", ()))
    return bool(claimed & _NO_ORGANIZATION) and performer.get("reference", "").startswith("Organization/")


def _display_only(performer: dict[str, Any]) -> dict[str, Any]:
    return {"display": performer["display"]}
