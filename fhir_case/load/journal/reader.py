"""
Read the journal file of a load.

Each line is one JSON object. The first says what is loaded where; then, for every request, a line before it is sent,
and after it one line for each resource and one that ends them. The last line may be cut off by the end of the
process: a request without its end may or may not have been carried out, and is looked up when the load is resumed.

::

    {"journal": 1, "server": …, "fhir": …, "inputs": [{"path", "bytes", "sha256"}], "options": {…}, "folder": …}
    {"sending": REQUEST, "entries": [[SOURCE, [POSITION, …]], …]}
    {"sending": REQUEST, "entries": …, "filling": true}  # resolves references of what is stored
    {"request": REQUEST, "resource": …, "method": …, "status": …, "state": …, "stored_as": …, "version": …, …}
    {"answered": REQUEST, "resources": 1}
    {"not_done": REQUEST, "reason": …, "types": [TYPE, …]}
    {"awaited": "Type/id"}  # before anything is sent
    {"placeholder": "Type/id", "version": …}
    {"duplicate": "Type/id", "state": …}  # what a late request stored twice
    {"finished": true, …}
    {"undone": "Type/id", "state": …, …}
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from fhir_case.errors import FhirCaseError
from fhir_case.fhir import wire
from fhir_case.load.journal.entry import JournalEntry
from fhir_case.load.journal.record import FORMAT, Awaited, Finished, Header, Placeholder, RequestRecord, Undone

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fhir_case.load.journal.record import Record

__all__ = ["FIRST_BYTES", "Unknown", "check_is_journal", "read_header", "read_records", "read_requests"]

FIRST_BYTES = b'{"journal":'
"""The first bytes of each journal."""

_FIELDS = tuple(each.name for each in fields(JournalEntry))
_NOT_SENT = RequestRecord("", "open")


def read_header(path: Path) -> Header:
    """
    Read what a journal is about.

    Raises:
        FhirCaseError: It cannot be read, or is not a journal.
    """
    first = next(_lines(path), {})
    if first.get("journal") != FORMAT:
        raise FhirCaseError("this is not the journal of an upload", where=str(path))
    try:
        inputs = tuple((each["path"], each["bytes"], each["sha256"]) for each in first["inputs"])
        return Header(first["server"], first["fhir"], inputs, first["options"], str(first.get("folder") or ""))
    except (KeyError, TypeError) as error:
        raise _damaged(path, error) from error


def check_is_journal(path: Path) -> None:
    """
    Check that a file, if it exists, is a journal to which can be appended.

    Raises:
        FhirCaseError: It cannot be read, or is not a journal.
    """
    try:
        with path.open("rb") as file:
            first = file.read(len(FIRST_BYTES))
    except FileNotFoundError:
        return
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
    try:
        yield from _records(path)
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path, error) from error


def read_requests(path: Path) -> Iterator[RequestRecord]:
    """
    Return what a journal says of requests, as `read_records` does.

    Raises:
        FhirCaseError: It cannot be read, or is not a journal.
    """
    return (record for record in read_records(path) if isinstance(record, RequestRecord))


def _records(path: Path) -> Iterator[Record]:
    open_requests: dict[str, RequestRecord] = {}
    entries: list[JournalEntry] = []
    for line in _lines(path):
        if "sending" in line:
            sent = tuple((source, tuple(each)) for source, each in line["entries"])
            open_requests[line["sending"]] = RequestRecord(line["sending"], "open", (), sent, "filling" in line)
        elif "request" in line:
            entries.append(JournalEntry(**{name: line[name] for name in _FIELDS if name in line}))
        elif "answered" in line:
            # Entries before the last of them were cut off in an earlier run, and are looked up and written again.
            first = len(entries) - line["resources"]
            if first >= 0:
                begun = open_requests.pop(line["answered"], _NOT_SENT)
                yield RequestRecord(line["answered"], "answered", tuple(entries[first:]), begun.sent)
            entries = []
        elif "not_done" in line:
            begun = open_requests.pop(line["not_done"], _NOT_SENT)
            types = tuple(line.get("types", ()))
            yield RequestRecord(line["not_done"], "not done", (), begun.sent, begun.resolving, types)
        elif (record := _other(line)) is not None:
            yield record
    yield from open_requests.values()


def _other(line: dict[str, Any]) -> Record | None:
    if "awaited" in line:
        return Awaited(line["awaited"])
    if "placeholder" in line:
        return Placeholder(line["placeholder"], line["version"])
    if "undone" in line:
        return Undone(line["undone"], line["state"])
    return Finished() if "finished" in line else None


def _damaged(path: Path, error: Exception) -> FhirCaseError:
    return FhirCaseError(
        f"this journal is damaged: {error!r}", where=str(path), hint="start again with another journal"
    )


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open("rb") as file:
            for number, text in enumerate(file, 1):
                if not text.endswith(b"\n"):
                    return  # the process ended while it was written
                yield _object(wire.parse(text), number)
    except OSError as error:
        raise FhirCaseError(f"it cannot be read: {error.strerror}", where=str(path)) from error
    except (ValueError, RecursionError, ArithmeticError) as error:
        raise FhirCaseError(f"this is not the journal of an upload: {error}", where=str(path)) from error


def _object(line: object, number: int) -> dict[str, Any]:
    if not isinstance(line, dict):
        raise ValueError(f"line {number} is not a JSON object")  # noqa: TRY004  # it is the content that is wrong
    return line


class Unknown:
    """The resources of which it is not known whether they are stored, as far as a journal has been read."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, int], JournalEntry] = {}

    def read(self, record: RequestRecord) -> None:
        """Take note of one request: a later record of a resource counts, and an open request leaves it undecided."""
        for source, positions in record.sent if record.state == "open" else ():
            for position in positions:
                self._entries.pop((source, position), None)
        for entry in record.entries:
            self._entries.pop(entry.key, None)
            if entry.state == "unknown":
                self._entries[entry.key] = entry

    @property
    def entries(self) -> tuple[JournalEntry, ...]:
        """Return what the journal says of them."""
        return tuple(self._entries.values())
