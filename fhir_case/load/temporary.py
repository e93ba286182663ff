"""Keep what is too much for memory in a temporary SQLite database: in memory while it is small, then in a file."""

from __future__ import annotations

import sqlite3
from tempfile import gettempdir
from typing import TYPE_CHECKING, Any, Self

from fhir_case.errors import FhirCaseError

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["TemporaryDatabase", "unwritable"]

_CACHE_KIB = 2_000


def unwritable(error: Exception) -> FhirCaseError:
    """Return the error for a temporary file that cannot be written, as a rule because its disk is full."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return FhirCaseError(
        f"a temporary file cannot be written: {reason}",
        where=gettempdir() if isinstance(error, OSError) else "",
        hint="make room in the temporary folder, or name another by the variable TMPDIR, then repeat the command",
    )


class _Database(sqlite3.Connection):
    """A connection whose errors say what to do."""

    def execute(self, *statement: Any) -> sqlite3.Cursor:
        try:
            return super().execute(*statement)
        except sqlite3.Error as error:
            raise unwritable(error) from error

    def executescript(self, script: str) -> sqlite3.Cursor:
        try:
            return super().executescript(script)
        except sqlite3.Error as error:
            raise unwritable(error) from error

    def executemany(self, *statement: Any) -> sqlite3.Cursor:
        try:
            return super().executemany(*statement)
        except sqlite3.Error as error:
            raise unwritable(error) from error


class TemporaryDatabase:
    """
    A database that is gone when it is closed; a context manager. Threads may share it, one at a time.

    Args:
        tables: The SQL that makes its tables.
        cache_kib: Up to which size, about, it is in memory only.

    Raises:
        FhirCaseError: Here and in what is asked of it: its file cannot be written.
    """

    def __init__(self, tables: str, *, cache_kib: int = _CACHE_KIB) -> None:
        # An empty name is a file of SQLite's own, made when the cache is full.
        self._base = sqlite3.connect("", isolation_level=None, check_same_thread=False, factory=_Database)
        self._base.execute(f"PRAGMA cache_size = -{cache_kib}")
        self._base.execute("PRAGMA synchronous = OFF")
        self._base.executescript(tables)
        self._base.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._base.close()
