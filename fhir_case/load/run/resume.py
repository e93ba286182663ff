"""Go on where an earlier run ended: read its journal, and look up what became of its last requests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fhir_case.load.journal.reader import Record, read_records
from fhir_case.load.plan.given import given_entries
from fhir_case.load.plan.unresolved import left_in_plan, marked_in_doubt
from fhir_case.load.send.answers import entry_failed
from fhir_case.load.send.resolve import filled_later
from fhir_case.load.survey.survey import plan_document

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from fhir_case.documents import Document
    from fhir_case.load.journal.entry import JournalEntry
    from fhir_case.load.journal.reader import JournalFile
    from fhir_case.load.plan.entry import PlannedEntry
    from fhir_case.load.send.reconcile import Fate
    from fhir_case.load.send.sender import Sender
    from fhir_case.load.survey.index import Index
    from fhir_case.load.survey.survey import Rules

__all__ = ["Earlier", "Unfilled", "Unknown", "read_earlier", "settle_earlier"]


_Sent = tuple[tuple[str, tuple[int, ...]], ...]


class Unknown:
    """The resources of which it is not known whether they are stored, as far as a journal has been read."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, int], JournalEntry] = {}

    def read(self, record: Record) -> None:
        """Take note of one request: what is said later of a resource counts, and of an open request nothing does."""
        for source, positions in record.sent if record.state == "open" else ():
            for position in positions:
                self._entries.pop((source, position), None)
        for entry in record.entries:
            self._entries.pop((entry.source, entry.position), None)
            if entry.state == "unknown":
                self._entries[entry.source, entry.position] = entry

    @property
    def entries(self) -> tuple[JournalEntry, ...]:
        """Return what the journal says of them."""
        return tuple(self._entries.values())


class Unfilled:
    """What is stored with references that still have to be filled in, as far as a journal has been read."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self._opened: dict[tuple[str, int], tuple[JournalEntry, dict[str, str]]] = {}

    def __bool__(self) -> bool:
        return bool(self._opened or self.requests)

    def read(self, record: Record) -> None:
        """Take note of one request."""
        if record.filling:
            self.requests.append(record.request)
        places = {entry.full_url: entry.stored_as for entry in record.entries if entry.full_url}
        for entry in record.entries:
            key = entry.source, entry.position
            if entry.references == "open" and not entry.retold:
                self._opened[key] = entry, places
            elif entry.references != "open":
                self._opened.pop(key, None)

    def complete(self, sender: Sender, journal: JournalFile) -> tuple[JournalEntry, ...]:
        """
        Fill in the references, and give the entries in which they are open still.

        Raises:
            FhirCaseError: The journal cannot be written.
            ServerError: The server was not reached for too long.
        """
        groups: dict[int, list[JournalEntry]] = {}
        places_of: dict[int, dict[str, str]] = {}
        for entry, places in self._opened.values():  # those of one request have the same places
            groups.setdefault(id(places), []).append(entry)
            places_of[id(places)] = places
        left: list[JournalEntry] = []
        for number, entries in groups.items():
            found = filled_later(entries, places_of[number], self.requests, sender)
            if found.error is not None:
                raise found.error
            left += [entry for entry in found.entries if not entry.ok]
        for request in self.requests:
            journal.not_done(request, "looked up later: what it filled in is noted")
        return tuple(left)


@dataclass(slots=True)
class Earlier:
    """
    What an earlier run left behind.

    Args:
        stored: How many resources it stored.
        last: ``Type/id`` on the server of one of the last of them; empty when there is none.
        open_requests: The requests of which the journal does not know the end.
        unknown: The resources of which it is not known whether they are stored, nor will be.
        unfilled: The resources whose references still have to be filled in.
        not_done: The requests that had not done anything, but may have been carried out later all the same.
    """

    stored: int = 0
    last: str = ""
    open_requests: list[Record] = field(default_factory=list)
    unknown: tuple[JournalEntry, ...] = ()
    unfilled: Unfilled = field(default_factory=Unfilled)
    not_done: list[Record] = field(default_factory=list)


def read_earlier(path: Path, index: Index) -> Earlier:
    """
    Read a journal, and note in an index what need not be sent any more.

    Raises:
        FhirCaseError: It cannot be read, or is no journal.
    """
    earlier = Earlier()
    unknown = Unknown()
    for record in read_records(path):
        if not isinstance(record, Record):
            continue
        if record.state == "open" and not record.filling:
            earlier.open_requests.append(record)
        if record.types and record.sent:
            earlier.not_done.append(record)
        unknown.read(record)
        earlier.unfilled.read(record)
        stored = [entry for entry in record.entries if entry.confirmed and not entry.retold]
        _put_done(index, stored)
        earlier.stored += len(stored)
        earlier.last = next((entry.stored_as for entry in reversed(stored) if entry.stored_as), earlier.last)
    earlier.unknown = unknown.entries
    _put_done(index, earlier.unknown)
    return earlier


def settle_earlier(
    earlier: Earlier,
    files: Iterable[tuple[str, Iterable[Document]]],
    rules: Rules,
    *,
    index: Index,
    sender: Sender,
    journal: JournalFile,
) -> None:
    """
    Look up what became of the open requests of an earlier run, and note it in its journal and in an index.

    Args:
        earlier: What it left behind; what is found out is added.
        files: The name of each file, and its documents.

    Raises:
        FhirCaseError: The journal cannot be written.
        ServerError: The server was not reached for too long.
    """
    attempts = _attempts(earlier, index)
    planned, batches = _planned_again(attempts, files, rules)
    holding = {(entry.given.source, entry.given.position) for entry in left_in_plan(list(planned.values()))}
    for sent, requests in attempts.items():
        keys = [(source, position) for source, positions in sent for position in positions]
        entries = [planned[key] for key in keys if key in planned]
        whole = batches.isdisjoint(source for source, _ in keys)
        fate, results, done_by = _fate(entries, requests, sender, as_a_whole=whole)
        types = sender.creates(entries)
        if fate == "not done":
            sender.doubtful |= holding.intersection(keys)
        else:
            if fate == "cannot tell":
                words = "an earlier run was broken off here; it may be stored or not, and nothing tells"
                results = tuple(entry_failed(entry, words, state="unknown") for entry in entries)
            results = marked_in_doubt(entries, results, among=list(planned.values()))
            journal.answered(done_by, results)
            earlier.unfilled.read(Record(done_by, "answered", results))
            _put_done(index, results)
            earlier.unknown += tuple(each for each in results if not each.confirmed)
            earlier.stored += sum(each.confirmed for each in results)
        for request in requests:
            if request != done_by:
                journal.not_done(request, "looked up later: it does not count", types=types)
                earlier.not_done += [Record(request, "not done", (), sent, types=types)] if types else []


def _attempts(earlier: Earlier, index: Index) -> dict[_Sent, list[str]]:
    """Return the requests to look up, by what they held, the last one last."""
    attempts: dict[_Sent, list[str]] = {}
    for record in earlier.not_done:  # of what is stored, a later attempt counts
        if not any(index.done(source).keys() & set(positions) for source, positions in record.sent):
            attempts.setdefault(record.sent, []).append(record.request)
    for record in earlier.open_requests:
        attempts.setdefault(record.sent, []).append(record.request)
    return attempts


def _fate(
    entries: Sequence[PlannedEntry], requests: list[str], sender: Sender, *, as_a_whole: bool
) -> tuple[Fate, tuple[JournalEntry, ...], str]:
    """Return what became of some attempts at the same, and which of them counts; empty when none does."""
    fate, results = sender.settle(entries, requests, as_a_whole=as_a_whole)
    if fate != "done" or len(requests) == 1:
        return fate, results, "" if fate == "not done" else requests[-1]
    for request in reversed(requests):  # what another one has stored beside is removed at the end
        fate, results = sender.settle(entries, [request], finished=True, as_a_whole=as_a_whole)
        if fate == "done":
            return fate, sender.reattributed(results, requests), request
    return "cannot tell", (), requests[-1]


def _put_done(index: Index, entries: Iterable[JournalEntry]) -> None:
    index.put_done((entry.source, entry.position, entry.stored_as) for entry in entries)


def _planned_again(
    attempts: Iterable[_Sent], files: Iterable[tuple[str, Iterable[Document]]], rules: Rules
) -> tuple[dict[tuple[str, int], PlannedEntry], set[str]]:
    """Return what is sent for the documents of some requests, by document and position, and which are batches."""
    sources = {source for sent in attempts for source, _ in sent}
    planned: dict[tuple[str, int], PlannedEntry] = {}
    batches: set[str] = set()
    for _, documents in files if sources else ():
        for document in documents:
            if document.name not in sources:
                continue
            given, _ = given_entries(document.content or {}, source=document.name)
            for transaction in plan_document(document, given, rules).transactions:
                if transaction.type == "batch":
                    batches.add(document.name)
                for entry in transaction.entries:
                    planned[entry.given.source, entry.given.position] = entry
    return planned, batches
