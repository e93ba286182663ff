"""Reconcile: find out what became of a request without proper answer, before anything is sent again."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Literal

from fhir_case.errors import RejectedError
from fhir_case.load.journal.entry import JournalEntry
from fhir_case.load.send.answers import entry_failed
from fhir_case.load.send.before import NOT_ASKED, Before, identified, new_of
from fhir_case.load.send.matching import content_of, matched
from fhir_case.load.send.presence import lacks_an_update, presence, presence_of_batch
from fhir_case.server.lookup import found_by_id, found_by_request, name_of, version_of, written_by

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from fhir_case.fhir.wire import Resource
    from fhir_case.load.journal.entry import State
    from fhir_case.load.plan.entry import PlannedEntry
    from fhir_case.load.send.link import Link
    from fhir_case.server.client import Client

__all__ = ["Delivery", "reattributed", "reconcile", "result_of"]

Delivery = Literal["done", "not done", "unknown"]

_NEWEST = 500
_GONE = 410


def reconcile(
    link: Link,
    sent: Sequence[PlannedEntry],
    requests: Sequence[str],
    *,
    finished: bool = False,
    as_a_whole: bool = True,
    taken: Collection[str] = (),
    before: Before = NOT_ASKED,
    last: bool = False,
) -> tuple[Delivery, tuple[JournalEntry, ...]]:
    """
    Look up whether one of some requests carried out a transaction, and what became of its entries.

    Args:
        sent: What was sent.
        requests: The headers ``X-Request-ID`` of the attempts.
        finished: Whether the server is done with them; otherwise they are looked for during a while.
        as_a_whole: Whether all of it is stored or nothing; of a batch each resource has to be found.
        taken: ``Type/id`` of what is known to be stored of other entries of the same requests.
        before: What the server had before.
        last: Whether it is not sent again: then "not done" means that it is not there, also where repeating it does
            no harm.

    Raises:
        ServerError: The server was not reached for too long.
    """
    harmless = not last and all(entry.repeatable for entry in sent)
    longest_s = 0.0 if harmless or finished else max(link.policy.settle_s, 2 * link.tally.longest_s)
    begin, pause = link.clock(), 0.1
    while True:
        delivery, entries = link.with_retries(
            lambda: _outcome_of(sent, link, requests, as_a_whole=as_a_whole, taken=taken, before=before)
        )
        if delivery == "unknown" and harmless:
            return "not done", ()
        if delivery != "not done" or link.clock() - begin >= longest_s or link.stop.wait(pause):
            return delivery, entries
        pause = min(2 * pause, 2.0)


def reattributed(link: Link, entries: tuple[JournalEntry, ...], requests: Sequence[str]) -> tuple[JournalEntry, ...]:
    """
    Return entries so that what an earlier attempt stored without an answer counts as created by this run.

    Raises:
        ServerError: The server was not reached for too long.
    """
    doubtful = [entry for entry in entries if entry.state in ("unchanged", "updated")]
    if not doubtful:
        return entries
    ours = link.with_retries(lambda: _created_by(link.client, doubtful, requests))
    return tuple(
        replace(entry, state="created" if ours[entry.stored_as] else "updated")
        if entry in doubtful and entry.stored_as in ours
        else entry
        for entry in entries
    )


def _outcome_of(
    entries: Sequence[PlannedEntry],
    link: Link,
    requests: Sequence[str],
    *,
    as_a_whole: bool,
    taken: Collection[str],
    before: Before,
) -> tuple[Delivery, tuple[JournalEntry, ...]]:
    """Look up once; a transaction is stored as a whole, so that one resource of it proves all of it."""
    delivery: Delivery = "unknown"
    results: tuple[JournalEntry, ...] = ()
    with suppress(RejectedError):
        if link.request_ids.usable:
            delivery, results = _by_request(entries, link.client, requests, as_a_whole=as_a_whole, taken=taken)
            if delivery == "done":
                link.request_ids.proven = True
            if delivery == "done" or link.request_ids.proven or not _may_be_there(entries, link.client):
                return delivery, results
            delivery = "unknown"
        if as_a_whole:
            delivery, results = _by_identifier(entries, link.client, before, unmet_counts=link.request_ids.undecided)
        elif not all(entry.repeatable for entry in entries):  # else all of it is sent again
            delivery, results = presence_of_batch(entries, link.client, before)
        if delivery == "done" and link.request_ids.usable:
            # It was stored after the first look: what has no identifier is found by its request now.
            late, found = _by_request(entries, link.client, requests, as_a_whole=as_a_whole, taken=taken)
            if late == "done":
                link.request_ids.proven = True
                results = found
    return delivery, results


def _may_be_there(entries: Sequence[PlannedEntry], client: Client) -> bool:
    """
    Whether the newest resources include one that says the same as what was sent, above all what must not be sent twice.

    As long as it is not known whether the server keeps our request ids, it does not count that none is found by them.
    """
    once = [entry for entry in entries if not entry.repeatable] or entries
    newest: dict[str, list[Resource]] = {}
    for kind in dict.fromkeys(entry.original.type for entry in once):
        found = client.search(kind, {"_sort": "-_lastUpdated", "_count": str(_NEWEST)})
        newest[kind] = list(islice(found, _NEWEST))
    return bool(matched(once, newest))


def _created_by(client: Client, entries: Sequence[JournalEntry], requests: Sequence[str]) -> dict[str, bool]:
    """Return for each ``Type/id`` of these entries that one of some requests stored whether it created it."""
    found = found_by_id(client, [entry.stored_as for entry in entries if entry.stored_as], elements="meta").resources
    return {
        name: _is_new(client, name, resource, requests)
        for name, resource in found.items()
        if written_by(resource, requests)
    }


def _is_new(client: Client, name: str, resource: Resource, requests: Sequence[str]) -> bool:
    """Whether nothing, or a deletion, was before the versions of a resource that some requests have written."""
    while written_by(resource, requests):
        version = version_of(resource)
        if version in ("", "1"):
            return True
        if not version.isdecimal():
            return False
        try:
            resource = client.request("GET", f"{name}/_history/{int(version) - 1}").body or {}
        except RejectedError as error:
            return error.status == _GONE
    return False


def _by_request(
    entries: Sequence[PlannedEntry],
    client: Client,
    requests: Sequence[str],
    *,
    as_a_whole: bool,
    taken: Collection[str],
) -> tuple[Delivery, tuple[JournalEntry, ...]]:
    kinds = list(dict.fromkeys(entry.original.type for entry in entries))
    if not any(found_by_request(client, kind, requests) for kind in kinds):
        return "not done", ()
    # It may have been stored between two of these searches; now all of it is there.
    stored = {
        kind: [each for each in found_by_request(client, kind, requests) if f"{kind}/{each['id']}" not in taken]
        for kind in kinds
    }
    stored_as = matched(entries, stored)
    unmatched = [
        entry.original.name for number, entry in enumerate(entries) if number not in stored_as and not entry.by_id
    ]
    found = identified(client, [entry for entry in entries if entry.original.name in set(unmatched)])
    results = tuple(
        result_of(entry, stored_as.get(number) or _first(found.get(entry.identity)), number in stored_as)
        if as_a_whole or number in stored_as
        else entry_failed(entry, "the answer was lost, and it is not among what the batch has stored", state="unknown")
        for number, entry in enumerate(entries)
    )
    updated = [result for result in results if result.state == "updated"]
    ours = _created_by(client, updated, requests) if updated else {}
    return "done", tuple(
        replace(result, state="created") if result.state == "updated" and ours.get(result.stored_as) else result
        for result in results
    )


def _by_identifier(
    entries: Sequence[PlannedEntry], client: Client, before: Before, *, unmet_counts: bool
) -> tuple[Delivery, tuple[JournalEntry, ...]]:
    """
    Look up what was not there before: a transaction is stored as a whole, so that one resource proves all of it.

    What is there proves nothing where it was not looked up before; what a search cannot tell proves nothing either.
    """
    found = identified(client, entries)
    new = new_of(found, before)
    if all(entry.repeatable for entry in entries):
        return presence(entries, client, found, before)
    created = [entry for entry in entries if entry.method == "POST" and not entry.repeatable]
    stored = _stored_since(client, entries, new, before)
    absent = found.keys() - new.keys()
    proven = before.asked and any(entry.identity in new for entry in created)
    proven = proven or any(entry.by_id and entry.original.name in stored for entry in entries)
    if stored and not proven and before.asked and any(entry.identity in absent for entry in created):
        # Somebody else has stored the same under a condition: what was to be created beside it is not there.
        return ("not done" if all(entry.search for entry in created) else "unknown"), ()
    if stored or proven:
        return "done", tuple(_identified_result(entry, found, new, stored, before) for entry in entries)
    once = any(not entry.repeatable for entry in entries)
    # What a condition asks for would be there by now. A later answer is noticed only where request ids are kept.
    unmet = unmet_counts and any(entry.condition and found.get(entry.identity) == [] for entry in entries)
    seen_absent = unmet or any(entry.identity in absent for entry in created)
    if once and not seen_absent and not lacks_an_update(entries, client):
        return "unknown", ()
    return "not done", ()


def _stored_since(
    client: Client, entries: Sequence[PlannedEntry], new: Mapping[str, list[Resource]], before: Before
) -> dict[str, Resource]:
    """Return under ``Type/id`` what the server has since then that says what was sent: it need not be sent again."""
    places = {}
    for entry in entries:
        if entry.by_id and not entry.deletes and before.versions is not None:
            places[entry.original.name] = entry
        elif entry.condition and entry.method == "POST" and before.asked and entry.identity in new:
            places[name_of(new[entry.identity][0])] = entry
    return {
        name: resource
        for name, resource in found_by_id(client, places).resources.items()
        if not (places[name].by_id and _as_before(name, resource, before))
        and content_of(resource) == content_of(places[name].original.resource)
    }


def _as_before(name: str, resource: Resource, before: Before) -> bool:
    known = (before.versions or {}).get(name)
    return known is not None and (not known or known == version_of(resource))


def _identified_result(
    entry: PlannedEntry,
    found: Mapping[str, list[Resource]],
    new: Mapping[str, list[Resource]],
    stored: Mapping[str, Resource],
    before: Before,
) -> JournalEntry:
    """Return what became of an entry of a transaction that was carried out."""
    state: State
    fresh = _first(new.get(entry.identity))
    if entry.by_id and before.versions is not None and not entry.deletes:
        resource = stored.get(entry.original.name)
        was_there = entry.original.name in before.versions
        state = "unchanged" if resource is None and was_there else "updated" if was_there else "created"
        version = version_of(resource or {})
        return JournalEntry.of(entry, 0, state, stored_as=entry.original.name, version=version)
    if fresh is not None and entry.condition and entry.method == "POST" and not before.asked:
        # It may have been there before, so that it is not ours to delete.
        state = "updated or unchanged"
        return JournalEntry.of(entry, 0, state, stored_as=name_of(fresh), version=version_of(fresh))
    if fresh is None and entry.method == "POST":
        return result_of(entry, _first(found.get(entry.identity)) if entry.condition else None, False)
    return result_of(entry, fresh or _first(found.get(entry.identity)), True)


def _first(resources: Sequence[Resource] | None) -> Resource | None:
    return resources[0] if resources else None


def result_of(entry: PlannedEntry, resource: Resource | None, ours: bool) -> JournalEntry:
    """Return the entry of the journal for a transaction that was carried out, though its answer was lost."""
    if entry.deletes:
        return JournalEntry.of(entry, 0, "deleted")
    if resource is None and not entry.by_id:
        return entry_failed(entry, "it was stored, but the answer was lost and no search finds it", state="unknown")
    version = version_of(resource or {})
    name = name_of(resource) if resource else entry.original.name
    state: State = "unchanged"
    if ours:
        state = "created" if version in ("", "1") or entry.method == "POST" else "updated"
    return JournalEntry.of(entry, 0, state, stored_as=name, version=version)
