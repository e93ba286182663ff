"""Keep what is too much for memory in a temporary SQLite database: in memory while it is small, then in a file."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["TemporaryDatabase"]

_CACHE_KIB = 2_000


class TemporaryDatabase:
    """
    A database that is gone when it is closed; a context manager. Threads may share it, one at a time.

    Args:
        tables: The SQL that makes its tables.
        cache_kib: Up to which size, about, it is in memory only.
    """

    def __init__(self, tables: str, *, cache_kib: int = _CACHE_KIB) -> None:
        # An empty name is a file of SQLite's own, made when the cache is full.
        self._base = sqlite3.connect("", isolation_level=None, check_same_thread=False)
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
