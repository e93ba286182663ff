"""Decide what to ask of a server for one resource; nothing is sent here."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qsl, quote, urlencode
from uuid import NAMESPACE_URL, uuid5

from fhir_case.errors import BundleError
from fhir_case.fhir.identifiers import identifiers_of

if TYPE_CHECKING:
    from fhir_case.load.plan.given import Given
    from fhir_case.server.capabilities import Capabilities, TypeCapabilities

__all__ = ["Ids", "PlannedEntry", "planned_entry"]

Ids = Literal["given", "server"]


@dataclass(slots=True)  # to make frozen ones, of which each resource has three, takes a tenth of all our time
class PlannedEntry:
    """
    Say what is sent for one resource, and why so. Nothing changes it.

    Args:
        given: The entry of the Bundle that was given.
        method: ``PUT`` or ``POST``; ``DELETE`` in what is sent as it came.
        url: The URL of the request, below the base URL.
        condition: The search on which it depends, encoded; empty when it depends on none.
        target: What the references to it say in what is sent: ``Type/id`` or ``urn:uuid:…``; empty when it has no
            name to which anything could refer.
        why: The reason for the request.
        repeatable: Whether sending it again changes and creates nothing.
        search: The query, encoded, that finds it on the server where its id does not; empty when none does.
    """

    given: Given
    method: str
    url: str
    condition: str
    target: str
    why: str
    repeatable: bool
    search: str

    @property
    def by_id(self) -> bool:
        """Whether we choose the id, so that it is known where the resource will be, or was."""
        return self.method != "POST" and not self.condition

    @property
    def deletes(self) -> bool:
        """Whether it is not stored, but deleted."""
        return self.method == "DELETE"

    @property
    def names(self) -> tuple[str, ...]:
        """Return what a reference to it may say; nothing can refer to what has neither id nor fullUrl."""
        if self.deletes:
            return ()
        given = self.given
        if not given.id:
            return (given.full_url,) if given.full_url else ()
        return (given.name, given.full_url) if given.full_url and given.full_url != given.name else (given.name,)

    @property
    def identity(self) -> str:
        """Return what may be there only once on a server; empty when nothing tells it from others."""
        if self.by_id or not self.search:
            return self.url if self.by_id else ""
        return f"{self.given.type}?{_in_one_spelling(self.search)}"

    @property
    def request_line(self) -> str:
        """Return the request in words."""
        return f"{self.url} if none has {self.condition}" if self.method == "POST" and self.condition else self.url


@lru_cache(maxsize=10_000)  # it is asked for several times for each entry
def _in_one_spelling(search: str) -> str:
    """Write a search in one way of several, such as with | or %7C, so that equal ones are equal texts."""
    return urlencode(sorted(parse_qsl(search, keep_blank_values=True)))


def planned_entry(given: Given, capabilities: Capabilities, *, ids: Ids = "given") -> PlannedEntry:
    """
    Decide what is sent for one resource.

    A transaction or batch is sent as it asks. The resources of another Bundle, which asks for nothing, are sent as PUT
    with their own id; where the server gives the ids itself, or the id is a number, which servers give out, as POST
    that depends on their first identifier; without one as plain POST.

    Args:
        given: The entry; it stays as it is.
        capabilities: What the server can do.
        ids: ``server`` lets the server choose the ids of all resources that have an identifier, also of those that a
            PUT asks for.

    Source: https://hl7.org/fhir/R4/http.html#transaction

    Raises:
        BundleError: The request does not fit the resource.
    """
    asked = "the Bundle asks for it"
    able = capabilities.of(given.type)
    method, url = given.request.get("method"), str(given.request.get("url", ""))
    if method == "DELETE":
        return PlannedEntry(given, "DELETE", given.name, "", "", asked, repeatable=True, search="")
    kind, conditional, query = url.partition("?")
    if method == "POST" or conditional:
        if kind != given.type:
            raise BundleError(f"the request is {method} {kind}, but its resource is a {given.type}", where=given.name)
        condition = str(given.request.get("ifNoneExist") or "").removeprefix(f"{given.type}?").removeprefix("?")
        return _without_id(given, able, asked, method=str(method), condition=query if method == "PUT" else condition)
    if method == "PUT" and url != given.name:
        raise BundleError(f"the request is PUT {url}, but its resource is {given.name}", where=given.name)
    if method == "PUT" or (given.id and not given.id.isdigit()):
        if able.update_create is False:
            return _create(given, able, "the server gives the ids itself")
        if ids == "server" and "ifMatch" not in given.request and _identifier_query(given, able):
            return _create(given, able, "the server shall give the ids")
        repeatable = "ifMatch" not in given.request
        why = asked if method else "it has an id"
        return PlannedEntry(given, "PUT", given.name, "", given.name, why, repeatable, _identifier_query(given, able))
    return _create(given, able, "its id is a number, which servers give out" if given.id else "it has no id")


def _create(given: Given, able: TypeCapabilities, why: str) -> PlannedEntry:
    condition = _identifier_query(given, able) if able.conditional_create is not False else ""
    return _without_id(
        given, able, why if condition else f"{why}; no identifier can be asked for", method="POST", condition=condition
    )


def _without_id(given: Given, able: TypeCapabilities, why: str, *, method: str, condition: str) -> PlannedEntry:
    url = f"{given.type}?{condition}" if method == "PUT" else given.type
    target = given.full_url
    if not target.startswith(("urn:uuid:", "urn:oid:")) and (target or given.id):
        target = f"urn:uuid:{uuid5(NAMESPACE_URL, target or given.name)}"
    search = condition or _identifier_query(given, able)
    return PlannedEntry(given, method, url, condition, target, why, bool(condition), search)


def _identifier_query(given: Given, able: TypeCapabilities) -> str:
    """
    Return the search for the first identifier of a resource; empty when it has none, or the server cannot search it.

    Source: https://hl7.org/fhir/R4/search.html#escaping
    """
    token = next(identifiers_of(given.resource), "") if able.identifier_search is not False else ""
    return f"identifier={quote(token, safe=':/')}" if token else ""
