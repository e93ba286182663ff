"""Read the Bundle that should be loaded: its resources, and what it asks for each of them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fhir_case.errors import BundleError
from fhir_case.fhir import wire
from fhir_case.fhir.identity import is_logical_id
from fhir_case.fhir.references import RELATIVE, location_of
from fhir_case.server.guard import origin

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fhir_case.fhir.wire import Resource

__all__ = ["BundleEntry", "bundle_entries", "newest"]

_TYPE = re.compile(r"[A-Z][A-Za-z]+")
_WITH_REQUESTS = ("transaction", "batch")
_WITHOUT_REQUESTS = ("collection", "searchset", "document", "history")
_REQUEST = frozenset(
    (
        "id",
        "extension",
        "modifierExtension",
        "method",
        "url",
        "ifNoneMatch",
        "ifModifiedSince",
        "ifMatch",
        "ifNoneExist",
    )
)
_INSTEAD = {
    "PATCH": "send what it makes of the resource, as PUT",
    "GET": "it stores nothing: leave the entry out",
    "HEAD": "it stores nothing: leave the entry out",
}
_WHY_NOT = {
    "message": "it is meant for $process-message of a server, not for storing",
    "transaction-response": "it is the answer of a server",
    "batch-response": "it is the answer of a server",
}


@dataclass(slots=True)  # to make frozen ones, of which each resource has three, takes a tenth of all our time
class BundleEntry:
    """
    One entry of the Bundle that should be loaded. Nothing changes it.

    Args:
        name: ``Type/id``, or what else names it in messages and reports.
        resource: The resource; of one that shall be deleted its type and id.
        full_url: Its fullUrl; empty when there is none.
        request: What a transaction or batch asks for; empty when it asks for nothing.
        position: The number of its entry in the Bundle, from 0; 0 for a resource without Bundle.
        source: The document that it is from: a file, with the line in NDJSON.
        whole: Whether its Bundle asks to be stored as a whole or not at all.
        alone: Whether it is a resource without Bundle.
        type: The type of the resource.
        id: The logical id of the resource; empty when it has none.
    """

    name: str
    resource: Resource
    full_url: str = ""
    request: Mapping[str, Any] = field(default_factory=dict)
    position: int = 0
    source: str = ""
    whole: bool = True
    alone: bool = False
    type: str = field(init=False)
    id: str = field(init=False)

    def __post_init__(self) -> None:
        self.type = str(self.resource["resourceType"])
        self.id = str(self.resource.get("id") or "")


def bundle_entries(
    bundle: Resource, *, source: str = "", base_url: str = "", as_is: bool = False, as_resource: bool = False
) -> tuple[tuple[BundleEntry, ...], tuple[str, ...]]:
    """
    Return the entries to load, in their order, and warnings about those that are left out or read otherwise.

    A resource that is not a Bundle is an entry without request. An OperationOutcome is what a server remarked, and is
    left out unless a transaction or batch asks to store it.

    Args:
        bundle: The Bundle or the resource.
        source: The name of the document.
        base_url: That of the server, which the URL of a request may begin with.
        as_is: Whether a transaction or batch is sent as it came, so that each of its entries counts.
        as_resource: Whether a Bundle is the one resource to load, whatever its type.

    Source: https://hl7.org/fhir/R4/bundle.html

    Raises:
        BundleError: The Bundle is of a type that cannot be loaded, has nothing to load, or an entry is malformed.
    """
    kind = bundle.get("type")
    if bundle.get("resourceType") != "Bundle" or as_resource:
        if _is_remark({"resource": bundle}):
            return (), ("left out, as the remark of a server",)
        return (_entry({"resource": bundle}, 0, kind="", source=source, where=""),), ()
    if kind not in (*_WITH_REQUESTS, *_WITHOUT_REQUESTS):
        reason = _WHY_NOT.get(str(kind), f"it can be {', '.join((*_WITH_REQUESTS, *_WITHOUT_REQUESTS))}")
        hint = "--as-resource stores it as a resource" if str(kind) in _WHY_NOT else ""
        raise BundleError(f"a Bundle of type {kind!r} cannot be loaded: {reason}", hint=hint)
    entries = bundle.get("entry")
    if not isinstance(entries, list) or not entries:
        raise BundleError("the Bundle has no entry: there is nothing to load")
    as_it_came = as_is and kind in _WITH_REQUESTS
    numbered = [(index, entry) for index, entry in enumerate(entries) if as_it_came or not _is_remark(entry)]
    remarks = len(entries) - len(numbered)
    warnings = [f"left out, as remarks of the server that was searched: {remarks}"] if remarks else []
    if _next_page(bundle):
        warnings.append("this is one page of several; what its next link leads to is not loaded")
    if kind == "history":
        numbered, left_out = newest(numbered)
        warnings += left_out
        if not numbered:
            raise BundleError("the history says that all of it was deleted: there is nothing to load")
    found = tuple(
        _entry(
            entry,
            index,
            kind=str(kind),
            source=source,
            where=f"Bundle.entry[{index}]",
            base_url=base_url,
        )
        for index, entry in numbered
    )
    if kind == "batch":
        warnings.append("the batch is sent as one transaction: all of it is stored, or nothing")
    if not found:
        raise BundleError("the Bundle holds remarks of a server only: there is nothing to load")
    return found, tuple(warnings)


def _is_remark(entry: object) -> bool:
    """Whether an entry is an OperationOutcome that nothing asks to be stored."""
    if not isinstance(entry, dict) or entry.get("request") is not None:
        return False
    resource, search = entry.get("resource"), wire.mapping(entry.get("search"))
    if resource is None:
        return search.get("mode") == "outcome"
    return wire.mapping(resource).get("resourceType") == "OperationOutcome"


def _next_page(bundle: Resource) -> bool:
    return any(link.get("relation") == "next" for link in wire.objects(bundle.get("link")))


def _entry(
    entry: object,
    index: int,
    *,
    kind: str,
    source: str,
    where: str,
    base_url: str = "",
) -> BundleEntry:
    if not isinstance(entry, dict):
        raise BundleError("the entry is not a JSON object", where=where)
    request = entry.get("request") if kind in _WITH_REQUESTS else None
    if request is not None:
        request = _request(request, where, base_url)
        if request["method"] == "DELETE":
            return _deleted(request, index, source, where)
    resource = entry.get("resource")
    named = resource.get("resourceType") if isinstance(resource, dict) else None
    if not isinstance(resource, dict) or not isinstance(named, str) or not _TYPE.fullmatch(named):
        raise BundleError("the entry has no resource with a resourceType", where=where)
    resource_id, full_url = resource.get("id"), entry.get("fullUrl") or ""
    if not isinstance(full_url, str):
        raise BundleError("the fullUrl is not a text", where=f"{where}.fullUrl")
    if resource_id is not None and not (isinstance(resource_id, str) and is_logical_id(resource_id)):
        raise BundleError(
            f"{resource_id!r} is not a FHIR id",
            where=f"{where}.resource.id",
            hint="an id has 1 to 64 letters, digits, hyphens and dots",
        )
    name = f"{named}/{resource_id}" if resource_id else full_url or where or source or named
    return BundleEntry(name, resource, full_url, request or {}, index, source, kind == "transaction", not where)


def _request(request: object, where: str, base_url: str) -> Mapping[str, Any]:
    """Return what is asked for, with the URL below the base URL, and nothing that a request does not have."""
    if not isinstance(request, dict) or request.get("method") not in ("PUT", "POST", "DELETE"):
        method = request.get("method") if isinstance(request, dict) else None
        hint = _INSTEAD.get(str(method), "")
        raise BundleError(
            f"the request is {method!r}; what is loaded is PUT or POST", where=f"{where}.request", hint=hint
        )
    url = request.get("url")
    if not isinstance(url, str):
        raise BundleError("the request has no url", where=f"{where}.request")
    if not _REQUEST.issuperset(request):
        request = {name: value for name, value in request.items() if name in _REQUEST}
    local = _below(base_url, url) if url.startswith("/") or "://" in url else url
    return request if local == url else {**request, "url": local}


def _below(base_url: str, url: str) -> str:
    """Return a URL without the slash or the base URL at its begin; as it is when it leads elsewhere."""
    if url.startswith("/"):
        return url[1:]
    try:
        same = bool(base_url) and origin(url) == origin(base_url)
    except ValueError:  # it has no port that is a number
        return url
    begin, path = f"{urlsplit(base_url).path.rstrip('/')}/", urlsplit(url).path
    return url[url.index(path) + len(begin) :] if same and path.startswith(begin) else url


def _deleted(request: Mapping[str, Any], index: int, source: str, where: str) -> BundleEntry:
    if not re.fullmatch(RELATIVE, request["url"]):
        raise BundleError(
            f"the request is DELETE {request['url']}, and only one resource can be deleted, by its id",
            where=f"{where}.request",
            hint="a condition may delete more than is meant: name Type/id of each",
        )
    kind, _, resource_id = request["url"].partition("/")
    return BundleEntry(request["url"], {"resourceType": kind, "id": resource_id}, "", request, index, source)


Numbered = tuple[int, Any]


def newest(entries: Sequence[Numbered]) -> tuple[list[Numbered], list[str]]:
    """
    Return the first entry of each resource, unless it says that it was deleted, and warnings about the others.

    A history has the newest version first; a malformed entry is returned too, so that its reader reports it.

    Args:
        entries: Each with its number.

    Source: https://hl7.org/fhir/R4/http.html#history

    Raises:
        BundleError: The versions of a resource are in another order.
    """
    chosen: list[Numbered] = []
    seen: dict[str, int] = {}
    older = deleted = 0
    for number, entry in entries:
        name, version = _version_of(entry)
        if name and name in seen:
            if version > seen[name] >= 0:
                raise BundleError(
                    f"version {version} of {name} comes after version {seen[name]}: this history is not newest first",
                    where=f"Bundle.entry[{number}]",
                    hint="keep the version of each resource that shall be loaded, and make it a collection",
                )
            older += 1
            continue
        seen[name] = version
        if isinstance(entry, dict) and "resource" not in entry and name:
            deleted += 1
        else:
            chosen.append((number, entry))
    words = {"older versions of the same resource": older, "what was deleted in the end": deleted}
    return chosen, [f"left out of a history, {what}: {count}" for what, count in words.items() if count]


def _version_of(entry: object) -> tuple[str, int]:
    """Return ``Type/id`` and the number of the version; empty and -1 where the entry does not say."""
    parts = wire.mapping(entry)
    resource, request, response = (wire.mapping(parts.get(name)) for name in ("resource", "request", "response"))
    place = location_of(str(request.get("url") or ""))
    name = f"{resource.get('resourceType')}/{resource.get('id')}" if resource else place.reference if place else ""
    tag = str(response.get("etag") or "").removeprefix("W/").strip('"')
    version = str(wire.mapping(resource.get("meta")).get("versionId") or tag or (place.version if place else ""))
    return name, int(version) if version.isascii() and version.isdigit() else -1
