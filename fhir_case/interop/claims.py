"""Read from a CapabilityStatement what a server claims to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fhir_case.fhir.wire import objects
from fhir_case.server.capabilities import server_rest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fhir_case.fhir.wire import Resource

__all__ = ["Claims"]


@dataclass(frozen=True, slots=True)
class Claims:
    """
    What a server claims to do. One without a CapabilityStatement claims nothing, and is asked everything.

    Args:
        statement: Its CapabilityStatement; None when it has none.

    Source: https://hl7.org/fhir/R4/capabilitystatement.html
    """

    statement: Resource | None

    @property
    def known(self) -> bool:
        """Whether the server says what it does."""
        return bool(self._rest)

    @property
    def _rest(self) -> Mapping[str, Any]:
        return server_rest(self.statement)

    def _type(self, resource_type: str) -> Mapping[str, Any]:
        return next((each for each in objects(self._rest.get("resource")) if each.get("type") == resource_type), {})

    def system(self, interaction: str) -> bool:
        """Whether it claims an interaction with the whole system, such as ``transaction``."""
        return not self.known or interaction in _codes(self._rest)

    def interaction(self, resource_type: str, interaction: str) -> bool:
        """Whether it claims an interaction with a type, such as ``vread``."""
        return not self.known or interaction in _codes(self._type(resource_type))

    def says(self, resource_type: str, element: str) -> Any:
        """Return what it says of a type, such as ``conditionalDelete``; None when it does not tell."""
        return self._type(resource_type).get(element)

    def flag(self, resource_type: str, element: str) -> bool:
        """Whether it claims something of a type that is either so or not, such as ``conditionalCreate``."""
        return not self.known or self.says(resource_type, element) is True

    def parameter(self, resource_type: str, name: str) -> bool:
        """Whether it claims a search parameter of a type; those of the server count for each type."""
        listed = [*objects(self._type(resource_type).get("searchParam")), *objects(self._rest.get("searchParam"))]
        return not self.known or any(each.get("name") == name for each in listed)

    def includes(self, resource_type: str, element: str, value: str) -> bool:
        """Whether a list such as ``searchInclude`` holds a value, or all (``*``)."""
        if not self.known:
            return True
        listed = self.says(resource_type, element)
        return isinstance(listed, list) and any(each in (value, "*") for each in listed)

    def operation(self, name: str, resource_type: str) -> bool:
        """Whether it claims an operation on a type, such as ``validate``."""
        listed = [*objects(self._type(resource_type).get("operation")), *objects(self._rest.get("operation"))]
        return not self.known or any(str(each.get("name") or "").lstrip("$") == name for each in listed)

    def patch_format(self, mime_type: str) -> bool:
        """Whether it claims a format for PATCH; one that claims PATCH and lists no format claims each."""
        listed = (self.statement or {}).get("patchFormat")
        return not self.known or not isinstance(listed, list) or not listed or mime_type in listed


def _codes(holder: Mapping[str, Any]) -> Iterator[object]:
    return (each.get("code") for each in objects(holder.get("interaction")))
