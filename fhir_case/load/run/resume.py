"""Resume where an earlier run ended: read its journal, and reconcile its last requests."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from fhir_case.load.journal.reader import Unknown, read_records
from fhir_case.load.journal.record import Gap, LookedUp, RequestRecord
from fhir_case.load.plan.plan import entries_of, plan_document
from fhir_case.load.plan.subset import once_only
from fhir_case.load.plan.unresolved import unresolved_in_plan
from fhir_case.load.send.answers import entry_unknown
from fhir_case.load.send.before import Before
from fhir_case.load.send.doubts import Doubts
from fhir_case.load.send.outcomes import marked_in_doubt
from fhir_case.load.send.reconcile import reattributed, reconcile
from fhir_case.load.send.resolve import resolved_later

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from pathlib import Path

    from fhir_case.load.journal.entry import JournalEntry
    from fhir_case.load.journal.record import Sent
    from fhir_case.load.journal.writer import JournalFile
    from fhir_case.load.plan.entry import PlannedEntry
    from fhir_case.load.send.link import Link
    from fhir_case.load.send.reconcile import Delivery
    from fhir_case.load.send.sender import Sender
    from fhir_case.load.survey.index import Index
    from fhir_case.load.survey.preparation import Preparation

__all__ = ["Earlier", "Unresolved", "put_done", "read_earlier", "reconcile_earlier"]


class Unresolved:
    """What is stored with references that still have to be resolved, as far as a journal has been read."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self._opened: dict[tuple[str, int], tuple[JournalEntry, dict[str, str]]] = {}

    def __bool__(self) -> bool:
        return bool(self._opened or self.requests)

    def read(self, record: RequestRecord) -> None:
        """Take note of one request."""
        if record.resolving:
            self.requests.append(record.request)
        locations = {entry.full_url: entry.stored_as for entry in record.entries if entry.full_url}
        for entry in record.entries:
            if entry.references == "open" and not entry.retold:
                self._opened[entry.key] = entry, locations
            elif entry.references != "open":
                self._opened.pop(entry.key, None)

    def complete(self, sender: Sender, journal: JournalFile) -> tuple[JournalEntry, ...]:
        """
        Resolve the references, and return the entries in which they still are not.

        Raises:
            FhirCaseError: The journal cannot be written.
            ServerError: The server was not reached for too long.
        """
        groups: dict[int, list[JournalEntry]] = {}
        locations_of: dict[int, dict[str, str]] = {}
        for entry, locations in self._opened.values():  # those of one request have the same locations
            groups.setdefault(id(locations), []).append(entry)
            locations_of[id(locations)] = locations
        left: list[JournalEntry] = []
        for number, entries in groups.items():
            found = resolved_later(entries, locations_of[number], self.requests, sender)
            if found.error is not None:
                raise found.error
            left += [entry for entry in found.entries if not entry.ok]
        for request in self.requests:
            journal.not_done(request, "looked up later: what it resolved is noted")
        return tuple(left)


@dataclass(slots=True)
class Earlier:
    """
    What an earlier run left behind.

    Args:
        stored: How many resources it stored.
        last: ``Type/id`` on the server of one of the last of them; empty when there is none.
        written: Some of the last of them that a request wrote, each with that request.
        open_requests: The requests of which the journal does not know the end.
        unknown: The resources of which it is not known whether they are stored, nor will be.
        unresolved: The resources whose references still have to be resolved.
        not_done: The requests that had not done anything, but may have been carried out later all the same.
        requests: All requests that the journal names.
        gap: Whether lines of the journal are missing, and it was not looked up yet what they may have said was sent.
        answered: The requests of which it is known what became of some of their entries.
        doubts: What one of its requests may have created, whatever is known since then.
    """

    stored: int = 0
    last: str = ""
    written: deque[tuple[JournalEntry, str]] = field(default_factory=lambda: deque(maxlen=8))
    open_requests: list[RequestRecord] = field(default_factory=list)
    unknown: tuple[JournalEntry, ...] = ()
    unresolved: Unresolved = field(default_factory=Unresolved)
    not_done: list[RequestRecord] = field(default_factory=list)
    answered: set[str] = field(default_factory=set)
    requests: set[str] = field(default_factory=set)
    gap: bool = False
    doubts: Doubts = field(default_factory=Doubts)


def read_earlier(path: Path, index: Index) -> Earlier:
    """
    Read a journal, and note in an index what need not be sent any more.

    Raises:
        FhirCaseError: It cannot be read, or is not a journal.
    """
    earlier = Earlier()
    unknown = Unknown()
    for record in read_records(path):
        if isinstance(record, Gap | LookedUp):
            earlier.gap = isinstance(record, Gap)
        if not isinstance(record, RequestRecord):
            continue
        earlier.requests.add(record.request)
        if record.state == "open" and not record.resolving:
            earlier.open_requests.append(record)
        if record.types and record.sent:
            earlier.not_done.append(record)
        unknown.read(record)
        if any(entry.confirmed for entry in record.entries):
            earlier.answered.add(record.request)
        if doubtful := [entry.key for entry in record.entries if entry.state == "unknown"]:
            earlier.doubts.add(doubtful, _before([record]))
        earlier.unresolved.read(record)
        stored = [entry for entry in record.entries if entry.confirmed and not entry.retold]
        put_done(index, stored)
        earlier.stored += len(stored)
        earlier.last = next((entry.stored_as for entry in reversed(stored) if entry.stored_as), earlier.last)
        if record.request:
            written = (each for each in reversed(stored) if each.state in ("created", "updated") and each.version)
            earlier.written.extend((each, record.request) for each in islice(written, 1))
    again: set[tuple[str, int]] = set()
    for record, entries in unknown.by_request():
        again.update(entry.key for entry in entries)
        earlier.open_requests.append(
            RequestRecord(record.request, "open", (), _sent_of(entries), there=record.there, versions=record.versions)
        )
    earlier.unknown = tuple(entry for entry in unknown.entries if entry.key not in again)
    put_done(index, earlier.unknown)
    return earlier


def _sent_of(entries: Iterable[JournalEntry]) -> Sent:
    positions: dict[str, list[int]] = {}
    for entry in entries:
        positions.setdefault(entry.source, []).append(entry.position)
    return tuple((source, tuple(each)) for source, each in positions.items())


def reconcile_earlier(earlier: Earlier, prepared: Preparation, sender: Sender, journal: JournalFile) -> None:
    """
    Look up what became of the open requests of an earlier run, and note it in its journal and in the index.

    Args:
        earlier: What it left behind; what is found out is added.

    Raises:
        FhirCaseError: The journal cannot be written.
        ServerError: The server was not reached for too long.
    """
    index = prepared.index
    request_ids = sender.link.request_ids
    if earlier.open_requests or earlier.not_done or earlier.gap:
        request_ids.learn_of_earlier(sender.link.client, list(earlier.written)[::-1])
    sender.doubts = earlier.doubts
    attempts = _attempts(earlier, index)
    records = {record.request: record for record in (*earlier.not_done, *earlier.open_requests)}
    planned, batches = _planned_again(attempts, prepared)
    holding = {entry.key for entry in unresolved_in_plan(list(planned.values()))}
    for sent, requests in attempts.items():
        keys = [(source, position) for source, positions in sent for position in positions]
        entries = [planned[key] for key in keys if key in planned]
        whole = batches.isdisjoint(source for source, _ in keys)
        taken = {name for source, _ in sent for name in index.done(source).values() if name}
        before = _before([records[request] for request in requests])
        delivery, results, done_by = _reconciled(
            entries, requests, sender.link, as_a_whole=whole, taken=taken, before=before
        )
        types = sender.creates(entries)
        partly = whole and not earlier.answered.isdisjoint(requests)
        if delivery == "not done" and partly and not all(entry.repeatable for entry in entries):
            delivery, done_by = "unknown", requests[-1]  # the rest of the transaction is stored, and so is this
        if delivery == "not done":
            sender.doubtful |= holding.intersection(keys)
        else:
            if delivery == "unknown":
                reason = "an earlier run was interrupted here, or got an answer that confirms nothing"
                held = [entries[number] for number in sorted(once_only(entries))]  # the rest is sent again
                results = tuple(entry_unknown(entry, reason) for entry in held)
                sender.doubtful |= holding.intersection(keys)
                entries = held
            results = sender.doubts.marked(entries, results)
            results = marked_in_doubt(entries, results, among=list(planned.values()))
            journal.answered(done_by, results)
            earlier.unresolved.read(RequestRecord(done_by, "answered", results))
            put_done(index, results)
            earlier.unknown += tuple(each for each in results if not each.confirmed)
            earlier.stored += sum(each.confirmed for each in results)
        if delivery != "done" and not request_ids.proven:  # what is sent again may be there
            sender.doubts.add(keys, before)
        for request in requests:
            if request != done_by:
                journal.not_done(request, "looked up later: it does not count", types=types)
                earlier.not_done += [RequestRecord(request, "not done", (), sent, types=types)] if types else []
    if request_ids.proven is False:
        request_ids.proven = None  # this run may reach the server by another way


def _before(records: Sequence[RequestRecord]) -> Before:
    """Return what the server had before some attempts at the same, as far as all of them say it."""
    names = [record.there for record in records]
    versions = [record.versions for record in records]
    return Before(
        None if None in versions else versions[0],
        frozenset(name for there in names for name in there or ()),
        asked=None not in names,
    )


def _attempts(earlier: Earlier, index: Index) -> dict[Sent, list[str]]:
    """Return the requests to look up, by what they held, the last one last."""
    attempts: dict[Sent, list[str]] = {}
    for record in earlier.not_done:  # of what is stored, a later attempt counts
        if not any(index.done(source).keys() & set(positions) for source, positions in record.sent):
            attempts.setdefault(record.sent, []).append(record.request)
    for record in earlier.open_requests:  # some of it may have been sent again, in parts
        left = ((source, tuple(sorted({*places} - index.done(source).keys()))) for source, places in record.sent)
        attempts.setdefault(tuple(each for each in left if each[1]), []).append(record.request)
    return attempts


def _reconciled(
    entries: Sequence[PlannedEntry],
    requests: list[str],
    link: Link,
    *,
    as_a_whole: bool,
    taken: Collection[str],
    before: Before,
) -> tuple[Delivery, tuple[JournalEntry, ...], str]:
    """Return what became of some attempts at the same, and which of them counts; empty when none does."""
    look = partial(reconcile, link, entries, as_a_whole=as_a_whole, taken=taken, before=before)
    delivery, results = look(requests)
    if delivery != "done" or len(requests) == 1:
        return delivery, results, "" if delivery == "not done" else requests[-1]
    for request in reversed(requests):  # what another one has stored beside is removed at the end
        delivery, results = look([request], finished=True)
        if delivery == "done":
            return delivery, reattributed(link, results, requests), request
    return "unknown", (), requests[-1]


def put_done(index: Index, entries: Sequence[JournalEntry]) -> None:
    """Note in an index what need not be sent any more, and where it is."""
    index.put_done((entry.source, entry.position, entry.stored_as) for entry in entries)
    index.claim(
        entry.stored_as
        for entry in entries
        if entry.state == "created" and entry.stored_as and entry.stored_as != entry.resource
    )


def _planned_again(
    attempts: Iterable[Sent], prepared: Preparation
) -> tuple[dict[tuple[str, int], PlannedEntry], set[str]]:
    """Return what is sent for the documents of some requests, by document and position, and which are batches."""
    sources = {source for sent in attempts for source, _ in sent}
    planned: dict[tuple[str, int], PlannedEntry] = {}
    batches: set[str] = set()
    for _, documents in prepared.documents(checked=True) if sources else ():
        for document in documents:
            if document.name not in sources:
                continue
            originals, _ = entries_of(document, prepared.rules)
            for transaction in plan_document(document, originals, prepared.rules).transactions:
                if transaction.type == "batch":
                    batches.add(document.name)
                for entry in transaction.entries:
                    planned[entry.key] = entry
    return planned, batches
