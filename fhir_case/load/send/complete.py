"""Look up what a successful answer does not say: it named fewer resources than were sent, others, or none."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from fhir_case.errors import RejectedError, ServerError
from fhir_case.load.send.answers import entry_unknown
from fhir_case.load.send.before import NOT_ASKED, identified, new_of
from fhir_case.load.send.matching import matched
from fhir_case.load.send.reconcile import reattributed, reconcile, result_of
from fhir_case.server.lookup import found_by_id, found_by_request, name_of, version_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fhir_case.fhir.wire import Resource
    from fhir_case.load.journal.entry import JournalEntry, State
    from fhir_case.load.plan.entry import PlannedEntry
    from fhir_case.load.send.before import Before
    from fhir_case.load.send.link import Link
    from fhir_case.server.client import Client
    from fhir_case.server.lookup import Lookup

__all__ = ["Attempt", "completed_by_lookup", "is_incomplete"]


class Attempt:
    """
    One transaction that was sent, and what its answer says.

    Args:
        entries: What was sent, in its order.
        requests: The headers ``X-Request-ID`` of all attempts at it.
        named: ``Type/id`` of what the answer says was created.
        before: What the server had before.
        whole: Whether all of it is stored or nothing.
    """

    def __init__(
        self,
        entries: Sequence[PlannedEntry],
        requests: Sequence[str],
        named: Sequence[str],
        *,
        before: Before = NOT_ASKED,
        whole: bool = True,
    ) -> None:
        self.entries = entries
        self.requests = requests
        self.named = named
        self.before = before
        self.whole = whole


def is_incomplete(results: Sequence[JournalEntry], *, whole: bool) -> bool:
    """
    Whether an answer leaves open what became of a resource, or where it is.

    Args:
        whole: Whether all of it is stored or nothing: then an entry that is refused contradicts the success of all.
    """
    return any(_is_open(each, whole) for each in results)


def completed_by_lookup(
    link: Link, attempt: Attempt, results: Sequence[JournalEntry], *, finished: bool
) -> tuple[JournalEntry, ...]:
    """
    Return what became of each entry, also of those of which the answer says nothing and that the server has.

    What is not found stays unknown, and so does all while the server is not reached.

    Args:
        results: What the answer says.
        finished: Whether the server is done; otherwise it is asked during a while.
    """
    found = tuple(
        _in_doubt(entry, each) if attempt.whole and each.state == "failed" else each
        for entry, each in zip(attempt.entries, results, strict=True)
    )
    begin, pause = link.clock(), 0.1
    with suppress(ServerError, RejectedError):
        while True:
            found = link.with_retries(lambda: _looked_up(link, attempt, results))
            over = finished or link.clock() - begin >= link.policy.settle_s
            if over or not is_incomplete(found, whole=False) or link.stop.wait(pause):
                break
            pause = min(2 * pause, 2.0)
        if attempt.whole and is_incomplete(found, whole=False) and not any(each.confirmed for each in results):
            found = _by_what_was_there(link, attempt, found)
        if link.request_ids.usable:  # what was deleted before and is there again has a later version, and is new
            found = reattributed(link, found, attempt.requests)
    return found


def _by_what_was_there(link: Link, attempt: Attempt, found: tuple[JournalEntry, ...]) -> tuple[JournalEntry, ...]:
    """Return the same, where what was there before shows that the transaction was carried out, of which all is open."""
    delivery, shown = reconcile(
        link, attempt.entries, attempt.requests, finished=True, before=attempt.before, last=True
    )
    if delivery != "done":
        return found
    return tuple(one if one.confirmed else other for one, other in zip(found, shown, strict=True))


def _is_open(result: JournalEntry, whole: bool) -> bool:
    return result.state == "unknown" or _is_nowhere(result) or (whole and result.state == "failed")


def _in_doubt(entry: PlannedEntry, result: JournalEntry) -> JournalEntry:
    reason = f"{result.reason}, though its transaction was answered with success"
    return entry_unknown(entry, reason, status=result.status)


def _is_nowhere(result: JournalEntry) -> bool:
    return not result.stored_as and result.confirmed and result.state != "deleted"


def _looked_up(link: Link, attempt: Attempt, results: Sequence[JournalEntry]) -> tuple[JournalEntry, ...]:
    found = list(results)
    missing = [number for number, each in enumerate(results) if _is_open(each, attempt.whole)]
    entries = [attempt.entries[number] for number in missing]
    for number, resource in matched(entries, _ours(link, attempt, entries, results)).items():
        entry = entries[number]
        found[missing[number]] = replace(result_of(entry, resource, True), status=results[missing[number]].status)
    done = attempt.whole and any(each.confirmed for each in found)
    left = [number for number in missing if not found[number].stored_as]
    refused = [number for number in left if results[number].state == "failed"]
    named = identified(link.client, [attempt.entries[number] for number in (left if done else refused)])
    new = new_of(named, attempt.before)
    there = _by_id(link.client, [attempt.entries[number] for number in left])
    for number in left:
        entry = attempt.entries[number]
        if number in refused:
            known = link.request_ids.proven or _is_absent(entry, attempt.before, named, there)
            found[number] = results[number] if known else _in_doubt(entry, results[number])
            continue
        candidates = named if not _creates(entry) else new if attempt.before.asked else {}
        present = next(iter(candidates.get(entry.identity, ())), None)
        present = present or there.resources.get(entry.original.name)
        found[number] = _found(entry, present, attempt, results[number], done=done)
    return tuple(found)


def _ours(
    link: Link, attempt: Attempt, entries: Sequence[PlannedEntry], results: Sequence[JournalEntry]
) -> dict[str, list[Resource]]:
    """Return what these requests stored beside what is known already: as the answer names it, and as is looked up."""
    taken = {each.stored_as for each in results if each.stored_as}
    stored: dict[str, dict[str, Resource]] = defaultdict(dict)
    free = [name for name in attempt.named if name not in taken]
    for name, named in found_by_id(link.client, free).resources.items():
        stored[name.partition("/")[0]][name] = named
    kinds = list(dict.fromkeys(entry.original.type for entry in entries)) if link.request_ids.usable else []
    found = {kind: found_by_request(link.client, kind, attempt.requests) for kind in kinds}
    if len(kinds) > 1 and any(found.values()):
        # It may have been stored between two of these searches; now all of it is there.
        found = {kind: found_by_request(link.client, kind, attempt.requests) for kind in kinds}
    for kind, resources in found.items():
        for resource in resources:
            if (name := f"{kind}/{resource['id']}") not in taken:
                stored[kind][name] = resource
    return {kind: list(resources.values()) for kind, resources in stored.items()}


def _is_absent(entry: PlannedEntry, before: Before, named: Mapping[str, list[Resource]], there: Lookup) -> bool:
    """Whether a look at the server shows that it has not stored an entry: it has none, or only what it had before."""
    if entry.by_id:
        resource = there.resources.get(entry.original.name)
        if entry.deletes:
            return resource is not None
        if resource is None or before.versions is None:
            return resource is None and entry.original.type not in there.refused
        return before.versions.get(entry.original.name) == version_of(resource) != ""
    found = named.get(entry.identity)
    return found is not None and (not found or (before.asked and not new_of({entry.identity: found}, before)))


def _creates(entry: PlannedEntry) -> bool:
    return entry.method == "POST" and not entry.condition


def _by_id(client: Client, entries: Sequence[PlannedEntry]) -> Lookup:
    return found_by_id(client, [entry.original.name for entry in entries if entry.by_id], elements="id,meta")


def _found(
    entry: PlannedEntry, resource: Resource | None, attempt: Attempt, result: JournalEntry, *, done: bool
) -> JournalEntry:
    """Return what became of an entry of which no request proves it, only that the server has it."""
    if entry.deletes or resource is None or result.confirmed:
        return result if resource is None or entry.deletes else replace(result, stored_as=name_of(resource))
    version, before = version_of(resource), attempt.before.versions
    if entry.by_id and before is not None:
        known = before.get(entry.original.name)
        if known is None or (known and version and known != version):
            state: State = "created" if known is None else "updated"
            return replace(result, state=state, stored_as=entry.original.name, version=version, reason="")
    if not done:
        return result
    if entry.repeatable:  # it is there, and is not sent again; who put it there is not known
        return replace(result, state="updated or unchanged", stored_as=name_of(resource), version=version, reason="")
    return replace(result_of(entry, resource, True), status=result.status)
