"""Find out whether what may be sent again without harm is there, and by whom: what was there before tells."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from fhir_case.errors import RejectedError
from fhir_case.load.journal.entry import JournalEntry
from fhir_case.load.send.answers import entry_unknown
from fhir_case.load.send.before import identified, new_of
from fhir_case.load.send.matching import content_of
from fhir_case.server.lookup import found_by_id, name_of, version_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fhir_case.fhir.wire import Resource
    from fhir_case.load.journal.entry import State
    from fhir_case.load.plan.entry import PlannedEntry
    from fhir_case.load.send.before import Before
    from fhir_case.server.client import Client
    from fhir_case.server.lookup import Lookup

__all__ = ["lacks_an_update", "made_meanwhile", "presence", "presence_of_batch"]

_GONE = (404, 410)
_FOUND = ("unchanged", "updated", "updated or unchanged")
_Presence = JournalEntry | Literal["absent", "unknown"]


def presence(
    entries: Sequence[PlannedEntry], client: Client, found: Mapping[str, list[Resource]], before: Before
) -> tuple[Literal["done", "not done", "unknown"], tuple[JournalEntry, ...]]:
    """
    Return whether a transaction was carried out: each of it has to be there, since another loader may store the same.

    Args:
        entries: What was sent; it may be sent again.
        found: What the server has of each identity now.
        before: What it had before.

    Raises:
        ServerError: The server was not reached, or is overloaded.
    """
    each = _each(entries, client, found, before)
    if "absent" in each:
        return "not done", ()
    known = tuple(one for one in each if isinstance(one, JournalEntry))
    return ("done", known) if known and len(known) == len(each) else ("unknown", ())


def presence_of_batch(
    entries: Sequence[PlannedEntry], client: Client, before: Before
) -> tuple[Literal["done", "unknown"], tuple[JournalEntry, ...]]:
    """
    Return what a batch has stored, of which each entry stands for itself; what nothing shows is unknown.

    Raises:
        ServerError: The server was not reached, or is overloaded.
        RejectedError: The server refused a search.
    """
    found = identified(client, entries)
    new = new_of(found, before) if before.asked else {}
    results = tuple(
        one
        if isinstance(one, JournalEntry)
        else _stored(entry, new[entry.identity][0], "created")
        if entry.method == "POST" and not entry.condition and len(new.get(entry.identity, ())) == 1
        else entry_unknown(entry, "the answer was lost, and nothing shows that the batch has stored it")
        for entry, one in zip(entries, _each(entries, client, found, before), strict=True)
    )
    return ("done", results) if any(each.confirmed for each in results) else ("unknown", ())


def _each(
    entries: Sequence[PlannedEntry], client: Client, found: Mapping[str, list[Resource]], before: Before
) -> list[_Presence]:
    new = new_of(found, before)
    named = {name_of(one) for entry in entries for one in found.get(entry.identity, ()) if not entry.by_id}
    named |= {entry.original.name for entry in entries if entry.by_id}
    there = found_by_id(client, sorted(named))
    return [
        _by_id(entry, there, before)
        if entry.by_id
        else _by_condition(entry, found.get(entry.identity), there, before, is_new=entry.identity in new)
        for entry in entries
    ]


def made_meanwhile(
    entries: Sequence[PlannedEntry], results: Sequence[JournalEntry], before: Before
) -> tuple[JournalEntry, ...]:
    """Return what an answer says, where an earlier attempt has stored without an answer what was not there before."""
    return tuple(
        replace(result, state="created")
        if result.state in _FOUND and result.stored_as and _was_absent(entry, result.stored_as, before)
        else result
        for entry, result in zip(entries, results, strict=True)
    )


def _was_absent(entry: PlannedEntry, stored_as: str, before: Before) -> bool:
    if entry.by_id:
        return before.versions is not None and stored_as not in before.versions
    return bool(entry.token) and before.asked and stored_as not in before.identified


def lacks_an_update(entries: Sequence[PlannedEntry], client: Client) -> bool:
    """
    Whether something is not there that an update would have put there under its id: then nothing of a transaction is.

    What a search does not find is read too, since the index of a server may be behind.

    Raises:
        ServerError: The server was not reached, or is overloaded.
    """
    names = [entry.original.name for entry in entries if entry.by_id and not entry.deletes]
    there = found_by_id(client, names, elements="id").resources
    kind, _, resource_id = next((name for name in names if name not in there), "").partition("/")
    if not kind:
        return False
    try:
        client.read(kind, resource_id)
    except RejectedError as error:
        return error.status in _GONE
    return False


def _by_id(entry: PlannedEntry, there: Lookup, before: Before) -> _Presence:
    name = entry.original.name
    if entry.deletes or entry.original.type in there.refused:
        return "unknown"
    resource = there.resources.get(name)
    if resource is None:
        return "absent"
    if before.versions is None:
        return "unknown"
    known, version = before.versions.get(name), version_of(resource)
    same = content_of(resource) == content_of(entry.original.resource)
    if known and known == version:
        return _stored(entry, resource, "unchanged") if same else "absent"
    if not same:
        return "unknown"  # of somebody else, or the server keeps something else than what it is sent
    return _stored(entry, resource, "created" if known is None else "updated" if known else "updated or unchanged")


def _by_condition(
    entry: PlannedEntry, found: Sequence[Resource] | None, there: Lookup, before: Before, *, is_new: bool
) -> _Presence:
    if not entry.token or found is None:
        return "unknown"  # only the server knows what its condition means, or its search does not tell
    if not found:
        return "absent"
    if not before.asked or len(found) > 1:
        return "unknown"
    if entry.method == "POST" and not is_new:
        return _stored(entry, found[0], "unchanged")
    resource = there.resources.get(name_of(found[0]))
    if resource is None or content_of(resource) != content_of(entry.original.resource):
        return "unknown"
    return _stored(entry, resource, "created" if is_new else "updated or unchanged")


def _stored(entry: PlannedEntry, resource: Resource, state: State) -> JournalEntry:
    return JournalEntry.of(entry, 0, state, stored_as=name_of(resource), version=version_of(resource))
