"""The ids, identifiers and labels that belong to one test, and what that test creates on servers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from fhir_case.errors import FhirCaseError
from fhir_case.fhir.identity import identifier, is_logical_id, logical_id
from fhir_case.fhir.references import location_of

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FhirNamespace", "Notes", "new_name"]

_TAG_SYSTEM = "urn:fhir-case"
_TYPE = re.compile(r"[A-Z][A-Za-z]+")


def new_name() -> str:
    """Return a name that no other test has: short, since ids have 64 characters at most."""
    return f"t{token_hex(5)}"  # not of random, which plugins seed with the same number for each test


@dataclass(slots=True)
class Notes:
    """
    What a test creates on servers.

    Args:
        created: Base URL and ``Type/id`` of each resource, in the order in which they were created.
        types: Base URL and resource type of what is to be searched.
    """

    created: dict[tuple[str, str], None] = field(default_factory=dict)
    types: dict[tuple[str, str], None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FhirNamespace:
    """
    The name of one test, which begins the ids of its resources; what belongs to it is removed after the test.

    Removed is what ``load`` created, what was passed to `created`, and whatever has `identifier` or `tag` and is of a
    type that one of these had or that `look_in` names. Other resources that the code under test creates stay.

    Args:
        name: A lower-case letter, then letters and digits; 11 characters.
    """

    name: str
    _server: Callable[[], str] = field(repr=False, compare=False)
    _notes: Notes = field(repr=False, compare=False, default_factory=Notes)

    def __str__(self) -> str:
        return self.name

    def id(self, key: str) -> str:
        """
        Return the id of the resource that is called ``key`` here.

        Raises:
            FhirCaseError: It would be longer than 64 characters, or have others than letters, digits, hyphen, point.
        """
        made = logical_id(self.name, key)
        if not is_logical_id(made):
            raise FhirCaseError(f"'{made}' is not an id", hint="ids have up to 64 letters, digits, hyphens and points")
        return made

    @property
    def system(self) -> str:
        """Return the system of the identifiers."""
        return str(self.identifier("")["system"])

    def identifier(self, key: str) -> dict[str, str]:
        """Return the Identifier of the resource that is called ``key`` here."""
        made: dict[str, str] = identifier("Patient", self.name, key)["identifier"][0]
        return made

    @property
    def tag(self) -> dict[str, str]:
        """Return the Coding that marks a resource in ``meta.tag`` as one of this test."""
        return {"system": _TAG_SYSTEM, "code": self.name}

    def created(self, *resources: str | Mapping[str, Any], server: str | None = None) -> None:
        """
        Register what the code under test created, so that it is removed after the test.

        Args:
            resources: Each as ``Type/id``, as URL (such as the header Location), or the resource itself.
            server: The base URL; by default that of the test's own server, see `Load`.

        Raises:
            FhirCaseError: It is none of these.
        """
        for resource in resources:
            self._notes.created[server or self._server(), _name_of(resource)] = None

    def look_in(self, *types: str, server: str | None = None) -> None:
        """
        Search these resource types after the test for what has an identifier or the tag of this namespace.

        Raises:
            FhirCaseError: It is not the name of a type.
        """
        for kind in types:
            if not _TYPE.fullmatch(kind):
                raise FhirCaseError(f"'{kind}' is not a resource type")
            self._notes.types[server or self._server(), kind] = None

    @property
    def notes(self) -> Notes:
        """Return what is to be removed."""
        return self._notes


def _name_of(resource: str | Mapping[str, Any]) -> str:
    text = f"{resource.get('resourceType')}/{resource.get('id')}" if isinstance(resource, Mapping) else resource
    found = location_of(text)
    if found is None:
        raise FhirCaseError(f"'{text}' names no resource", hint="pass Type/id, its URL, or the resource with its id")
    return found.reference
