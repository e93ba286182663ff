"""Go on where an earlier run ended: read its journal, and look up what became of its last requests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fhir_case.load.answers import entry_failed
from fhir_case.load.journal_file import Record, read_records
from fhir_case.load.source import given_entries
from fhir_case.load.survey import plan_document

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from fhir_case.documents import Document
    from fhir_case.load.entries import PlannedEntry
    from fhir_case.load.index import Index
    from fhir_case.load.journal import JournalEntry
    from fhir_case.load.journal_file import JournalFile
    from fhir_case.load.send import Sender
    from fhir_case.load.survey import Rules

__all__ = ["Earlier", "Unknown", "read_earlier", "settle_earlier"]


class Unknown:
    """Hold the resources of which it is not known whether they are stored, as far as a journal has been read."""

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
        """Give what the journal says of them."""
        return tuple(self._entries.values())


@dataclass(slots=True)
class Earlier:
    """
    Hold what an earlier run left behind.

    Args:
        stored: How many resources it stored.
        last: ``Type/id`` on the server of one of the last of them; empty when there is none.
        open_requests: The requests of which the journal does not know the end.
        unknown: The resources of which it is not known whether they are stored, nor will be.
    """

    stored: int = 0
    last: str = ""
    open_requests: list[Record] = field(default_factory=list)
    unknown: tuple[JournalEntry, ...] = ()


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
        if record.state == "open":
            earlier.open_requests.append(record)
        unknown.read(record)
        stored = [entry for entry in record.entries if entry.confirmed]
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
    planned, batches = _planned_again(earlier.open_requests, files, rules)
    for record in earlier.open_requests:
        keys = [(source, position) for source, positions in record.sent for position in positions]
        entries = [planned[key] for key in keys if key in planned]
        whole = batches.isdisjoint(source for source, _ in keys)
        fate, results = sender.settle(entries, [record.request], as_a_whole=whole)
        if fate == "not done":
            journal.not_done(record.request, "looked up later: nothing of it is on the server")
            continue
        if fate == "cannot tell":
            words = "an earlier run was broken off here; it may be stored or not, and nothing tells"
            results = tuple(entry_failed(entry, words, state="unknown") for entry in entries)
        journal.answered(record.request, results)
        _put_done(index, results)
        earlier.unknown += tuple(each for each in results if not each.confirmed)
        earlier.stored += sum(each.confirmed for each in results)


def _put_done(index: Index, entries: Iterable[JournalEntry]) -> None:
    index.put_done((entry.source, entry.position, entry.stored_as) for entry in entries)


def _planned_again(
    records: Iterable[Record], files: Iterable[tuple[str, Iterable[Document]]], rules: Rules
) -> tuple[dict[tuple[str, int], PlannedEntry], set[str]]:
    """Give what is sent for the documents of some requests, by document and position, and which of them are batches."""
    sources = {source for record in records for source, _ in record.sent}
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
