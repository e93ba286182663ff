"""
Read the journal file of a load.

Each line is one JSON object. The first says what is loaded where; then, for every request, a line before it is sent,
and after it one line for each resource and one that ends them. The last line may be cut off by the end of the
process: a request without its end may or may not have been carried out, and is looked up when the load is resumed.

::

    {"journal": 1, "server": …, "fhir": …, "inputs": [{"path", "bytes", "sha256"}], "options": {…}, "folder": …}
    # An input to which another leads, as a recipe to its tables, has "of"; the header "data", where --data named it.
    {"sending": REQUEST, "entries": [[SOURCE, [POSITION, …]], …]}
    {"sending": REQUEST, "entries": …, "there": ["Type/id", …], "versions": {"Type/id": …}}  # what was there before
    {"sending": REQUEST, "entries": …, "filling": true}  # resolves references of what is stored
    {"request": REQUEST, "resource": …, "method": …, "status": …, "state": …, "stored_as": …, "version": …, …}
    {"answered": REQUEST, "resources": 1}
    {"not_done": REQUEST, "reason": …, "types": [TYPE, …]}
    {"awaited": "Type/id"}  # before anything is sent
    {"placeholder": "Type/id", "version": …}
    {"duplicate": "Type/id", "state": …}  # what a late request stored twice
    {"finished": true, …}
    {"undone": "Type/id", "state": …, …}
    {"looked_up": true}  # what missing lines before it may have said was sent

All but the first end with their number, ``"line": 2`` and so on, so that it is noticed where one is missing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fhir_case.errors import FhirCaseError
from fhir_case.load.journal.lines import (
    LineError,
    entry_of,
    lines,
    names_of,
    number_of,
    sent_of,
    stored_name_of,
    text_of,
    there_of,
    versions_of,
)
from fhir_case.load.journal.record import (
    FORMAT,
    Awaited,
    Finished,
    Gap,
    Header,
    LookedUp,
    Placeholder,
    RequestRecord,
    Undone,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fhir_case.load.journal.entry import JournalEntry
    from fhir_case.load.journal.lines import Line
    from fhir_case.load.journal.record import Record

__all__ = ["FIRST_BYTES", "Unknown", "check_is_journal", "read_header", "read_records", "read_requests"]

FIRST_BYTES = b'{"journal":'
"""The first bytes of each journal."""

_NOT_SENT = RequestRecord("", "open")


def read_header(path: Path) -> Header:
    """
    Read what a journal is about.

    Raises:
        FhirCaseError: It cannot be read, or is not a journal.
    """
    _, first = next(lines(path), (0, {}))
    number = first.get("journal")
    if type(number) is int and number > FORMAT:
        raise FhirCaseError(
            f"a newer version has written this journal, in format {number}",
            where=str(path),
            hint="use that version, or another journal",
        )
    if type(number) is not int or number != FORMAT:  # True is equal to 1
        raise FhirCaseError("this is not the journal of an upload", where=str(path))
    try:
        return _header(first)
    except LineError as error:
        raise _damaged(path, 1, error) from error


def _header(line: Line) -> Header:
    inputs, options = line.get("inputs"), line.get("options")
    if not isinstance(inputs, list) or not isinstance(options, dict):
        raise LineError("it has no inputs or no options")
    if not all(isinstance(each, dict) for each in inputs):
        raise LineError("an input is not a JSON object")
    files = dict.fromkeys((text_of(each, "path"), number_of(each, "bytes"), text_of(each, "sha256")) for each in inputs)
    return Header(
        text_of(line, "server"),
        text_of(line, "fhir"),
        tuple(files),  # once, also where an earlier version wrote a workbook for each of its sheets
        options,
        text_of(line, "folder", ""),
        {text_of(each, "path"): text_of(each, "of") for each in inputs if "of" in each},
        text_of(line, "data", ""),
    )


def check_is_journal(path: Path) -> None:
    """
    Check that a file, if it exists, is a journal to which can be appended.

    Raises:
        FhirCaseError: It cannot be read, or is not a journal.
    """
    try:
        if not path.exists():
            return
        if not path.is_file():
            raise FhirCaseError("the journal cannot be written: this is not a file", where=str(path))
        with path.open("rb") as file:
            first = file.read(len(FIRST_BYTES))
    except OSError as error:
        raise FhirCaseError(f"it cannot be read: {error.strerror}", where=str(path)) from error
    if not FIRST_BYTES.startswith(first):  # the process may have ended while it wrote this
        raise FhirCaseError("this is not the journal of an upload", where=str(path), hint="name another file")


def read_records(path: Path) -> Iterator[Record]:
    """
    Return what a journal says, request by request as they ended, then those that have no end.

    Raises:
        FhirCaseError: It cannot be read, or is not a journal.
    """
    read_header(path)
    records = _Records()
    last = 1
    for number, line in lines(path):
        try:
            written = number_of(line, "line") if "line" in line and number > 1 else last
            record = records.read(line) if number > 1 else None
        except LineError as error:
            raise _damaged(path, number, error) from error
        if written > last + 1:
            yield Gap()
        last = written
        if record is not None:
            yield record
    yield from records.without_end()


def read_requests(path: Path) -> Iterator[RequestRecord]:
    """
    Return what a journal says of requests, as `read_records` does.

    Raises:
        FhirCaseError: It cannot be read, or is not a journal.
    """
    return (record for record in read_records(path) if isinstance(record, RequestRecord))


class _Records:
    """The records of lines that are read one after the other."""

    def __init__(self) -> None:
        self._open: dict[str, RequestRecord] = {}
        self._entries: dict[tuple[str, str, int], JournalEntry] = {}
        self._undecided: dict[str, set[tuple[str, int]]] = {}

    def read(self, line: Line) -> Record | None:
        """Return the record that a line ends, if it ends one."""
        if "sending" in line:
            request, sent = text_of(line, "sending"), sent_of(line)
            self._open[request] = RequestRecord(
                request,
                "open",
                sent=sent,
                resolving="filling" in line,
                there=there_of(line),
                versions=versions_of(line),
            )
            self._undecided[request] = {(source, position) for source, positions in sent for position in positions}
        elif "request" in line:
            entry = entry_of(line)
            key = text_of(line, "request"), *entry.key
            self._entries.pop(key, None)  # a line that is there twice counts once
            self._entries[key] = entry
        elif "answered" in line:
            return self._answered(text_of(line, "answered"), number_of(line, "resources"))
        elif "not_done" in line:
            request = text_of(line, "not_done")
            begun = self._end(request)
            return replace(begun, request=request, state="not done", types=names_of(line, "types"))
        else:
            return _other(line)
        return None

    def _answered(self, request: str, count: int) -> Record | None:
        # Entries before the last of them were cut off in an earlier run, and are looked up and written again.
        # One of another request among them does not belong there.
        entries = [entry for (own, *_), entry in self._entries.items() if own == request]
        self._entries = {}
        first = len(entries) - count
        if first < 0:
            return None
        begun = self._end(request)
        told = {entry.key for entry in entries[first:] if entry.state != "failed"}
        for undecided in self._undecided.values():
            undecided.difference_update(told)
        return replace(begun, request=request, state="answered", entries=tuple(entries[first:]), resolving=False)

    def _end(self, request: str) -> RequestRecord:
        self._undecided.pop(request, None)
        return self._open.pop(request, _NOT_SENT)

    def without_end(self) -> Iterator[RequestRecord]:
        """Return the requests of which no line says the end."""
        for request, record in self._open.items():
            yield replace(record, told=not self._undecided[request])


def _other(line: Line) -> Record | None:
    if "awaited" in line:
        return Awaited(text_of(line, "awaited"))
    if "placeholder" in line:
        return Placeholder(stored_name_of(line, "placeholder"), text_of(line, "version"))
    if "undone" in line:
        return Undone(text_of(line, "undone"), text_of(line, "state"))
    if "looked_up" in line:
        return LookedUp()
    return Finished() if "finished" in line else None


def _damaged(path: Path, number: int, error: Exception) -> FhirCaseError:
    return FhirCaseError(
        f"this journal is damaged in line {number}: {error}", where=str(path), hint="start again with another journal"
    )


class Unknown:
    """The resources of which it is not known whether they are stored, as far as a journal has been read."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, int], tuple[JournalEntry, RequestRecord]] = {}

    def read(self, record: RequestRecord) -> None:
        """Take note of one request: a later record of a resource counts, and an open request leaves it undecided."""
        for source, positions in record.sent if record.state == "open" else ():
            for position in positions:
                self._entries.pop((source, position), None)
        for entry in record.entries:
            self._entries.pop(entry.key, None)
            if entry.state == "unknown":
                self._entries[entry.key] = entry, record

    @property
    def entries(self) -> tuple[JournalEntry, ...]:
        """Return what the journal says of them."""
        return tuple(entry for entry, _ in self._entries.values())

    def by_request(self) -> Iterator[tuple[RequestRecord, tuple[JournalEntry, ...]]]:
        """Return them by the requests that the server answered; they can be looked up by them."""
        found: dict[int, tuple[RequestRecord, list[JournalEntry]]] = {}
        for entry, record in self._entries.values():
            if record.request:
                found.setdefault(id(record), (record, []))[1].append(entry)
        for record, entries in found.values():
            yield record, tuple(entries)
