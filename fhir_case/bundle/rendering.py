"""The forms of a Bundle: the same resources to load, to exchange, or to read as a document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from fhir_case.fhir.identity import full_url, identifier, logical_id
from fhir_case.fhir.systems import MCODE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fhir_case.fhir.wire import Resource

__all__ = ["FORMS", "Form", "rendered"]

Form = Literal["transaction", "collection", "document"]

FORMS: tuple[Form, ...] = ("transaction", "collection", "document")
"""The types that a Bundle is made in."""

# A reader meets the patient first; the record of its making comes last. A document begins with its Composition.
_ORDER = (
    "Composition",
    "Patient",
    "Condition",
    "BodyStructure",
    "ImagingStudy",
    "DiagnosticReport",
    "Observation",
    "Procedure",
    "Device",
)
_LAST = ("DocumentReference", "Provenance")


def rendered(
    resources: list[Resource], form: Form, namespace: str, *, timestamp: str, mcode: bool, security: Sequence[Resource]
) -> Resource:
    """
    Return the Bundle of some resources.

    Args:
        resources: In any order, with ids.
        form: What the Bundle is for.
        namespace: Begin of the ids.
        timestamp: The instant of a document.
        mcode: Whether a collection claims to be an mCODE patient bundle.
        security: Its labels.

    Source: https://hl7.org/fhir/R4/bundle.html
    """
    patient = next((one["id"] for one in resources if one["resourceType"] == "Patient"), namespace)
    profile = {"profile": [MCODE + "mcode-patient-bundle"]} if form == "collection" and mcode else {}
    labels = {"security": [*security]} if security else {}
    entries = []
    for one in sorted(resources, key=_rank):
        kind, resource_id = one["resourceType"], one["id"]
        entry: dict[str, Any] = {"fullUrl": full_url(kind, resource_id), "resource": one}
        if form == "transaction":
            entry["request"] = {"method": "PUT", "url": f"{kind}/{resource_id}"}
        entries.append(entry)
    document = identifier("Bundle", namespace, "document") | {"type": form, "timestamp": timestamp}
    # mCODE wants the id of its patient bundle to be that of the patient.
    return {
        "resourceType": "Bundle",
        "id": logical_id(namespace, "document") if form == "document" else patient,
        **({"meta": {**profile, **labels}} if profile or labels else {}),
        **(document if form == "document" else {"type": form}),
        "entry": entries,
    }


def _rank(resource: Resource) -> tuple[int, str, str]:
    kind = resource["resourceType"]
    place = _ORDER.index(kind) if kind in _ORDER else len(_ORDER) + (1 + _LAST.index(kind) if kind in _LAST else 0)
    return place, kind, resource["id"]
