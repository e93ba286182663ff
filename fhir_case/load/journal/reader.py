"""
Write the journal of a run to a file that only grows, and read it.

Each line is one JSON object. The first says what is loaded where; then, for every request, a line before it is sent,
and after it one line for each resource and one that ends them. What stands last may be cut off by the end of the
process: a request without its end may or may not have been carried out, and is looked up when the run goes on.

::

    {"journal": 1, "run": …, "server": …, "fhir": …, "inputs": [{"path", "bytes", "sha256"}], "options": {…}}
    {"sending": REQUEST, "entries": [[SOURCE, [POSITION, …]], …]}
    {"sending": REQUEST, "entries": …, "filling": true}  # fills in the references of what is stored
    {"request": REQUEST, "resource": …, "method": …, "status": …, "state": …, "stored_as": …, "version": …, …}
    {"answered": REQUEST, "resources": 1}
    {"not_done": REQUEST, "reason": …, "types": [TYPE, …]}
    {"awaited": …}, {"placeholder": …, "version": …}: see `fhir_case.load.run.placeholders`
    {"finished": true, …}
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field, fields
from hashlib import sha256
from pathlib import Path
from tempfile import gettempdir
from threading import Lock
from typing import TYPE_CHECKING, Any, Self

from fhir_case.errors import FhirCaseError
from fhir_case.fhir import wire
from fhir_case.load.journal.entry import JournalEntry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from filelock import BaseFileLock

    from fhir_case.load.plan.entry import PlannedEntry

__all__ = ["FIRST_BYTES", "Header", "JournalFile", "Record", "read_header", "read_records", "refuse_what_is_no_journal"]

FIRST_BYTES = b'{"journal":'
"""How each journal begins."""

_FORMAT = 1
_FIELDS = tuple(each.name for each in fields(JournalEntry))


@dataclass(frozen=True, slots=True)
class Header:
    """
    Say what a journal is about.

    Args:
        server: The base URL.
        fhir: The release of FHIR.
        inputs: For each file its path, its size in bytes and its SHA-256.
        options: What else decides what is sent.
        folder: The folder from which relative paths count.
    """

    server: str
    fhir: str
    inputs: tuple[tuple[str, int, str], ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    folder: str = field(default="", compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the first line of the journal."""
        return {
            "journal": _FORMAT,
            "server": self.server,
            "fhir": self.fhir,
            "inputs": [dict(zip(("path", "bytes", "sha256"), each, strict=True)) for each in self.inputs],
            "options": dict(self.options),
            "folder": self.folder,
        }


@dataclass(frozen=True, slots=True)
class Record:
    """
    What a journal says of one request.

    Args:
        request: The header ``X-Request-ID``; empty for resources that needed none.
        state: ``open``: it may have been carried out; ``answered``; ``not done``.
        entries: What became of its resources; empty unless it was answered.
        sent: The entries that it held, each a document and positions in it.
        filling: Whether it fills in the references of what is stored.
        types: The types of what it creates, where it was not done, but may be later all the same.
    """

    request: str
    state: str
    entries: tuple[JournalEntry, ...] = ()
    sent: tuple[tuple[str, tuple[int, ...]], ...] = ()
    filling: bool = False
    types: tuple[str, ...] = ()


_NOT_SENT = Record("", "open")


class JournalFile:
    """
    Append to a journal; several threads may do so at once. A context manager that closes the file.

    Args:
        path: The file; what is in it stays, but for a last line that was cut off.
        header: What is written into a new file.

    Raises:
        FhirCaseError: The file cannot be written, or another process writes it.
    """

    def __init__(self, path: Path, header: Header) -> None:
        self.path = path
        self._ours = _locked(path)
        self._lock = Lock()
        self._failure: FhirCaseError | None = None
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)  # it may name patients
            _cut_off_what_is_incomplete(self._file)
        except OSError as error:
            self._ours.release()
            raise _unwritable(path, error) from error
        if not os.fstat(self._file).st_size:
            try:
                self._write(header.to_dict())
            except FhirCaseError:
                self.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._file >= 0:
                with suppress(OSError):
                    os.close(self._file)
            self._file = -1
            self._ours.release()

    def sending(self, request: str, entries: Sequence[PlannedEntry]) -> None:
        """Note that a request is about to be sent."""
        self._write({"sending": request, "entries": _positions(entries)})

    def filling(self, request: str, entries: Sequence[PlannedEntry]) -> None:
        """Note that a request is about to be sent that fills in the references of what is stored."""
        self._write({"sending": request, "entries": _positions(entries), "filling": True})

    def answered(self, request: str, entries: Sequence[JournalEntry]) -> None:
        """Note what became of the resources of a request; an empty request for those that needed none."""
        lines = [{"request": request, **_without_empty(entry)} for entry in entries]
        self._write(*lines, {"answered": request, "resources": len(entries)})

    def not_done(self, request: str, reason: str, *, types: Sequence[str] = ()) -> None:
        """Note that nothing of a request was stored, and the types that it may still create."""
        self._write({"not_done": request, "reason": reason, **({"types": list(types)} if types else {})})

    def undone(self, resources: Sequence[Mapping[str, Any]]) -> None:
        """Note what was taken back, or why it was left."""
        self.note([{"undone": each["stored_as"], **each} for each in resources])

    def note(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Note something else."""
        self._write(*lines)

    def finished(self, summary: Mapping[str, Any]) -> None:
        """Note that all was sent."""
        self._write({"finished": True, **summary})

    def _write(self, *lines: Mapping[str, Any]) -> None:
        data = b"".join(wire.dump(dict(line)) + b"\n" for line in lines)
        with self._lock:
            if self._failure:
                raise self._failure
            if self._file < 0:
                raise FhirCaseError("the journal is closed", where=str(self.path))
            left = data
            try:
                while left:
                    left = left[os.write(self._file, left) :]
            except OSError as error:
                # Another thread must not write behind half a line, and half a header is no journal.
                self._failure = _unwritable(self.path, error)
                with suppress(OSError):
                    os.ftruncate(self._file, os.fstat(self._file).st_size - (len(data) - len(left)))
                raise self._failure from error


def _locked(path: Path) -> BaseFileLock:
    from filelock import FileLock, Timeout

    # Not beside the journal, where it would stay and be in the way.
    name = sha256(os.fsencode(path.resolve())).hexdigest()[:16]
    lock = FileLock(Path(gettempdir()) / f"fhir-case-{name}.lock", timeout=0)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise FhirCaseError(
            "another process is writing this journal",
            where=str(path),
            hint="wait for it, or name another file with --journal",
        ) from None
    except OSError as error:
        raise _unwritable(path, error) from error
    return lock


def _positions(entries: Sequence[PlannedEntry]) -> list[tuple[str, list[int]]]:
    positions: dict[str, list[int]] = {}
    for entry in entries:
        positions.setdefault(entry.given.source, []).append(entry.given.position)
    return list(positions.items())


def _without_empty(entry: JournalEntry) -> dict[str, Any]:
    return {name: value for name in _FIELDS if (value := getattr(entry, name)) != ""}  # asdict copies, and takes longer


def _unwritable(path: Path, error: OSError) -> FhirCaseError:
    return FhirCaseError(
        f"the journal cannot be written: {error.strerror or error}",
        where=str(path),
        hint="nothing more is sent; make room, or name another file with --journal, then give the same command again",
    )


def _cut_off_what_is_incomplete(file: int) -> None:
    size = position = os.fstat(file).st_size
    while position:
        start = max(0, position - 65_536)
        block = os.pread(file, position - start, start)
        end = block.rfind(b"\n")
        if end >= 0:
            position = start + end + 1
            break
        position = start
    if position < size:
        os.ftruncate(file, position)


def read_header(path: Path) -> Header:
    """
    Read what a journal is about.

    Raises:
        FhirCaseError: It cannot be read, or is no journal.
    """
    first = next(_lines(path), {})
    if first.get("journal") != _FORMAT:
        raise FhirCaseError("this is no journal of an upload", where=str(path))
    try:
        inputs = tuple((each["path"], each["bytes"], each["sha256"]) for each in first["inputs"])
        return Header(first["server"], first["fhir"], inputs, first["options"], str(first.get("folder") or ""))
    except (KeyError, TypeError) as error:
        raise _damaged(path, error) from error


def refuse_what_is_no_journal(path: Path) -> None:
    """
    Refuse to append to a file of another kind.

    Raises:
        FhirCaseError: It cannot be read, or begins otherwise than a journal.
    """
    try:
        with path.open("rb") as file:
            first = file.read(len(FIRST_BYTES))
    except FileNotFoundError:
        return
    except OSError as error:
        raise FhirCaseError(f"it cannot be read: {error.strerror}", where=str(path)) from error
    if not FIRST_BYTES.startswith(first):  # the process may have ended while it wrote this
        raise FhirCaseError("this is no journal of an upload", where=str(path), hint="name another file")


def read_records(path: Path) -> Iterator[Record | dict[str, Any]]:
    """
    Return what a journal says, request by request as they ended, then those that have no end.

    A line of another kind, such as ``finished`` or ``undone``, is given as it is.

    Raises:
        FhirCaseError: It cannot be read, or is no journal.
    """
    read_header(path)
    try:
        yield from _records(path)
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path, error) from error


def _records(path: Path) -> Iterator[Record | dict[str, Any]]:
    open_requests: dict[str, Record] = {}
    entries: list[JournalEntry] = []
    for line in _lines(path):
        if "sending" in line:
            sent = tuple((source, tuple(each)) for source, each in line["entries"])
            open_requests[line["sending"]] = Record(line["sending"], "open", (), sent, "filling" in line)
        elif "request" in line:
            entries.append(JournalEntry(**{name: line[name] for name in _FIELDS if name in line}))
        elif "answered" in line:
            # What stands before the last of them was cut off in an earlier run, and is looked up and said again.
            first = len(entries) - line["resources"]
            if first >= 0:
                begun = open_requests.pop(line["answered"], _NOT_SENT)
                yield Record(line["answered"], "answered", tuple(entries[first:]), begun.sent)
            entries = []
        elif "not_done" in line:
            begun = open_requests.pop(line["not_done"], _NOT_SENT)
            types = tuple(line.get("types", ()))
            yield Record(line["not_done"], "not done", (), begun.sent, begun.filling, types)
        elif "journal" not in line:
            yield line
    yield from open_requests.values()


def _damaged(path: Path, error: Exception) -> FhirCaseError:
    return FhirCaseError(f"this journal is damaged: {error!r}", where=str(path), hint="begin anew with another journal")


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
        raise FhirCaseError(f"this is no journal of an upload: {error}", where=str(path)) from error


def _object(line: object, number: int) -> dict[str, Any]:
    if not isinstance(line, dict):
        raise ValueError(f"line {number} is no object")  # noqa: TRY004  # it is the content that is wrong
    return line
