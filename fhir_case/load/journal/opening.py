"""
Open a journal for one process alone, and begin a new one where the one before has ended.

The journal itself is locked, not its name: so every path to it, and every environment, meets the same lock.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
from collections import deque
from typing import TYPE_CHECKING, Literal

from fhir_case.errors import FhirCaseError
from fhir_case.load.journal.reader import check_is_journal, read_records
from fhir_case.load.journal.record import Finished, Undone
from fhir_case.ownership import foreign_link, of_others

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Fresh", "next_line", "opened_alone", "unwritable"]

Fresh = Literal["", "finished", "always"]
"""When to begin a new journal, and keep the one before under another name: never, when its run has ended, always."""

_KEPT = 5
_NUMBER = re.compile(rb'"line":([0-9]{1,15})\}\Z')


def opened_alone(path: Path, fresh: Fresh = "") -> int:
    """
    Return the descriptor of a journal that no other process writes while it is open; a line that was cut off is gone.

    Raises:
        FhirCaseError: It cannot be written, is not a journal, or another process writes it; or another user has put it
            there, or may write it.
    """
    try:
        _refuse_foreign_link(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        file = _locked(path)
        try:
            check_is_journal(path)
            _cut_off_what_is_incomplete(file)
            if fresh and os.fstat(file).st_size and (fresh == "always" or _is_finished(path)):
                _rename(path)
                file, before = _locked(path), file
                os.close(before)
        except BaseException:
            os.close(file)
            raise
    except OSError as error:
        raise unwritable(path, error) from error
    return file


_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


def next_line(file: int) -> int:
    """Return the number of the line that is written next: the header is the first, and has no number of its own."""
    size = os.fstat(file).st_size
    length = 65_536
    while True:
        start = max(0, size - length)
        os.lseek(file, start, os.SEEK_SET)
        lines = os.read(file, size - start).rstrip(b"\n").rsplit(b"\n", 1)
        if len(lines) > 1 or not start:
            break
        length *= 8
    found = _NUMBER.search(lines[-1])
    return int(found[1]) + 1 if found else 2  # an older version has not numbered them


def unwritable(path: Path, error: OSError) -> FhirCaseError:
    """Return the error of a journal that cannot be written."""
    done = (
        "name another file with --journal, in a folder in which you may write"
        if error.errno in _FORBIDDEN
        else ("make room, or name another file with --journal")
    )
    return FhirCaseError(
        f"the journal cannot be written: {error.strerror or error}",
        where=str(path),
        hint=f"nothing more is sent; {done}, then repeat the command",
    )


def _refuse_foreign_link(path: Path) -> None:
    link = foreign_link(path)
    if link is not None:
        raise FhirCaseError(
            f"the journal cannot be written: {link} is a link of another user",
            where=str(path),
            hint="nothing is sent; name another file with --journal",
        )


def _refuse_others(path: Path, file: int) -> None:
    """Raise for a journal that another user may have written: what it says would be taken for done, or be undone."""
    status = os.fstat(file)
    reason = of_others(status) if stat.S_ISREG(status.st_mode) else ""
    if reason:
        raise FhirCaseError(
            f"this journal may be from somebody else: {reason}",
            where=str(path),
            hint="nothing is sent; look what it holds, then make it your own (chown, chmod 600), "
            "or name another file with --journal",
        )


def _locked(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
    while True:
        # Links of the user's own are followed here, and none that comes in between.
        file = os.open(os.path.realpath(path), flags, 0o600)  # it may name patients
        try:
            _refuse_others(path, file)
            _lock(file)
            if _is_at(path, file):
                return file
        except BlockingIOError:
            os.close(file)
            raise FhirCaseError(
                "another process is writing this journal",
                where=str(path),
                hint="wait for it, or name another file with --journal",
            ) from None
        except BaseException:
            os.close(file)
            raise
        os.close(file)  # it was renamed while we opened it


def _lock(file: int) -> None:
    """Lock a file until it is closed, by whatever means."""
    if sys.platform == "win32":
        import msvcrt

        os.lseek(file, 2**40, os.SEEK_SET)  # behind all that is read and written
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError from error
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _is_at(path: Path, file: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file))
    except FileNotFoundError:
        return False


def _is_finished(path: Path) -> bool:
    return any(isinstance(last, Finished | Undone) for last in deque(read_records(path), maxlen=1))


def _rename(path: Path) -> None:
    """Rename a journal; the last five are kept."""
    for number in range(_KEPT - 1, 0, -1):
        older = path.with_suffix(f".{number}.jsonl")
        if older.exists():
            older.replace(path.with_suffix(f".{number + 1}.jsonl"))
    path.replace(path.with_suffix(".1.jsonl"))


def _cut_off_what_is_incomplete(file: int) -> None:
    size = position = os.fstat(file).st_size
    while position:
        start = max(0, position - 65_536)
        os.lseek(file, start, os.SEEK_SET)
        end = os.read(file, position - start).rfind(b"\n")
        if end >= 0:
            position = start + end + 1
            break
        position = start
    if position < size:
        os.ftruncate(file, position)
