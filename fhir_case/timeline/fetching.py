"""
Fetch what a server has of a patient: by ``$everything``, else by searches for the types that a timeline shows.

Source: https://hl7.org/fhir/R4/patient-operation-everything.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.errors import RejectedError, ServerError
from fhir_case.fhir.wire import objects
from fhir_case.server.paging import next_page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fhir_case.fhir.wire import Resource
    from fhir_case.server.client import Client

__all__ = ["fetch_patient"]

_TYPES = (
    "AdverseEvent", "AllergyIntolerance", "CarePlan", "ClinicalImpression", "Condition", "DiagnosticReport",
    "Encounter", "EpisodeOfCare", "FamilyMemberHistory", "Immunization", "ImagingStudy", "MedicationAdministration",
    "MedicationDispense", "MedicationRequest", "MedicationStatement", "Observation", "Procedure",
    "QuestionnaireResponse", "RiskAssessment", "ServiceRequest", "Specimen",
)  # fmt: skip
_BY_SUBJECT = ("AdverseEvent",)  # the types that have no search parameter "patient" in R4
_MAX_PAGES = 1000
_PAGE = 200


def fetch_patient(client: Client, patient: str, *, on_skipped: Callable[[str], None]) -> Iterator[Resource]:
    """
    Yield the resources that a server has of a patient, page after page; each once.

    Args:
        client: The server.
        patient: The id of the patient.
        on_skipped: Called with what could not be asked for, and why.

    Raises:
        RejectedError: The server has no such patient, or does not show it.
        ServerError: The server was not reached, is overloaded, or its pages do not end.
    """
    person = client.read("Patient", patient)
    try:
        found = list(_everything(client, patient))
    except RejectedError as error:
        on_skipped(f"$everything, so that each type is searched for: {error}")
        found = list(_searched(client, patient, on_skipped))
    seen = set()
    for resource in (person, *found):
        key = (resource.get("resourceType"), resource.get("id"))
        if key not in seen:
            seen.add(key)
            yield resource


def _everything(client: Client, patient: str) -> Iterator[Resource]:
    path = f"Patient/{patient}/$everything"
    where = f"GET {client.base_url}/{path}"
    following = f"{path}?_count={_PAGE}"
    for _ in range(_MAX_PAGES):
        page = client.request("GET", following, headers={"Cache-Control": "no-cache"}).body or {}
        if page.get("resourceType") != "Bundle":
            raise RejectedError("the answer is not a Bundle", where=where)
        for entry in objects(page.get("entry")):
            if isinstance(entry.get("resource"), dict):
                yield entry["resource"]
        following = next_page(page, "Patient", client.base_url)
        if not following:
            return
    raise ServerError("the pages of $everything do not end", where=where)


def _searched(client: Client, patient: str, on_skipped: Callable[[str], None]) -> Iterator[Resource]:
    for kind in _TYPES:
        parameter = "subject" if kind in _BY_SUBJECT else "patient"
        try:
            yield from list(client.search(kind, {parameter: f"Patient/{patient}", "_count": str(_PAGE)}))
        except RejectedError as error:
            on_skipped(f"{kind}: {error}")
