"""
Write the CapabilityStatement: what the server does, and nothing else.

Source: https://hl7.org/fhir/R4/capabilitystatement.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .kinds import KINDS, parameters

if TYPE_CHECKING:
    from fhir_case.fhir.wire import Resource

    from .behaviour import Behaviour

__all__ = ["JSON_PATCH", "VERSION", "capability_statement"]

JSON_PATCH = "application/json-patch+json"
VERSION = "1.0.0"

_INTERACTIONS = {
    "read": "",
    "vread": "vread",
    "update": "",
    "patch": "patch",
    "delete": "delete",
    "history-instance": "history",
    "create": "",
    "search-type": "",
}
_DEFINITIONS = "http://hl7.org/fhir/OperationDefinition/"


def capability_statement(behaviour: Behaviour, base_url: str) -> Resource:
    """Return what a server that behaves so says of itself."""
    system = [{"code": code} for code in ("transaction", "batch") if behaviour.claims(code)]
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-01-01",
        "kind": "instance",
        **_software(behaviour),
        "implementation": {"description": "a small server in memory, for tests", "url": base_url},
        "fhirVersion": behaviour.fhir_version,
        "format": [
            "application/fhir+json",
            "json",
            *(["application/fhir+xml", "xml"] if behaviour.claims("xml") else []),
        ],
        **({"patchFormat": [JSON_PATCH]} if behaviour.claims("patch") else {}),
        "rest": [
            {
                "mode": "server",
                "resource": [_resource(kind, behaviour) for kind in KINDS],
                **({"interaction": system} if system else {}),
            }
        ],
    }


def _software(behaviour: Behaviour) -> dict[str, Any]:
    if not behaviour.software:
        return {}
    own = {"version": VERSION} if behaviour.software == "small server" else {}
    return {"software": {"name": behaviour.software, **own}}


def _resource(kind: str, behaviour: Behaviour) -> dict[str, Any]:
    interactions = [code for code, feature in _INTERACTIONS.items() if not feature or behaviour.claims(feature)]
    found: dict[str, Any] = {
        "type": kind,
        "interaction": [{"code": code} for code in interactions],
        "versioning": "versioned-update" if behaviour.claims("versioned-update") else "versioned",
        "readHistory": behaviour.claims("vread"),
        "updateCreate": behaviour.claims("update-create"),
        "conditionalCreate": behaviour.claims("conditional-create"),
        "conditionalRead": "not-supported",
        "conditionalUpdate": behaviour.claims("conditional-update"),
        "conditionalDelete": "single" if behaviour.claims("conditional-delete") else "not-supported",
        "searchInclude": _includes(kind, behaviour) if behaviour.claims("include") else [],
        "searchRevInclude": _reverse_includes(kind, behaviour) if behaviour.claims("revinclude") else [],
        "searchParam": [{"name": each.name, "type": each.type} for each in parameters(kind, behaviour)],
        "operation": _operations(kind, behaviour),
    }
    return {name: value for name, value in found.items() if value != []}


def _includes(kind: str, behaviour: Behaviour) -> list[str]:
    return [f"{kind}:{each.name}" for each in parameters(kind, behaviour) if each.type == "reference"]


def _reverse_includes(kind: str, behaviour: Behaviour) -> list[str]:
    return [
        f"{source}:{each.name}"
        for source in KINDS
        for each in parameters(source, behaviour)
        if each.type == "reference" and kind in (each.targets or KINDS)
    ]


def _operations(kind: str, behaviour: Behaviour) -> list[dict[str, str]]:
    found = []
    if behaviour.claims("validate"):
        found.append({"name": "validate", "definition": f"{_DEFINITIONS}Resource-validate"})
    if kind == "Patient" and behaviour.claims("everything"):
        found.append({"name": "everything", "definition": f"{_DEFINITIONS}Patient-everything"})
    return found
