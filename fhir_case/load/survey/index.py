"""An index of inputs of any size: a temporary database, which is in memory while it is small."""

from __future__ import annotations

import json
from collections import Counter
from threading import Lock
from typing import TYPE_CHECKING, Any

from fhir_case.load.survey.identity import Relation, is_one_request, is_ours, is_update, relation
from fhir_case.load.temporary import TemporaryDatabase

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

__all__ = ["Index"]

_TABLES = """
CREATE TABLE name (name TEXT PRIMARY KEY, unit INTEGER, claim BLOB) WITHOUT ROWID;
CREATE TABLE need (unit INTEGER, name TEXT);
CREATE INDEX need_name ON need (name);
CREATE TABLE link (unit INTEGER, name TEXT);
CREATE TABLE condition (unit INTEGER, name TEXT);
CREATE TABLE updated (name TEXT, unit INTEGER, in_order INTEGER, PRIMARY KEY (name, unit)) WITHOUT ROWID;
CREATE TABLE in_order (unit INTEGER, earlier INTEGER, name TEXT, one_request INTEGER);
CREATE TABLE address (unit INTEGER, name TEXT);
CREATE TABLE location (name TEXT PRIMARY KEY, location TEXT) WITHOUT ROWID;
CREATE TABLE failed (name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE created (location TEXT PRIMARY KEY, claim INTEGER) WITHOUT ROWID;
CREATE TABLE awaited (name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE done (source TEXT, position INTEGER, location TEXT, PRIMARY KEY (source, position)) WITHOUT ROWID;
"""
_CACHE_KIB = 32_000


class Index(TemporaryDatabase):
    """
    The names of all resources of the inputs, references across documents, and locations on the server.

    A unit is the number of a document in the order of reading. Several threads may use it at once.
    """

    def __init__(self) -> None:
        super().__init__(_TABLES, cache_kib=_CACHE_KIB)
        self._lock = Lock()
        self._claims = 0
        self.any_failed = False

    def add_names(
        self, unit: int, names: Sequence[tuple[str, bytes]], relation: Callable[[bytes, bytes], Relation] = relation
    ) -> list[tuple[str, int]]:
        """
        Add what a document holds, and return the names for which it is refused, and which document holds each.

        When there are such names, nothing is added: the document will not be loaded.

        Args:
            names: Each a name and a claim on it; an empty claim goes with any other.
            relation: Returns how a claim goes with one of an earlier document.
        """
        clashes: list[tuple[str, int]] = []
        changed: list[tuple[bytes, str]] = []
        others: list[tuple[str, int, Relation, bytes, bytes]] = []
        with self._lock:
            for name, claim, other, held in self._held_before(unit, names):
                if not claim:
                    continue
                how = relation(held, claim) if held else Relation.ANY_ORDER
                if how is Relation.REFUSED and (other != unit or not is_ours(claim)):
                    clashes.append((name, other))
                elif other != unit:
                    others.append((name, other, how, held, claim))
                # What is stronger counts for what comes later, and of updates the last.
                if claim[:1] > held[:1] or (how is Relation.IN_ORDER and is_update(claim)):
                    changed.append((held, name))
                    self._base.execute("UPDATE name SET claim = ? WHERE name = ?", (claim, name))
            if clashes:
                self._base.executemany("UPDATE name SET claim = ? WHERE name = ?", reversed(changed))
                self._base.executemany(
                    "DELETE FROM name WHERE name = ? AND unit = ?", ((name, unit) for name, _ in names)
                )
            else:
                self._put_in_order(unit, others)
        return clashes

    def _held_before(self, unit: int, names: Sequence[tuple[str, bytes]]) -> Iterator[tuple[str, bytes, int, bytes]]:
        """Add the names that are new; return each other one, the claim on it, and who held it before by which claim."""
        rows = [(name, unit, claim) for name, claim in names]
        insert, select = "INSERT OR IGNORE INTO name VALUES (?, ?, ?)", "SELECT unit, claim FROM name WHERE name = ?"
        if len({name for name, _ in names}) < len(names):  # the document itself has one of them twice
            for name, _, claim in rows:
                if not self._base.execute(insert, (name, unit, claim)).rowcount:
                    yield name, claim, *self._base.execute(select, (name,)).fetchone()
        elif self._base.executemany(insert, rows).rowcount < len(rows):
            for name, claim in names:
                other, held = self._base.execute(select, (name,)).fetchone()
                if other != unit:
                    yield name, claim, other, held

    def _put_in_order(self, unit: int, others: Iterable[tuple[str, int, Relation, bytes, bytes]]) -> None:
        """
        Let a document follow those before it where it has to.

        Updates that say the same need no order among themselves, but follow one another once another one came between.
        """
        for name, first, how, held, claim in others:
            updates = is_update(claim)
            if how is Relation.ANY_ORDER and not updates:
                continue
            before = self._base.execute("SELECT unit, in_order FROM updated WHERE name = ?", (name,)).fetchall()
            ordered = how is Relation.IN_ORDER or any(each for _, each in before)
            if ordered:
                earlier = {first, *(other for other, each in before if updates or each)} - {unit}
                rows = ((unit, each, name, is_one_request(held, claim)) for each in earlier)
                self._base.executemany("INSERT INTO in_order VALUES (?, ?, ?, ?)", rows)
            if updates and ordered:
                self._base.execute("DELETE FROM updated WHERE name = ?", (name,))
            if updates:
                self._base.execute("INSERT OR REPLACE INTO updated VALUES (?, ?, ?)", (name, unit, ordered))

    def add_conditions(self, unit: int, conditions: Iterable[str]) -> None:
        """Add the conditions of a document of which only the server knows what they mean."""
        with self._lock:
            self._base.executemany("INSERT INTO condition VALUES (?, ?)", ((unit, name) for name in conditions))

    def conditions(self) -> list[tuple[int, str]]:
        """Return the conditions of which only the server knows what they mean, each with its document."""
        with self._lock:
            return self._base.execute("SELECT unit, name FROM condition").fetchall()

    def put_in_order(self, unit: int, name: str) -> None:
        """Let a document and the one that holds a name, if another one does, be sent in their order."""
        with self._lock:
            self._base.execute(
                "INSERT INTO in_order SELECT max(?, unit), min(?, unit), name, 0 FROM name "
                "WHERE name = ? AND unit <> ?",
                (unit, unit, name, unit),
            )

    def in_order(self) -> Iterator[tuple[int, int, str]]:
        """Return each document that has to follow an earlier one, with that, and with the name that both claim."""
        yield from self._rows("SELECT unit, earlier, name FROM in_order")

    def add_needs(self, unit: int, names: Iterable[str]) -> None:
        """Add the references of a document that it does not answer itself."""
        with self._lock:
            self._base.executemany("INSERT INTO need VALUES (?, ?)", ((unit, name) for name in names))

    def add_links(self, unit: int, names: Iterable[str]) -> None:
        """Add what a document may link to; it counts where another document holds it, and is nowhere missing."""
        with self._lock:
            self._base.executemany("INSERT INTO link VALUES (?, ?)", ((unit, name) for name in names))

    def add_addresses(self, unit: int, names: Iterable[str]) -> None:
        """Add where a document says that something is."""
        with self._lock:
            self._base.executemany("INSERT INTO address VALUES (?, ?)", ((unit, name) for name in names))

    def nowhere(self) -> Iterator[tuple[int, str]]:
        """Return each document that says where something is which no document holds, and what it says."""
        yield from self._rows("SELECT unit, name FROM address WHERE name NOT IN (SELECT name FROM name) ORDER BY 1, 2")

    def join_links(self) -> None:
        """Let the links to what another document holds count as references; call it when all documents were added."""
        with self._lock:
            self._base.execute("INSERT INTO need SELECT link.unit, link.name FROM link JOIN name USING (name)")
            self._base.execute("DELETE FROM link")

    def conditional(self) -> list[tuple[int, str]]:
        """Return the conditional references that no document answers as they are written, each with its document."""
        with self._lock:
            return self._base.execute(
                "SELECT need.unit, need.name FROM need LEFT JOIN name ON name.name = need.name "
                "WHERE name.name IS NULL AND need.name LIKE '%?%'"
            ).fetchall()

    def names_from(self, begin: str) -> Iterator[str]:
        """Return the names that begin with a text."""
        with self._lock:
            cursor = self._base.execute(
                "SELECT name FROM name WHERE name >= ? AND name < ?", (begin, f"{begin}\U0010ffff")
            )
        while rows := cursor.fetchmany(10_000):
            yield from (row[0] for row in rows)

    def unanswered(self) -> Iterator[tuple[str, int]]:
        """Return each reference that no document answers, and the first document that has it."""
        yield from self._rows(
            "SELECT need.name, min(need.unit) FROM need LEFT JOIN name ON name.name = need.name "
            "WHERE name.name IS NULL GROUP BY need.name ORDER BY 2, 1"
        )

    def needed_by(self, name: str) -> int:
        """Return the first document that has a reference."""
        with self._lock:
            return int(self._base.execute("SELECT min(unit) FROM need WHERE name = ?", (name,)).fetchone()[0])

    def leave_out(self, names: Iterable[str]) -> list[tuple[int, str]]:
        """Return each document that needs one of these names, with the first of them, and forget what it needs."""
        found: dict[int, str] = {}
        with self._lock:
            for name in names:
                for (unit,) in self._base.execute("SELECT unit FROM need WHERE name = ?", (name,)).fetchall():
                    found.setdefault(unit, name)
            self._base.executemany("DELETE FROM need WHERE unit = ?", ((unit,) for unit in found))
        return sorted(found.items())

    def forget(self, units: Iterable[int]) -> list[str]:
        """Forget the names that some documents hold, and return them."""
        names: list[str] = []
        with self._lock:
            for unit in units:
                names += [row[0] for row in self._base.execute("SELECT name FROM name WHERE unit = ?", (unit,))]
            self._base.executemany("DELETE FROM name WHERE name = ?", ((name,) for name in names))
        return names

    def crossing(self) -> Iterator[tuple[int, int]]:
        """Return each pair of a document and another one to which it refers, or which it must not be sent beside."""
        yield from self._rows(
            "SELECT need.unit, name.unit FROM need JOIN name ON name.name = need.name WHERE need.unit <> name.unit "
            "UNION ALL SELECT unit, earlier FROM in_order WHERE NOT one_request"
        )

    def put_locations(self, locations: Iterable[tuple[str, str]]) -> None:
        """Note for names, or conditions, which ``Type/id`` they are on the server."""
        with self._lock:
            self._base.executemany("INSERT OR REPLACE INTO location VALUES (?, ?)", locations)

    def location(self, name: str) -> str:
        """Return ``Type/id`` on the server for a name or condition; empty when it is not known."""
        with self._lock:
            row = self._base.execute("SELECT location FROM location WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else ""

    def claim(self, locations: Iterable[str]) -> set[str]:
        """Note that each ``Type/id`` is that of a new resource; return those that were claimed by another before."""
        places = list(locations)
        written = json.dumps(places)
        with self._lock:
            self._claims += 1
            new = self._base.execute(
                "INSERT OR IGNORE INTO created SELECT value, ? FROM json_each(?)", (self._claims, written)
            ).rowcount
            if new == len(places):
                return set()
            before = self._base.execute(
                "SELECT location FROM created WHERE claim <> ? AND location IN (SELECT value FROM json_each(?))",
                (self._claims, written),
            ).fetchall()
        return {place for (place,) in before} | {place for place, number in Counter(places).items() if number > 1}

    def put_failed(self, names: Iterable[str]) -> None:
        """Note which names were not stored, as far as is known."""
        with self._lock:
            self.any_failed = True
            self._base.executemany("INSERT OR IGNORE INTO failed VALUES (?)", ((name,) for name in names))

    def has_failed(self, name: str) -> bool:
        """Whether a name was not stored."""
        with self._lock:
            return self._base.execute("SELECT 1 FROM failed WHERE name = ?", (name,)).fetchone() is not None

    def put_awaited(self, names: Iterable[str]) -> None:
        """Note which names are neither in the inputs nor on the server, so that the server has to make placeholders."""
        with self._lock:
            self._base.executemany("INSERT OR IGNORE INTO awaited VALUES (?)", ((name,) for name in names))

    def awaited(self) -> Iterator[str]:
        """Return the names for which the server has to make placeholders."""
        yield from (row[0] for row in self._rows("SELECT name FROM awaited ORDER BY name"))

    def put_done(self, entries: Iterable[tuple[str, int, str]]) -> None:
        """Note which entries, each a document and a position in it, need not be sent any more, and where they are."""
        with self._lock:
            self._base.executemany("INSERT OR REPLACE INTO done VALUES (?, ?, ?)", entries)

    def forget_done(self, entries: Iterable[tuple[str, int, str]]) -> None:
        """Note which entries have to be sent again, since they are not any more where they were."""
        gone = list(entries)
        with self._lock:
            self._base.executemany("DELETE FROM done WHERE source = ? AND position = ? AND location = ?", gone)
            self._base.executemany("DELETE FROM created WHERE location = ?", ((place,) for _, _, place in gone))

    def done(self, source: str) -> dict[int, str]:
        """Return the positions in a document that need not be sent any more, and where each is on the server."""
        with self._lock:
            rows = self._base.execute("SELECT position, location FROM done WHERE source = ?", (source,)).fetchall()
        return dict(rows)

    def _rows(self, query: str) -> Iterator[Any]:
        with self._lock:
            cursor = self._base.execute(query)
        while rows := cursor.fetchmany(10_000):
            yield from rows
