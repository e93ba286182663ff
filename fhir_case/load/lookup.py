"""Find resources on a server by their ids, many with one search."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fhir_case.errors import RejectedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fhir_case.fhir.wire import Resource
    from fhir_case.server.client import Client

__all__ = ["Lookup", "found_by_id"]

_IDS_A_SEARCH = 50


class Lookup(NamedTuple):
    """Hold what was found, each resource under its ``Type/id``, and the types that the server refuses to search."""

    resources: Mapping[str, Resource]
    refused: frozenset[str]


def found_by_id(client: Client, names: Iterable[str], *, elements: str = "") -> Lookup:
    """
    Search some resources by their ids.

    Args:
        names: ``Type/id`` of each.
        elements: The elements to ask for, with commas; empty for all.

    Raises:
        ServerError: The server was not reached, or is overloaded.
    """
    by_type: dict[str, list[str]] = {}
    for name in names:
        kind, _, resource_id = name.partition("/")
        by_type.setdefault(kind, []).append(resource_id)
    found: dict[str, Resource] = {}
    refused: set[str] = set()
    for kind, ids in by_type.items():
        try:
            for start in range(0, len(ids), _IDS_A_SEARCH):
                found |= _search(client, kind, set(ids[start : start + _IDS_A_SEARCH]), elements)
        except RejectedError:
            refused.add(kind)
    return Lookup(found, frozenset(refused))


def _search(client: Client, kind: str, wanted: set[str], elements: str) -> dict[str, Resource]:
    query = {"_id": ",".join(sorted(wanted)), "_count": str(len(wanted))}
    found: dict[str, Resource] = {}
    for resource in client.search(kind, query | ({"_elements": elements} if elements else {})):
        if resource.get("resourceType") == kind and resource.get("id") in wanted:
            found[f"{kind}/{resource['id']}"] = resource
        if len(found) == len(wanted):  # a server that ignores _id would give us all that it has
            break
    return found
