"""The capabilities of a server, from its CapabilityStatement."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fhir_case.fhir import wire
from fhir_case.fhir.releases import release_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fhir_case.fhir.wire import Resource

__all__ = ["UNKNOWN", "Capabilities", "TypeCapabilities", "from_statement", "server_rest"]


@dataclass(frozen=True, slots=True)
class TypeCapabilities:
    """
    What a server does with one resource type; None means that the statement is silent.

    Args:
        update_create: Whether a PUT may create, so that a client may choose the id.
        conditional_create: Whether a POST may depend on a search (ifNoneExist).
        identifier_search: Whether the resources can be searched by their business identifier.
    """

    update_create: bool | None = None
    conditional_create: bool | None = None
    identifier_search: bool | None = None


_UNKNOWN_TYPE = TypeCapabilities()


@dataclass(frozen=True, slots=True)
class Capabilities:
    """
    What a server does; what its statement does not contain is empty or None.

    Args:
        fhir_version: The version of FHIR, such as ``4.0.1``.
        software: The name of the software.
        software_version: Its version.
        transaction: Whether it takes transactions.
        types: What it does with each resource type that it lists.

    Source: https://hl7.org/fhir/R4/capabilitystatement.html
    """

    fhir_version: str = ""
    software: str = ""
    software_version: str = ""
    transaction: bool | None = None
    types: Mapping[str, TypeCapabilities] = field(default_factory=dict)

    @property
    def release(self) -> str:
        """Return the release of FHIR, such as ``R4``; empty when it is not known."""
        return release_of(self.fhir_version)

    def of(self, resource_type: str) -> TypeCapabilities:
        """Return what the server does with a resource type."""
        return self.types.get(resource_type, _UNKNOWN_TYPE)

    def lists(self, resource_type: str) -> bool:
        """Whether the server lists a resource type, or lists none at all."""
        return not self.types or resource_type in self.types


UNKNOWN = Capabilities()
"""The capabilities of a server without a statement."""


def from_statement(statement: Resource | None) -> Capabilities:
    """
    Read a CapabilityStatement; whatever is missing or misshapen in it stays unknown.

    Source: https://hl7.org/fhir/R4/capabilitystatement.html
    """
    if statement is None or statement.get("resourceType") != "CapabilityStatement":
        return UNKNOWN
    software = wire.mapping(statement.get("software"))
    rest = server_rest(statement)
    interactions = {_text(each.get("code")) for each in wire.objects(rest.get("interaction"))}
    return Capabilities(
        fhir_version=_text(statement.get("fhirVersion")),
        software=_text(software.get("name")),
        software_version=_text(software.get("version")),
        transaction="transaction" in interactions if interactions else None,
        types={
            _text(each.get("type")): _of_type(each) for each in wire.objects(rest.get("resource")) if each.get("type")
        },
    )


def server_rest(statement: Resource | None) -> Mapping[str, Any]:
    """Return the part of a CapabilityStatement about the server, not about clients; empty without one."""
    found = wire.objects((statement or {}).get("rest"))
    return next((each for each in found if each.get("mode", "server") == "server"), {})


def _of_type(entry: Mapping[str, Any]) -> TypeCapabilities:
    parameters = {_text(each.get("name")) for each in wire.objects(entry.get("searchParam"))}
    return TypeCapabilities(
        update_create=_truth(entry.get("updateCreate")),
        conditional_create=_truth(entry.get("conditionalCreate")),
        identifier_search="identifier" in parameters if parameters else None,
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _truth(value: object) -> bool | None:
    return value if isinstance(value, bool) else None
