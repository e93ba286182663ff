"""The Composition of a document: the resources of a case in the sections of a case report."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from fhir_case.bundle.naming import business_key
from fhir_case.bundle.record import ASSEMBLER
from fhir_case.fhir.codes import fixed_table
from fhir_case.fhir.datatypes import narrative, reference
from fhir_case.fhir.systems import MCODE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["composition"]

_HISTORY, _FINDINGS, _IMAGING = "History", "Findings", "Imaging"
_DIAGNOSIS, _TREATMENT, _COURSE = "Diagnosis and stage", "Treatment", "Course"
_REST = "Source, people and places"
_SECTIONS = (_HISTORY, _FINDINGS, _IMAGING, _DIAGNOSIS, _TREATMENT, _COURSE, _REST)

# Sections whose code a source at hand names; the title says what the others are.
_CODES = {_IMAGING: "imaging"}

_BY_TYPE = {
    "AllergyIntolerance": _HISTORY,
    "FamilyMemberHistory": _HISTORY,
    "Immunization": _HISTORY,
    "Observation": _FINDINGS,
    "DiagnosticReport": _FINDINGS,
    "QuestionnaireResponse": _FINDINGS,
    "Specimen": _FINDINGS,
    "ImagingStudy": _IMAGING,
    "BodyStructure": _DIAGNOSIS,
    "Condition": _DIAGNOSIS,
    "Device": _TREATMENT,
    "Medication": _TREATMENT,
    "MedicationAdministration": _TREATMENT,
    "MedicationRequest": _TREATMENT,
    "MedicationStatement": _TREATMENT,
    "Procedure": _TREATMENT,
    "AdverseEvent": _COURSE,
    "CarePlan": _COURSE,
    "ClinicalImpression": _COURSE,
    "Encounter": _COURSE,
}

# Of Observation and DiagnosticReport, what the categories say, the first that is named.
_BY_CATEGORY = {
    "social-history": _HISTORY,
    "imaging": _IMAGING,
    "RAD": _IMAGING,
    "GE": _DIAGNOSIS,
    "procedure": _TREATMENT,
    "therapy": _TREATMENT,
}

# And before these, what it is for a cancer.
_BY_PROFILE = {
    MCODE + "mcode-cancer-stage": _DIAGNOSIS,
    MCODE + "mcode-histologic-behavior-and-type": _DIAGNOSIS,
    MCODE + "mcode-cancer-disease-status": _COURSE,
}

# The elements that say when, as the types have them.
_TIMES = re.compile(r"(effective|performed|onset|occurrence|started|period|date|authoredOn|recordedDate)([A-Z]\w*)?")


def composition(case: Case, resources: Iterable[Resource]) -> Resource:
    """
    Return the Composition that names every resource in one section, in the order of their dates.

    Args:
        case: Where its title and date are from.
        resources: With business keys, as the mappings give them.

    Source: https://hl7.org/fhir/R4/composition.html
    """
    found: dict[str, list[Resource]] = {title: [] for title in _SECTIONS}
    for one in resources:
        if one["resourceType"] != "Patient":
            found[_section_of(one)].append(one)
    report = case.report
    return {
        "resourceType": "Composition",
        "id": "composition",
        "text": narrative(f"{report.title or report.citation}. Sections: {', '.join(t for t in found if found[t])}."),
        "status": "final",
        "type": fixed_table(__package__)["document"].codeable_concept(),
        "subject": reference("Patient", "patient"),
        "date": report.transcribed.isoformat(),
        "author": [ASSEMBLER],
        "title": report.title or report.citation,
        "section": [_section(title, sorted(members, key=_first_day)) for title, members in found.items() if members],
    }


def _section_of(resource: Resource) -> str:
    if resource["resourceType"] in {"Observation", "DiagnosticReport"}:
        for profile in resource.get("meta", {}).get("profile", ()):
            if profile in _BY_PROFILE:
                return _BY_PROFILE[profile]
        for category in resource.get("category", ()):
            for coding in category.get("coding", ()):
                if coding.get("code") in _BY_CATEGORY:
                    return _BY_CATEGORY[coding["code"]]
    return _BY_TYPE.get(resource["resourceType"], _REST)


def _section(title: str, members: list[Resource]) -> dict[str, Any]:
    """Return a section; its text is that of its resources, so that the document reads without them."""
    texts = (one.get("text", {}).get("div", "") for one in members)
    inner = "".join(re.sub(r"(?s)^<div[^>]*>(.*)</div>$", r"\1", text.strip()) for text in texts)
    div = f'<div xmlns="http://www.w3.org/1999/xhtml">{inner}</div>'
    return {
        "title": title,
        **({"code": fixed_table(__package__)[_CODES[title]].codeable_concept()} if title in _CODES else {}),
        **({"text": {"status": "generated", "div": div}} if inner else {}),
        "entry": [{"reference": business_key(one)} for one in members],
    }


def _first_day(resource: Resource) -> str:
    """Return the date of a resource as text, the begin of a period; what has none comes first."""
    for name, value in resource.items():
        if _TIMES.fullmatch(name):
            day = value.get("start") or value.get("end") if isinstance(value, dict) else value
            if isinstance(day, str) and day[:4].isdigit():
                return day
    return ""
