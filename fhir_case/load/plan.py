"""Decide what to send to a server for one Bundle; nothing is sent here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote
from uuid import NAMESPACE_URL, uuid5

from fhir_case.errors import MappingError, RejectedError
from fhir_case.fhir import wire
from fhir_case.load.references import references_in, rewritten, unversioned
from fhir_case.load.source import given_entries
from fhir_case.server.capabilities import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fhir_case.fhir.wire import Resource
    from fhir_case.load.source import Given
    from fhir_case.server.capabilities import Capabilities, TypeCapabilities

__all__ = ["Plan", "PlannedEntry", "plan"]

_NAMED_IN_A_WARNING = 3


@dataclass(frozen=True, slots=True)
class PlannedEntry:
    """
    Say what is sent for one resource, and why so.

    Args:
        given: The entry of the Bundle that was given.
        method: ``PUT`` or ``POST``.
        url: The URL of the request, below the base URL.
        condition: The search on which it depends, encoded; empty when it depends on none.
        target: What the references to it say in what is sent: ``Type/id`` or ``urn:uuid:…``.
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
        """Tell whether we choose the id, so that it is known where the resource will be."""
        return self.method == "PUT" and not self.condition


@dataclass(frozen=True, slots=True)
class Plan:
    """
    Hold one transaction that is ready to send.

    Args:
        bundle: The transaction.
        entries: What is sent for each resource, in the order of the transaction.
        warnings: What the user should know beforehand.
    """

    bundle: Resource
    entries: tuple[PlannedEntry, ...]
    warnings: tuple[str, ...] = ()

    @property
    def repeatable(self) -> bool:
        """Tell whether sending all of it again changes and creates nothing."""
        return all(entry.repeatable for entry in self.entries)

    def __str__(self) -> str:
        lines = [f"One transaction, entries: {len(self.entries)}"]
        lines += [f"  {entry.method:<4} {_request_line(entry)}  ({entry.why})" for entry in self.entries]
        return "\n".join([*lines, *(f"Warning: {warning}" for warning in self.warnings)])

    def to_dict(self) -> dict[str, Any]:
        """Give the plan as JSON, without the resources."""
        return {
            "repeatable": self.repeatable,
            "warnings": list(self.warnings),
            "entries": [
                {
                    "resource": entry.given.name,
                    "method": entry.method,
                    "url": entry.url,
                    "condition": entry.condition,
                    "repeatable": entry.repeatable,
                    "why": entry.why,
                }
                for entry in self.entries
            ],
        }


def plan(bundle: Resource, capabilities: Capabilities = UNKNOWN, *, fhir: str = "R4") -> Plan:
    """
    Turn a Bundle of any loadable type into one transaction that this server can take.

    A transaction or batch is sent as it asks. The resources of another Bundle, which asks for nothing, are sent as PUT
    with their own id; where the server gives the ids itself, or the id is a number, which servers give out, as POST
    that depends on their first identifier; without one as plain POST.

    Args:
        bundle: The Bundle; it stays as it is.
        capabilities: What the server can do.
        fhir: The release of FHIR in which the Bundle is written.

    Source: https://hl7.org/fhir/R4/http.html#transaction

    Raises:
        MappingError: The Bundle cannot be loaded, or two of its entries clash.
        RejectedError: The server says that it speaks another release or takes no transactions.
    """
    _check_server(capabilities, fhir)
    # Writing and reading it gives a copy of our own, and refuses what cannot be sent before anything is.
    try:
        bundle = wire.parse(wire.dump(bundle))
    except TypeError as error:
        raise MappingError(f"the Bundle cannot be written as JSON: {error}") from error
    given, warnings = given_entries(bundle)
    entries = tuple(_planned(each, capabilities) for each in given)
    _refuse_clashes(entries)
    targets: dict[str, str] = {}
    for entry in entries:
        for name in filter(None, (entry.given.name, entry.given.full_url)):
            targets.setdefault(name, entry.target)
    return Plan(
        bundle={
            "resourceType": "Bundle",
            "type": "transaction",
            "entry": [_to_send(entry, targets) for entry in entries],
        },
        entries=entries,
        warnings=(*warnings, *_warnings(entries, targets, capabilities)),
    )


def _check_server(capabilities: Capabilities, fhir: str) -> None:
    if capabilities.release and capabilities.release.removesuffix("B") != fhir.removesuffix("B"):
        raise RejectedError(
            f"the server speaks FHIR {capabilities.fhir_version}, the Bundle is {fhir}",
            hint="choose a server of that release, or say in which release the Bundle is written",
        )
    if capabilities.transaction is False:
        raise RejectedError("the server says that it takes no transactions")


def _planned(given: Given, capabilities: Capabilities) -> PlannedEntry:
    asked = "the Bundle asks for it"
    able = capabilities.of(given.type)
    method, url = given.request.get("method"), str(given.request.get("url", ""))
    kind, conditional, query = url.partition("?")
    if method == "POST" or conditional:
        if kind != given.type:
            raise MappingError(f"the request is {method} {kind}, but its resource is a {given.type}", where=given.name)
        condition = str(given.request.get("ifNoneExist") or "").removeprefix(f"{given.type}?").removeprefix("?")
        return _without_id(given, able, asked, method=str(method), condition=query if method == "PUT" else condition)
    if method == "PUT" and url != given.name:
        raise MappingError(f"the request is PUT {url}, but its resource is {given.name}", where=given.name)
    if method == "PUT" or (given.id and not given.id.isdigit()):
        if able.update_create is False:
            return _create(given, able, "the server gives the ids itself")
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
    urn = given.full_url.startswith(("urn:uuid:", "urn:oid:"))
    target = given.full_url if urn else f"urn:uuid:{uuid5(NAMESPACE_URL, given.full_url or given.name)}"
    search = condition or _identifier_query(given, able)
    return PlannedEntry(given, method, url, condition, target, why, bool(condition), search)


def _identifier_query(given: Given, able: TypeCapabilities) -> str:
    """
    Give the search for the first identifier of a resource; empty when it has none, or the server cannot search it.

    Source: https://hl7.org/fhir/R4/search.html#escaping
    """
    found = given.resource.get("identifier") if able.identifier_search is not False else None
    identifiers = found if isinstance(found, list) else [found]
    for identifier in identifiers:
        if isinstance(identifier, dict) and isinstance(identifier.get("value"), str) and identifier["value"]:
            parts = (_escaped(str(identifier.get("system") or "")), _escaped(identifier["value"]))
            return f"identifier={quote('|'.join(parts), safe=':/')}"
    return ""


def _escaped(text: str) -> str:
    return "".join(f"\\{sign}" if sign in "\\|,$" else sign for sign in text)


def _refuse_clashes(entries: Sequence[PlannedEntry]) -> None:
    """Refuse two entries of which a server would drop one, some of them without a word."""
    seen: dict[tuple[str, str], PlannedEntry] = {}
    for entry in entries:
        claims = [("fullUrl", entry.given.full_url), ("id", entry.given.name if entry.given.id else "")]
        claims.append(("condition", f"{entry.given.type}?{unquote(entry.condition)}" if entry.condition else ""))
        for claim in claims:
            other = seen.setdefault(claim, entry) if claim[1] else entry
            if other is not entry:
                raise MappingError(
                    f"{entry.given.name} and {other.given.name} have the same {claim[0]}: {claim[1]}",
                    where=f"Bundle.entry[{entries.index(other)}] and [{entries.index(entry)}]",
                    hint="a server would store only one of them",
                )


def _to_send(entry: PlannedEntry, targets: dict[str, str]) -> dict[str, Any]:
    def change(reference: str) -> str:
        return targets.get(reference) or targets.get(unversioned(reference)) or reference

    resource = rewritten(entry.given.resource, change)
    if entry.by_id:
        located = {"fullUrl": entry.given.full_url} if entry.given.full_url else {}
        return {**located, "resource": resource, "request": {**entry.given.request, "method": "PUT", "url": entry.url}}
    resource.pop("id", None)  # the server gives it, and some keep the one that is sent
    request = {"method": entry.method, "url": entry.url}
    if entry.method == "POST" and entry.condition:
        request["ifNoneExist"] = entry.condition
    return {"fullUrl": entry.target, "resource": resource, "request": request}


def _warnings(entries: Sequence[PlannedEntry], targets: dict[str, str], capabilities: Capabilities) -> Iterator[str]:
    doubled = [entry.given.name for entry in entries if not entry.repeatable]
    if doubled:
        yield f"loading twice will duplicate what has no condition: {_some(doubled)}"
    unlisted = sorted({entry.given.type for entry in entries if not capabilities.lists(entry.given.type)})
    if unlisted:
        yield f"the server does not list these types: {_some(unlisted)}"
    leaving: dict[str, None] = {}
    for entry in entries:
        for reference in references_in(entry.given.resource):
            inside = reference in targets or unversioned(reference) in targets
            if not inside and not reference.startswith("#") and "?" not in reference:
                leaving[f"{reference} (in {entry.given.name})"] = None
    if leaving:
        yield f"references that leave the Bundle, which the server has to know: {_some(list(leaving))}"


def _some(names: list[str]) -> str:
    more = len(names) - _NAMED_IN_A_WARNING
    return ", ".join(names[:_NAMED_IN_A_WARNING]) + (f" and {more} more" if more > 0 else "")


def _request_line(entry: PlannedEntry) -> str:
    return f"{entry.url} if none has {entry.condition}" if entry.method == "POST" and entry.condition else entry.url
