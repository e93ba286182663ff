"""Remember what the runs of a journal created and what was undone, in a temporary database: journals may be long."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from fhir_case.load.journal.entry import JournalEntry
from fhir_case.load.temporary import TemporaryDatabase

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Created", "Group"]

Group = tuple[JournalEntry, ...]

_TABLES = """
CREATE TABLE created (request INTEGER, resource TEXT, location TEXT, version TEXT);
CREATE INDEX created_location ON created (location);
CREATE TABLE again (location TEXT, version TEXT, PRIMARY KEY (location, version)) WITHOUT ROWID;
CREATE TABLE undone (location TEXT PRIMARY KEY, state TEXT) WITHOUT ROWID;
"""


class Created(TemporaryDatabase):
    """What was created, the resources of one request together; a context manager."""

    def __init__(self) -> None:
        super().__init__(_TABLES)
        self._requests = 0

    def add(self, entries: Iterable[JournalEntry], *, before_all: bool = False) -> None:
        """
        Add what one request created, after what was added already.

        Args:
            before_all: Whether it was there before all else, wherever the journal names it.
        """
        self._requests += 1
        request = -self._requests if before_all else self._requests
        rows = ((request, entry.resource, entry.stored_as, entry.version) for entry in entries)
        self._base.executemany("INSERT INTO created VALUES (?, ?, ?, ?)", rows)

    def put_again(self, location: str, version: str) -> None:
        """Note a version of ``Type/id`` that a run has put there again: it is ours too."""
        self._base.execute("INSERT OR IGNORE INTO again VALUES (?, ?)", (location, version))

    def has(self, location: str) -> bool:
        """Whether ``Type/id`` was created by a run, or put there again after that."""
        return bool(self._base.execute("SELECT 1 FROM created WHERE location = ? LIMIT 1", (location,)).fetchone())

    def versions(self, location: str) -> set[str]:
        """Return all versions of ``Type/id`` that are ours, as far as the server said them."""
        created = self._base.execute("SELECT version FROM created WHERE location = ?", (location,))
        again = self._base.execute("SELECT version FROM again WHERE location = ?", (location,))
        return {version for (version,) in (*created, *again) if version}

    def undo(self, location: str, state: str) -> None:
        """Note what became of ``Type/id`` in an earlier undo; what is said last counts."""
        self._base.execute("INSERT OR REPLACE INTO undone VALUES (?, ?)", (location, state))

    def undone(self) -> Counter[str]:
        """Count what need not be undone any more, by its state."""
        return Counter(
            dict(self._base.execute("SELECT state, count(*) FROM undone WHERE state <> 'left' GROUP BY state"))
        )

    def groups(self) -> Iterator[Group]:
        """Return what remains to be undone, request by request, the last one first."""
        rows = self._base.execute(
            "SELECT max(request), resource, created.location, version FROM created "
            "LEFT JOIN undone USING (location) WHERE coalesce(state, 'left') = 'left' "
            "GROUP BY created.location ORDER BY max(request) DESC, created.rowid"
        )
        for _, group in groupby(rows, key=itemgetter(0)):
            yield tuple(JournalEntry(name, "", 0, "created", location, version) for _, name, location, version in group)
