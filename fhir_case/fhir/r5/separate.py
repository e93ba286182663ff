"""Return a resource of its own to what R4 keeps inside another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.fhir.datatypes import code_of, narrative, reference
from fhir_case.fhir.systems import DEVICE_ASSOCIATION_STATUS

if TYPE_CHECKING:
    from fhir_case.fhir.wire import Resource

__all__ = ["separated"]


def separated(resource: Resource) -> list[Resource]:
    """
    Return a resource of a mapping, still with its key, and what R5 has as another resource instead of an element of it.

    That is the patient of a Device, which R5 tells by a DeviceAssociation. R4 does not say whether such a device is
    attached, implanted or taken out again, so the status is unknown.

    Source: https://hl7.org/fhir/R5/deviceassociation.html
    """
    if resource["resourceType"] != "Device" or "patient" not in resource:
        return [resource]
    key = resource["id"]
    association: Resource = {
        "resourceType": "DeviceAssociation",
        "id": f"{key}-association",
        "text": narrative("The patient of a device; whether it is attached or implanted is not stated."),
        "device": reference("Device", key),
        "status": code_of(DEVICE_ASSOCIATION_STATUS, "unknown", "Unknown"),
        "subject": resource["patient"],
    }
    return [{name: value for name, value in resource.items() if name != "patient"}, association]
