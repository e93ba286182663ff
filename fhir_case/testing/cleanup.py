"""Remove from a server what a test created there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.errors import FhirCaseError, RejectedError
from fhir_case.server.deletion import delete

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from fhir_case.fhir.wire import Resource
    from fhir_case.server.client import Client
    from fhir_case.testing.namespace import FhirNamespace

__all__ = ["LeftOverWarning", "remove_created"]

_LISTED = 10


class LeftOverWarning(UserWarning):
    """Something that a test created could not be removed."""


def remove_created(namespace: FhirNamespace, client_of: Callable[[str], Client]) -> Iterator[str]:
    """
    Remove what belongs to a namespace, and return for each server a text about what could not be removed.

    Args:
        client_of: Returns the client for a base URL; it stays open.
    """
    notes = namespace.notes
    for server in dict.fromkeys(server for server, _ in (*notes.created, *notes.types)):
        names = [name for base, name in notes.created if base == server]
        types = [kind for base, kind in notes.types if base == server] + [name.partition("/")[0] for name in names]
        try:
            client = client_of(server)
            names += _found(client, namespace, dict.fromkeys(types))
            remaining = delete(client, reversed(dict.fromkeys(names)))
        except FhirCaseError as error:  # a test that stops its server has nothing to be blamed for
            remaining = dict.fromkeys(names, str(error))
        if remaining:
            listed = [f"{name} ({reason})" for name, reason in list(remaining.items())[:_LISTED]]
            more = f" and {len(remaining) - _LISTED} more" if len(remaining) > _LISTED else ""
            yield f"could not be removed from {server}: {', '.join(listed)}{more}"


def _found(client: Client, namespace: FhirNamespace, types: Iterable[str]) -> list[str]:
    """Search for what has an identifier or the tag of the namespace; what cannot be searched is not found."""
    tag = namespace.tag
    found: list[str] = []
    for kind in types:
        for query in ({"identifier": f"{namespace.system}|"}, {"_tag": f"{tag['system']}|{tag['code']}"}):
            try:
                matches = list(client.search(kind, {**query, "_count": "500"}))
            except RejectedError:  # not every type has identifiers, and not every server searches tags
                continue
            # some servers ignore what they cannot search, and return all that they have
            found += [f"{kind}/{each['id']}" for each in matches if _belongs(each, namespace)]
    return found


def _belongs(resource: Resource, namespace: FhirNamespace) -> bool:
    identifiers = resource.get("identifier")
    identifiers = identifiers if isinstance(identifiers, list) else [identifiers]
    tags = (resource.get("meta") or {}).get("tag") or ()
    return any(isinstance(each, dict) and each.get("system") == namespace.system for each in identifiers) or any(
        each.items() >= namespace.tag.items() for each in tags
    )
