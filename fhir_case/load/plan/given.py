"""Read the Bundle that should be loaded: its resources, and what it asks for each of them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fhir_case.errors import BundleError
from fhir_case.fhir import wire
from fhir_case.load.plan.history import newest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fhir_case.fhir.wire import Resource

__all__ = ["Given", "given_entries", "parse_bundle"]

# Source: https://hl7.org/fhir/R4/datatypes.html#id
_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
_TYPE = re.compile(r"[A-Z][A-Za-z]+")
_PLACE = re.compile(rf"({_TYPE.pattern})/({_ID.pattern})")
_WITH_REQUESTS = ("transaction", "batch")
_WITHOUT_REQUESTS = ("collection", "searchset", "document", "history")
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
class Given:
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
    type: str = field(init=False)
    id: str = field(init=False)

    def __post_init__(self) -> None:
        self.type = str(self.resource["resourceType"])
        self.id = str(self.resource.get("id") or "")


def parse_bundle(text: bytes, *, where: str) -> Resource:
    """
    Read a Bundle from JSON.

    Args:
        text: JSON in UTF-8, with or without a byte order mark.
        where: What messages call it: the name of the file.

    Raises:
        BundleError: It is empty, no JSON, or no Bundle.
    """
    if not text.strip():
        raise BundleError("the file is empty", where=where, hint="a Bundle in JSON is expected")
    try:
        bundle = wire.parse(text)
    except RecursionError:
        raise BundleError("the JSON is nested too deeply to be a Bundle", where=where) from None
    except ValueError as error:
        raise BundleError(f"this is not JSON: {error}", where=where, hint="a Bundle in JSON is expected") from None
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        kind = bundle.get("resourceType") if isinstance(bundle, dict) else None
        what = f"a {kind}" if isinstance(kind, str) else "no FHIR resource"
        raise BundleError(f"this is {what}, not a Bundle", where=where)
    return bundle


def given_entries(bundle: Resource, *, source: str = "") -> tuple[tuple[Given, ...], tuple[str, ...]]:
    """
    Return the entries to load, in their order, and warnings about those that are left out or read otherwise.

    A resource that is no Bundle is an entry that asks for nothing.

    Args:
        bundle: The Bundle or the resource.
        source: The name of the document.

    Source: https://hl7.org/fhir/R4/bundle.html

    Raises:
        BundleError: The Bundle is of a type that cannot be loaded, has nothing to load, or an entry is malformed.
    """
    kind = bundle.get("type")
    if bundle.get("resourceType") != "Bundle":
        return (_given({"resource": bundle}, 0, kind="", source=source, where=""),), ()
    if kind not in (*_WITH_REQUESTS, *_WITHOUT_REQUESTS):
        reason = _WHY_NOT.get(str(kind), f"it can be {', '.join((*_WITH_REQUESTS, *_WITHOUT_REQUESTS))}")
        raise BundleError(f"a Bundle of type {kind!r} cannot be loaded: {reason}")
    entries = bundle.get("entry")
    if not isinstance(entries, list) or not entries:
        raise BundleError("the Bundle has no entry: there is nothing to load")
    asked = [(index, entry) for index, entry in enumerate(entries) if not _is_remark(entry)]
    remarks = len(entries) - len(asked)
    warnings = [f"left out, as remarks of the server that was searched: {remarks}"] if remarks else []
    if kind == "history":
        asked, left_out = newest(asked)
        warnings += left_out
        if not asked:
            raise BundleError("the history says that all of it was deleted: there is nothing to load")
    given = tuple(
        _given(entry, index, kind=str(kind), source=source, where=f"Bundle.entry[{index}]") for index, entry in asked
    )
    if kind == "batch":
        warnings.append("the batch is sent as one transaction: all of it is stored, or nothing")
    if not given:
        raise BundleError("the Bundle holds remarks of a server only: there is nothing to load")
    return given, tuple(warnings)


def _is_remark(entry: object) -> bool:
    search = entry.get("search") if isinstance(entry, dict) else None
    return isinstance(search, dict) and search.get("mode") == "outcome"


def _given(entry: object, index: int, *, kind: str, source: str, where: str) -> Given:
    if not isinstance(entry, dict):
        raise BundleError("the entry is no object", where=where)
    request = entry.get("request") if kind in _WITH_REQUESTS else None
    if request is not None:
        _check_request(request, where)
        if request["method"] == "DELETE":
            return _deleted(request, index, source, where)
    resource = entry.get("resource")
    named = resource.get("resourceType") if isinstance(resource, dict) else None
    if not isinstance(resource, dict) or not isinstance(named, str) or not _TYPE.fullmatch(named):
        raise BundleError("the entry has no resource with a resourceType", where=where)
    resource_id, full_url = resource.get("id"), str(entry.get("fullUrl") or "")
    if resource_id is not None and not (isinstance(resource_id, str) and _ID.fullmatch(resource_id)):
        raise BundleError(
            f"{resource_id!r} is no id of FHIR",
            where=f"{where}.resource.id",
            hint="an id has 1 to 64 letters, digits, hyphens and dots",
        )
    name = f"{named}/{resource_id}" if resource_id else full_url or where or source or named
    return Given(name, resource, full_url, request or {}, index, source, whole=kind == "transaction")


def _check_request(request: object, where: str) -> None:
    method = request.get("method") if isinstance(request, dict) else None
    if not isinstance(request, dict) or method not in ("PUT", "POST", "DELETE"):
        hint = _INSTEAD.get(str(method), "")
        raise BundleError(
            f"the request is {method!r}; what is loaded is PUT or POST", where=f"{where}.request", hint=hint
        )
    if not isinstance(request.get("url"), str):
        raise BundleError("the request has no url", where=f"{where}.request")


def _deleted(request: Mapping[str, Any], index: int, source: str, where: str) -> Given:
    place = _PLACE.fullmatch(request["url"])
    if place is None:
        raise BundleError(
            f"the request is DELETE {request['url']}, and only one resource can be deleted, by its id",
            where=f"{where}.request",
            hint="a condition may delete what nobody has seen: name Type/id of each",
        )
    return Given(place[0], {"resourceType": place[1], "id": place[2]}, "", request, index, source)
