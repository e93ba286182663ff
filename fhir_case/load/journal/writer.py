"""Write the journal file of a load, which only grows."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import fields
from hashlib import sha256
from pathlib import Path
from tempfile import gettempdir
from threading import Lock
from typing import TYPE_CHECKING, Any, Self

from fhir_case.errors import FhirCaseError
from fhir_case.fhir import wire
from fhir_case.load.journal.entry import JournalEntry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from filelock import BaseFileLock

    from fhir_case.load.journal.record import Header
    from fhir_case.load.plan.entry import PlannedEntry

__all__ = ["JournalFile"]

_FIELDS = tuple(each.name for each in fields(JournalEntry))


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
                # Paths need not be UTF-8: in ASCII they can be written, and are the same when they are read.
                self._append(json.dumps(header.to_dict(), separators=(",", ":")).encode() + b"\n")
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

    def resolving(self, request: str, entries: Sequence[PlannedEntry]) -> None:
        """Note that a request is about to be sent that resolves references of what is stored."""
        self._write({"sending": request, "entries": _positions(entries), "filling": True})

    def answered(self, request: str, entries: Sequence[JournalEntry]) -> None:
        """Note what became of the resources of a request; an empty request for those that needed none."""
        lines = [{"request": request, **_without_empty(entry)} for entry in entries]
        self._write(*lines, {"answered": request, "resources": len(entries)})

    def not_done(self, request: str, reason: str, *, types: Sequence[str] = ()) -> None:
        """Note that nothing of a request was stored, and the types that it may still create."""
        self._write({"not_done": request, "reason": reason, **({"types": list(types)} if types else {})})

    def undone(self, resources: Sequence[Mapping[str, Any]]) -> None:
        """Note what was deleted again, or why it was not."""
        self._write(*({"undone": each["stored_as"], **each} for each in resources))

    def awaited(self, names: Iterable[str]) -> None:
        """Note the references for which the server has to make placeholders."""
        self._write(*({"awaited": name} for name in names))

    def placeholders(self, versions: Mapping[str, str]) -> None:
        """Note the placeholders that the server made, and the version of each."""
        self._write(*({"placeholder": name, "version": version} for name, version in versions.items()))

    def duplicates(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Note what became of what late requests stored twice."""
        self._write(*lines)

    def finished(self, summary: Mapping[str, Any]) -> None:
        """Note that all was sent."""
        self._write({"finished": True, **summary})

    def _write(self, *lines: Mapping[str, Any]) -> None:
        self._append(b"".join(wire.dump(dict(line)) + b"\n" for line in lines))

    def _append(self, data: bytes) -> None:
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
                # Another thread must not write behind half a line, and half a header is not a journal.
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
        positions.setdefault(entry.original.source, []).append(entry.original.position)
    return list(positions.items())


def _without_empty(entry: JournalEntry) -> dict[str, Any]:
    return {name: value for name in _FIELDS if (value := getattr(entry, name)) != ""}  # asdict copies, and takes longer


def _unwritable(path: Path, error: OSError) -> FhirCaseError:
    return FhirCaseError(
        f"the journal cannot be written: {error.strerror or error}",
        where=str(path),
        hint="nothing more is sent; make room, or name another file with --journal, then repeat the command",
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
