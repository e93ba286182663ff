"""Find resources on a server by id, by identifier, or by the request that stored them; many with one search."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from fhir_case.errors import RejectedError
from fhir_case.fhir import wire
from fhir_case.fhir.identifiers import identifiers_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from fhir_case.fhir.wire import Resource
    from fhir_case.server.client import Client

__all__ = [
    "Lookup",
    "found_by_id",
    "found_by_identifier",
    "found_by_request",
    "is_there",
    "name_of",
    "request_of",
    "version_of",
    "written_by",
]

_IDS_A_SEARCH = 50
_QUERY_LENGTH = 6000  # servers and proxies refuse a URL of more than some 8,000 characters
_PAGE = "500"


class Lookup(NamedTuple):
    """What was found, each resource under its ``Type/id``, and the types that the server refuses to search."""

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


def is_there(client: Client, name: str) -> bool:
    """
    Whether the server has ``Type/id``, as far as it says: where it refuses the search, it is read.

    Raises:
        ServerError: The server was not reached, or is overloaded.
    """
    lookup = found_by_id(client, [name], elements="id")
    kind, _, resource_id = name.partition("/")
    if kind not in lookup.refused:
        return name in lookup.resources
    try:
        client.read(kind, resource_id)
    except RejectedError as error:
        return error.status not in (404, 410)
    return True


def _search(client: Client, kind: str, wanted: set[str], elements: str) -> dict[str, Resource]:
    query = {"_id": ",".join(sorted(wanted)), "_count": str(len(wanted))}
    found: dict[str, Resource] = {}
    for resource in client.search(kind, query | _only(kind, elements)):
        if resource.get("resourceType") == kind and str(resource.get("id")) in wanted:
            found[f"{kind}/{resource['id']}"] = resource
        if len(found) == len(wanted):  # a server that ignores _id would return all that it has
            break
    return found


def _only(kind: str, elements: str) -> dict[str, str]:
    """Return the parameter that asks for some elements only: HAPI 8.8.0 takes those of Bundles for the answer's own."""
    return {"_elements": elements} if elements and kind != "Bundle" else {}


def found_by_identifier(client: Client, kind: str, tokens: Iterable[str]) -> dict[str, list[Resource]]:
    """
    Search resources of one type by their identifiers; return those with each, their identifiers and meta only.

    An identifier that nothing has is left out where the server found more than it was asked for, as one does that
    ignores case: it may have what it takes for the same.

    Args:
        kind: The resource type.
        tokens: The identifiers, each as `identifiers_of` gives them.

    Raises:
        ServerError: The server was not reached, or is overloaded.
        RejectedError: The server refused the search.
    """
    wanted = list(dict.fromkeys(tokens))
    found: dict[str, list[Resource]] = {token: [] for token in wanted}
    for together, query in _queries(wanted):
        other = False
        only = "".join(f"&{name}={value}" for name, value in _only(kind, "identifier,meta").items())
        for resource in client.search(kind, f"identifier={query}&_count={_PAGE}{only}"):
            tokens_there = found.keys() & identifiers_of(resource) if resource.get("resourceType") == kind else ()
            for token in tokens_there:
                if resource not in found[token]:
                    found[token].append(resource)
            other = other or not tokens_there
        for token in together if other else ():
            if not found[token]:
                del found[token]
    return found


def _queries(tokens: Iterable[str]) -> Iterator[tuple[list[str], str]]:
    """Return alternatives, and the same encoded, as many together as a URL holds."""
    together: list[str] = []
    encoded: list[str] = []
    length = 0
    for token in tokens:
        written = quote(token, safe=":/")
        if together and length + len(written) > _QUERY_LENGTH:
            yield together, ",".join(encoded)
            together, encoded, length = [], [], 0
        together.append(token)
        encoded.append(written)
        length += len(written) + len(",")
    if together:
        yield together, ",".join(encoded)


def found_by_request(client: Client, kind: str, requests: Iterable[str]) -> list[Resource]:
    """
    Search the resources of one type that some requests stored, by their header ``X-Request-ID`` in ``meta.source``.

    Only for servers that are known to keep it; see `Quirks.request_id_in_source`.

    Raises:
        ServerError: The server was not reached, or is overloaded.
        RejectedError: The server refused the search.
    """
    query = ",".join(f"#{request}" for request in requests)
    return [each for each in client.search(kind, {"_source": query, "_count": _PAGE}) if each.get("id")]


def name_of(resource: Resource) -> str:
    """Return ``Type/id`` of a resource on a server."""
    return f"{resource['resourceType']}/{resource['id']}"


def version_of(resource: Resource) -> str:
    """Return ``meta.versionId``; empty when the server does not say it."""
    return str(wire.mapping(resource.get("meta")).get("versionId") or "")


def request_of(resource: Resource) -> str:
    """Return the header ``X-Request-ID`` that a server keeps in ``meta.source``; empty where it keeps none."""
    return str(wire.mapping(resource.get("meta")).get("source") or "").partition("#")[2]


def written_by(resource: Resource, requests: Iterable[str]) -> bool:
    """Whether one of some requests wrote a resource, by ``meta.source``; see `found_by_request`."""
    source = str(wire.mapping(resource.get("meta")).get("source") or "")
    return source.endswith(tuple(f"#{request}" for request in requests))
