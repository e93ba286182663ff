"""Decide which request is sent for one resource; nothing is sent here."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qsl, quote, urlencode
from uuid import NAMESPACE_URL, uuid5

from fhir_case.errors import BundleError
from fhir_case.fhir.identifiers import identifiers_of, token_of

if TYPE_CHECKING:
    from fhir_case.load.plan.bundle import BundleEntry
    from fhir_case.server.capabilities import Capabilities, TypeCapabilities

__all__ = ["Ids", "PlannedEntry", "planned_entry"]

_SLASH = "take away the slash at the end of the URL of the request"

Ids = Literal["given", "server"]


@dataclass(slots=True)  # to make frozen ones, of which each resource has three, takes a tenth of all our time
class PlannedEntry:
    """
    What is sent for one resource, and why. Nothing changes it.

    Args:
        original: The entry of the Bundle.
        method: ``PUT`` or ``POST``; ``DELETE`` in what is sent as it came.
        url: The URL of the request, below the base URL.
        condition: The search on which it depends, encoded; empty when it depends on none.
        target: What the references to it say in what is sent: ``Type/id`` or ``urn:uuid:…``; empty when it has no
            name to which anything could refer.
        why: The reason for the request.
        repeatable: Whether sending it again changes and creates nothing.
        search: The query, encoded, that finds it on the server where its id does not; empty when none does.
    """

    original: BundleEntry
    method: str
    url: str
    condition: str
    target: str
    why: str
    repeatable: bool
    search: str

    @property
    def key(self) -> tuple[str, int]:
        """Return its document, and its position there."""
        return self.original.source, self.original.position

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
        original = self.original
        if not original.id:
            return (original.full_url,) if original.full_url else ()
        return (
            (original.name, original.full_url)
            if original.full_url and original.full_url != original.name
            else (original.name,)
        )

    @property
    def identity(self) -> str:
        """Return what identifies it on the server: there it may be only once; empty when nothing does."""
        if self.by_id:
            return self.url
        return f"{self.original.type}?{_in_one_spelling(self.search)}" if self.search else ""

    @property
    def token(self) -> str:
        """Return the identifier that its condition asks for, and that it has itself; empty where that is not so."""
        token = token_of(self.condition) if self.condition else ""
        return token if token and token in identifiers_of(self.original.resource) else ""

    @property
    def asks_server(self) -> bool:
        """Whether only the server knows what its condition means."""
        return bool(self.condition) and not token_of(self.condition)

    @property
    def request_line(self) -> str:
        """Return the request in words."""
        return f"{self.url} if none has {self.condition}" if self.method == "POST" and self.condition else self.url


@lru_cache(maxsize=10_000)  # it is needed several times for each entry
def _in_one_spelling(search: str) -> str:
    """Write a search in one way of several, such as with | or %7C, so that equal ones are equal texts."""
    return urlencode(sorted(parse_qsl(search, keep_blank_values=True)))


def planned_entry(original: BundleEntry, capabilities: Capabilities, *, ids: Ids = "given") -> PlannedEntry:
    """
    Decide what is sent for one resource.

    A transaction or batch is sent as it asks. The resources of another Bundle, which asks for nothing, are sent as PUT
    with their own id; where the server assigns the ids itself, or the id is a number, which servers assign, as POST
    that depends on their first identifier; without one as plain POST.

    Args:
        original: The entry; it stays as it is.
        capabilities: What the server can do.
        ids: ``server`` lets the server choose the ids of all resources that have an identifier, also of those that a
            PUT asks for.

    Source: https://hl7.org/fhir/R4/http.html#transaction

    Raises:
        BundleError: The request does not fit the resource.
    """
    requested = "the Bundle requests it"
    able = capabilities.of(original.type)
    method, url = original.request.get("method"), str(original.request.get("url", ""))
    if method == "DELETE":
        return PlannedEntry(original, "DELETE", original.name, "", "", requested, repeatable=True, search="")
    kind, conditional, query = url.partition("?")
    if method == "POST" or conditional:
        if kind != original.type:
            raise BundleError(
                f"the request is {method} {kind}, but its resource is a {original.type}",
                where=original.name,
                hint=_SLASH if kind.rstrip("/") == original.type else "",
            )
        condition = str(original.request.get("ifNoneExist") or "").removeprefix(f"{original.type}?").removeprefix("?")
        return _without_id(
            original, able, requested, method=str(method), condition=query if method == "PUT" else condition
        )
    if method == "PUT" and url != original.name:
        raise BundleError(
            f"the request is PUT {url}, but its resource is {original.name}",
            where=original.name,
            hint=_SLASH if url.rstrip("/") == original.name else "",
        )
    if method == "PUT" or (original.id and not original.id.isdigit()):
        repeatable = "ifMatch" not in original.request  # else it is about a version of what is there
        if repeatable and able.update_create is False:
            return _create(original, able, "the server assigns the ids itself")
        if repeatable and ids == "server" and _identifier_query(original, able):
            return _create(original, able, "the server shall assign the ids")
        why = requested if method else "it has an id"
        return PlannedEntry(
            original, "PUT", original.name, "", original.name, why, repeatable, _identifier_query(original, able)
        )
    return _create(original, able, "its id is a number, which servers assign" if original.id else "it has no id")


def _create(original: BundleEntry, able: TypeCapabilities, why: str) -> PlannedEntry:
    condition = _identifier_query(original, able) if able.conditional_create is not False else ""
    return _without_id(
        original,
        able,
        why if condition else f"{why}; it has no identifier that can be searched",
        method="POST",
        condition=condition,
    )


def _without_id(
    original: BundleEntry, able: TypeCapabilities, why: str, *, method: str, condition: str
) -> PlannedEntry:
    url = f"{original.type}?{condition}" if method == "PUT" else original.type
    target = original.full_url
    if not target.startswith(("urn:uuid:", "urn:oid:")) and (target or original.id):
        target = f"urn:uuid:{uuid5(NAMESPACE_URL, target or original.name)}"
    search = condition or _identifier_query(original, able)
    repeatable = bool(condition) and "ifMatch" not in original.request
    return PlannedEntry(original, method, url, condition, target, why, repeatable, search)


def _identifier_query(original: BundleEntry, able: TypeCapabilities) -> str:
    """
    Return the search for the first identifier of a resource; empty when it has none, or the server cannot search it.

    Source: https://hl7.org/fhir/R4/search.html#escaping
    """
    token = next(identifiers_of(original.resource), "") if able.identifier_search is not False else ""
    return f"identifier={quote(token, safe=':/')}" if token else ""
