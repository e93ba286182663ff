"""Write the journal file of a load, which only grows."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import fields
from operator import attrgetter
from threading import Lock
from typing import TYPE_CHECKING, Any, Self

from fhir_case.errors import FhirCaseError
from fhir_case.fhir import wire
from fhir_case.load.journal.entry import JournalEntry
from fhir_case.load.journal.opening import next_line, opened_alone, unwritable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from fhir_case.load.journal.opening import Fresh
    from fhir_case.load.journal.record import Header
    from fhir_case.load.plan.entry import PlannedEntry

__all__ = ["JournalFile"]

_FIELDS = tuple(each.name for each in fields(JournalEntry))
_values_of = attrgetter(*_FIELDS)


class JournalFile:
    """
    Append to a journal; several threads may do so at once. A context manager that closes the file.

    Args:
        path: The file; what is in it stays, but for a last line that was cut off.
        header: What is written into a new file.
        fresh: When to begin a new file, and keep the one before under another name.

    Raises:
        FhirCaseError: The file cannot be written, or another process writes it.
    """

    def __init__(self, path: Path, header: Header, *, fresh: Fresh = "") -> None:
        self.path = path
        self._lock = Lock()
        self._failure: FhirCaseError | None = None
        self._line = 0
        self._synced = 0
        self._sync_lock = Lock()
        self._file = opened_alone(path, fresh)
        if not os.fstat(self._file).st_size:
            try:
                # Paths need not be UTF-8: in ASCII they can be written, and are the same when they are read.
                self._append((json.dumps(header.to_dict(), separators=(",", ":")).encode() + b"\n",))
            except BaseException:  # Ctrl-C too
                self.close()
                raise
        self._line = next_line(self._file)

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

    def sending(
        self,
        request: str,
        entries: Sequence[PlannedEntry],
        *,
        there: Collection[str] | None = None,
        versions: Mapping[str, str] | None = None,
    ) -> None:
        """Note that a request is about to be sent, and what the server had before."""
        had: dict[str, Any] = {} if there is None else {"there": sorted(there)}
        had |= {} if versions is None else {"versions": dict(versions)}
        self._write({"sending": request, "entries": _positions(entries), **had})
        if not all(entry.repeatable for entry in entries):
            self._sync()

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
        self._write(*map(dict, lines))

    def looked_up(self) -> None:
        """Note that what missing lines may have said was sent was looked up."""
        self._write({"looked_up": True})

    def finished(self, summary: Mapping[str, Any]) -> None:
        """Note that all was sent."""
        self._write({"finished": True, **summary})

    def _write(self, *lines: dict[str, Any]) -> None:
        self._append([wire.dump(line) for line in lines])

    def _sync(self) -> None:
        """
        Force what was written to the disk: what may not be sent twice has to survive that the power fails.

        What several threads have written is forced at once.
        """
        written = self._line
        with self._sync_lock:
            if self._synced >= written:
                return
            now = self._line
            try:
                getattr(os, "fdatasync", os.fsync)(self._file)  # when it was changed does not matter
            except OSError as error:
                raise unwritable(self.path, error) from error
            self._synced = now

    def _append(self, lines: Sequence[bytes]) -> None:
        with self._lock:
            if self._failure:
                raise self._failure
            if self._file < 0:
                raise FhirCaseError("the journal is closed", where=str(self.path))
            left = data = b"".join(self._numbered(lines)) if self._line else lines[0]
            try:
                while left:
                    left = left[os.write(self._file, left) :]
            except OSError as error:
                # Another thread must not write behind half a line, and half a header is not a journal.
                self._failure = unwritable(self.path, error)
                with suppress(OSError):
                    os.ftruncate(self._file, os.fstat(self._file).st_size - (len(data) - len(left)))
                raise self._failure from error

    def _numbered(self, lines: Sequence[bytes]) -> Iterator[bytes]:
        """Return lines with their numbers, by which it is noticed where some are missing."""
        for line in lines:
            yield b'%b,"line":%d}\n' % (line[:-1], self._line)
            self._line += 1


def _positions(entries: Sequence[PlannedEntry]) -> list[tuple[str, list[int]]]:
    positions: dict[str, list[int]] = {}
    for entry in entries:
        positions.setdefault(entry.original.source, []).append(entry.original.position)
    return list(positions.items())


def _without_empty(entry: JournalEntry) -> dict[str, Any]:
    values = zip(_FIELDS, _values_of(entry), strict=True)  # asdict copies, and takes longer
    return {name: value for name, value in values if value != ""}
