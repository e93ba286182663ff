"""Write a first recipe from the headers and values of tables; what is guessed is marked as a guess."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from fhir_case.errors import CaseError
from fhir_case.readers.table.draft_rules import (
    ABSENT,
    BIRTH,
    DraftTable,
    date_form,
    rules_of_events,
    rules_of_measurements,
    rules_of_patients,
)
from fhir_case.readers.table.excel import excel_rows, is_excel
from fhir_case.readers.table.recipe import TableFile
from fhir_case.readers.table.rows import Row, column_names, text_rows
from fhir_case.readers.table.workbook import sheets_beside
from fhir_case.readers.table.writing import plain

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import date
    from pathlib import Path

__all__ = ["draft_recipe"]

_ROWS = 2000
_PATIENT = re.compile(
    r"(patient|subject|person|record|case)?[_ -]?(id|no|nr|number|barcode|key)|mrn|patient|subject|pid", re.IGNORECASE
)
_DAY = re.compile(r".*(diag|onset|first|admission|visit|date).*", re.IGNORECASE)


def draft_recipe(paths: Sequence[Path], today: date, units: Mapping[str, str], drugs: Collection[str]) -> str:
    """
    Return a recipe for tables, which can be run, and has to be read: each guess says so.

    Args:
        paths: The tables; each sheet of a workbook is one.
        today: The day on which the recipe is written.
        units: The usual unit of each laboratory test, by its short name.
        drugs: The short names of drugs.

    Raises:
        CaseError: A table cannot be read.
    """
    names: set[str] = set()
    tables = [table for path in paths for table in _tables(path, names)]
    for table in tables:
        table.patient = next((name for name in table.columns if _PATIENT.fullmatch(name)), next(iter(table.columns)))
    patients = next((one for one in tables if len(set(one.known(one.patient))) == len(one.known(one.patient))), None)
    if patients is not None:
        patients.rows = "patient"
    return "\n".join(_lines(tables, patients or tables[0], today, units, drugs)) + "\n"


def _tables(path: Path, names: set[str]) -> Iterator[DraftTable]:
    if not is_excel(path, TableFile(path=path.name, patient="?")):
        yield _of_rows(path, _delimiter(path), None, names)
        return
    for sheet in sheets_beside(path, ()):
        yield _of_rows(path, "", sheet, names)


def _delimiter(path: Path) -> str:
    try:
        with path.open("rb") as file:
            head = file.readline(1_000_000).decode("utf-8", "replace")
    except OSError as error:
        raise CaseError(f"the table cannot be read: {error.strerror}", where=str(path)) from None
    return max(",\t;|", key=head.count)


def _of_rows(path: Path, delimiter: str, sheet: str | None, names: set[str]) -> DraftTable:
    form = TableFile(path=path.name, patient="?", delimiter=delimiter or None, sheet=sheet)
    rows = excel_rows(path, form) if sheet is not None else text_rows(path, form)
    found = [row for row in islice(rows, _ROWS) if isinstance(row, Row)]
    rows.close()
    columns = {
        name: [row.cells[index].strip() for row in found[1:]] for index, name in enumerate(column_names(found[0].cells))
    }
    bare = re.sub(r"[^a-z0-9]+", "_", (sheet or path.stem).lower()).strip("_") or "table"
    name = next(
        one for number in range(1, len(names) + 2) if (one := bare if number == 1 else f"{bare}_{number}") not in names
    )
    names.add(name)
    return DraftTable(path, name, delimiter, sheet or "", columns)


def _lines(
    tables: list[DraftTable], patients: DraftTable, today: date, units: Mapping[str, str], drugs: Collection[str]
) -> Iterator[str]:
    yield "# A first recipe, written from the tables. Whatever says 'guess' has to be looked at; the rest as well."
    yield "recipe: my-tables"
    yield f"title: {plain(f'Patient {{{patients.patient}}}')}"
    yield "report:"
    yield "  citation: Where the tables come from"
    yield f"  transcribed: {today.isoformat()}"
    yield "  type: tables of patients"
    yield "  real_patients: true  # false labels all as test data, which may leave this machine"
    yield "timeline:"
    yield "  anchor: diagnosis"
    yield f"  index_date: {_index_date(patients)}"
    absent = sorted({value for one in tables for values in one.columns.values() for value in values
                     if value and ABSENT.fullmatch(value)})  # fmt: skip
    if absent:
        yield f"absent: [{', '.join(map(plain, absent[:30]))}]  # guess"
    yield "files:"
    for table in tables:
        sheet = f", sheet: {plain(table.sheet)}" if table.sheet else ""
        delimiter = f", delimiter: {plain(table.delimiter)}" if table.delimiter not in {"", ","} else ""
        form = f"path: {plain(table.path.name)}{sheet}, patient: {plain(table.patient)}, rows: {table.rows}{delimiter}"
        yield f"  {table.name}: {{{form}}}  # guess"
    yield "entries:"
    yield from rules_of_patients(patients)
    for table in tables:
        yield from rules_of_events(table, units, drugs)
    for table in tables:
        yield from rules_of_measurements(table, units)
    for table in tables:
        left = [name for name in table.columns if name not in table.used and name != table.patient]
        if left:
            yield f"  # Columns of {table.name} without a rule yet:"
        for name in left:
            values = list(dict.fromkeys(table.known(name)))[:4]
            shown = ", ".join(" ".join(value[:30].split()) for value in values)
            yield f"  #   {' '.join(name.split())}: {shown or 'always empty'}"


def _index_date(table: DraftTable) -> str:
    for name in table.columns:
        form = date_form(table.known(name)) if _DAY.fullmatch(name) and not BIRTH.fullmatch(name) else ""
        if form:
            table.used.add(name)
            return f"{{column: {plain(name)}, date: {plain(form)}}}  # guess"
    return "2000-01-01  # made up: the tables seem to have no day of the diagnosis"
