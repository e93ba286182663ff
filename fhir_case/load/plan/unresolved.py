"""
Find the references that a server may leave as they came when it stores new resources.

A server gives a new resource its id, and writes that into the references to it, which say ``urn:uuid:…`` until then.
HAPI FHIR 8.8.0 does not do so below the elements that hold the extensions of primitive values, such as
``_effectiveDateTime``: there the references stay as they were sent, and lead nowhere.

Source: https://hl7.org/fhir/R4/http.html#trules (a server replaces all of them)
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from fhir_case.fhir.references import references_in, unversioned

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from fhir_case.fhir.wire import Resource
    from fhir_case.load.journal.entry import JournalEntry
    from fhir_case.load.plan.entry import PlannedEntry

__all__ = [
    "SIGN",
    "left_as_is",
    "left_in",
    "left_in_plan",
    "left_in_sent",
    "marked",
    "marked_in_doubt",
    "still_left",
]

SIGN = b'"_'
"""What the JSON of such an element begins with: a body without it needs no closer look."""

_TEMPORARY = ("urn:uuid:", "urn:oid:")


def left_in(resource: object) -> list[str]:
    """Return the text of every reference inside the extensions of a primitive value."""
    found: list[str] = []
    waiting: list[object] = [resource]
    for each in waiting:
        if isinstance(each, dict):
            for name, inner in each.items():
                if name.startswith("_"):
                    found += references_in(inner)
                elif isinstance(inner, dict | list):
                    waiting.append(inner)
        elif isinstance(each, list):
            waiting += [inner for inner in each if isinstance(inner, dict | list)]
    return found


def left_in_sent(
    entries: Iterable[tuple[int, PlannedEntry]], body: Resource | None, content: bytes
) -> dict[int, Resource]:
    """
    Return for the positions of those entries of a transaction in which a server may leave references what is sent.

    Args:
        entries: What is sent, each with its position, in the order of the body.
        body: The transaction; None when it is sent as it came, in which nothing is filled in.
        content: The same as JSON.
    """
    if body is None or SIGN not in content:
        return {}
    sent = list(entries)
    full_urls = {entry.target for _, entry in sent if entry.target.startswith(_TEMPORARY)}
    resources = ((position, each["resource"]) for (position, _), each in zip(sent, body["entry"], strict=True))
    return {position: resource for position, resource in resources if still_left(resource, full_urls)}


def left_in_plan(entries: Sequence[PlannedEntry]) -> list[PlannedEntry]:
    """Return the entries of a plan in which a server may leave a reference, unless what it means is there already."""
    new = {name for entry in entries if entry.target.startswith(_TEMPORARY) for name in entry.names}
    return [entry for entry in entries if new and _refers_to(new, entry)]


def left_as_is(entries: Sequence[PlannedEntry]) -> list[PlannedEntry]:
    """Return the entries in which a server may leave a reference when they are sent exactly as they came."""
    named = {name for entry in entries for name in entry.names if name.startswith(_TEMPORARY)}
    return [entry for entry in entries if named and _refers_to(named, entry)]


def _refers_to(names: set[str], entry: PlannedEntry) -> bool:
    return any(each in names or unversioned(each) in names for each in left_in(entry.given.resource))


def marked(entry: PlannedEntry, result: JournalEntry, *, holds: bool, full_urls: Collection[str]) -> JournalEntry:
    """
    Say of what was stored whether references in it are still open, and which fullUrl meant it.

    Args:
        holds: Whether the server may have left references in it.
        full_urls: What references to new resources say in the transaction, if there are such references in it.
    """
    # A conditional create that finds its resource leaves that as it is, and so do we.
    return _marked(entry, result, holds=holds and not result.found, full_urls=full_urls)


def marked_in_doubt(
    entries: Sequence[PlannedEntry], results: Iterable[JournalEntry], *, among: Sequence[PlannedEntry] = ()
) -> tuple[JournalEntry, ...]:
    """
    Say the same where it is not known what was sent, or whether a request without answer has stored it before.

    So all that may hold such references counts as open, until it is looked at.

    Args:
        among: All entries of the same documents, where not all of them were sent.
    """
    holding = {id(entry) for entry in left_in_plan(among or entries)}
    full_urls = {entry.target for entry in entries} if holding else ()
    return tuple(
        _marked(entry, result, holds=id(entry) in holding, full_urls=full_urls)
        for entry, result in zip(entries, results, strict=True)
    )


def _marked(entry: PlannedEntry, result: JournalEntry, *, holds: bool, full_urls: Collection[str]) -> JournalEntry:
    if not full_urls:
        return result
    state: Literal["open", ""] = "open" if holds and result.confirmed else ""
    full_url = entry.target if entry.target.startswith(_TEMPORARY) and entry.target in full_urls else ""
    return replace(result, references=state, full_url=full_url) if state or full_url else result


def still_left(resource: Resource, places: Collection[str]) -> bool:
    """Whether a stored resource still says one of some full URLs."""
    return any(each in places for each in left_in(resource))
