"""Bring the rows of all tables together by patient, on disk, so that memory stays flat whatever their size."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from itertools import groupby, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import orjson

from fhir_case.errors import FhirCaseError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["BROKEN", "MOST_ROWS", "Spool", "SpooledRow", "spool"]

MOST_ROWS = 20_000
"""How many rows a patient may have: all of one patient are in memory at once, and a case of more cannot be read."""

BROKEN = b"null"
"""The cells of a row that cannot be taken as it is."""

SpooledRow = tuple[str, int, int, bytes]
"""The patient, the number of the table, the line, and the cells as JSON."""

_TABLES = """
CREATE TABLE rows (patient TEXT, file INTEGER, line INTEGER, cells BLOB);
CREATE TABLE cases (id TEXT PRIMARY KEY, patient TEXT) WITHOUT ROWID;
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA temp_store = FILE;
"""


class Spool:
    """The rows of all tables in a database that is there as long as the import."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def add(self, rows: Iterable[SpooledRow]) -> None:
        """Keep rows."""
        self._database.executemany("INSERT INTO rows VALUES (?, ?, ?, ?)", rows)

    def patients(self) -> Iterator[tuple[str, list[tuple[int, int, list[str] | None]]]]:
        """
        Return each patient in the order of their names, with the table, the line and the cells of each row.

        A broken row has None for its cells. Of more than `MOST_ROWS` there is one more: there are too many.
        """
        found = self._database.execute("SELECT patient, file, line, cells FROM rows ORDER BY patient, file, line")
        for patient, rows in groupby(found, key=lambda row: row[0]):
            first = islice(rows, MOST_ROWS + 1)
            yield patient, [(file, line, orjson.loads(cells)) for _, file, line, cells in first]

    def claim(self, case: str, patient: str) -> str:
        """Note that a case is that of a patient; return the patient who has its id already, or nothing."""
        try:
            self._database.execute("INSERT INTO cases VALUES (?, ?)", (case, patient))
        except sqlite3.IntegrityError:
            (other,) = self._database.execute("SELECT patient FROM cases WHERE id = ?", (case,)).fetchone()
            return str(other)
        return ""


@contextmanager
def spool() -> Iterator[Spool]:
    """
    Return an empty spool in a temporary folder.

    Raises:
        FhirCaseError: There is no room for it.
    """
    try:
        with TemporaryDirectory(prefix="fhir-case-") as folder:
            database = sqlite3.connect(Path(folder) / "rows.sqlite")
            try:
                database.executescript(_TABLES)
                yield Spool(database)
            finally:
                database.close()
    except (sqlite3.OperationalError, OSError) as error:
        raise FhirCaseError(
            f"the rows cannot be kept in a temporary file: {error}",
            hint="it takes as much room as the tables; set TMPDIR",
        ) from None
