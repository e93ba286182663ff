"""Write a first recipe from the headers and values of tables; what is guessed is marked as a guess."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

from fhir_case.errors import CaseError
from fhir_case.readers.table.excel import excel_rows, is_excel
from fhir_case.readers.table.recipe import TableFile
from fhir_case.readers.table.rows import Row, column_names, text_rows
from fhir_case.readers.table.writing import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date
    from pathlib import Path

__all__ = ["draft_recipe"]

_ROWS = 2000
_PATIENT = re.compile(
    r"(patient|subject|person|record|case)?[_ -]?(id|no|nr|number|barcode|key)|mrn|patient|subject|pid", re.IGNORECASE
)
_SEX = re.compile(r"sex|gender", re.IGNORECASE)
_BIRTH = re.compile(r".*birth.*|dob|born", re.IGNORECASE)
_AGE = re.compile(r"age([_ ].*)?", re.IGNORECASE)
_DAY = re.compile(r".*(diag|onset|first|admission|visit|date).*", re.IGNORECASE)
_SEXES = {
    "m": "male",
    "f": "female",
    "w": "female",
    "male": "male",
    "female": "female",
    "man": "male",
    "woman": "female",
}
_DATES = ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d-%m-%Y")
_ABSENT = re.compile(r"\[.*\]|n/?a|null|none|unknown|-9|-99|-999|\?|\.", re.IGNORECASE)
_SIGNS = {"height": ("body-height", "cm"), "weight": ("body-weight", "kg")}


@dataclass(slots=True)
class _Table:
    path: Path
    delimiter: str
    columns: dict[str, list[str]]
    patient: str = ""
    rows: str = "event"
    used: set[str] = field(default_factory=set)

    def known(self, column: str) -> list[str]:
        return [value for value in self.columns[column] if value and not _ABSENT.fullmatch(value)]


def draft_recipe(paths: Sequence[Path], today: date, units: Mapping[str, str] | None = None) -> str:
    """
    Return a recipe for tables, which can be run, and has to be read: each guess says so.

    Args:
        paths: The tables.
        today: The day on which the recipe is written.
        units: The usual unit of each laboratory test, by all its names.

    Raises:
        CaseError: A table cannot be read.
    """
    tables = [_read(path) for path in paths]
    for table in tables:
        table.patient = next((name for name in table.columns if _PATIENT.fullmatch(name)), next(iter(table.columns)))
    patients = next((one for one in tables if len(set(one.known(one.patient))) == len(one.known(one.patient))), None)
    if patients is not None:
        patients.rows = "patient"
    return "\n".join(_lines(tables, patients or tables[0], today, units or {})) + "\n"


def _read(path: Path) -> _Table:
    delimiter = ""
    if not is_excel(path, TableFile(path=path.name, patient="?")):
        try:
            with path.open("rb") as file:
                head = file.readline(1_000_000).decode("utf-8", "replace")
        except OSError as error:
            raise CaseError(f"the table cannot be read: {error.strerror}", where=str(path)) from None
        delimiter = max("\t;,|", key=head.count)
    form = TableFile(path=path.name, patient="?", delimiter=delimiter or None)
    rows = excel_rows(path, form) if is_excel(path, form) else text_rows(path, form)
    found = [row for row in islice(rows, _ROWS) if isinstance(row, Row)]
    names = column_names(found[0].cells)
    columns = {name: [row.cells[index].strip() for row in found[1:]] for index, name in enumerate(names)}
    return _Table(path, delimiter, columns)


def _lines(tables: list[_Table], patients: _Table, today: date, units: Mapping[str, str]) -> Iterator[str]:
    yield "# A first recipe, written from the tables. Whatever says 'guess' has to be looked at; the rest as well."
    yield "recipe: my-tables"
    yield f"title: {plain(f'Patient {{{patients.patient}}}')}"
    yield f"report: {{citation: Where the tables come from, transcribed: {today.isoformat()}}}"
    yield "timeline:"
    yield "  anchor: diagnosis"
    yield f"  index_date: {_index_date(patients)}"
    absent = sorted({value for one in tables for values in one.columns.values() for value in values
                     if value and _ABSENT.fullmatch(value)})  # fmt: skip
    if absent:
        yield f"absent: [{', '.join(map(plain, absent[:30]))}]  # guess"
    yield "files:"
    for table in tables:
        delimiter = f", delimiter: {plain(table.delimiter)}" if table.delimiter not in {"", ","} else ""
        form = f"path: {plain(table.path.name)}, patient: {plain(table.patient)}, rows: {table.rows}{delimiter}"
        yield f"  {_name(table)}: {{{form}}}  # guess"
    yield "entries:"
    yield from _patient(patients)
    yield from _diagnosis(patients)
    for table in tables:
        yield from _measurements(table, units)
    for table in tables:
        left = [name for name in table.columns if name not in table.used and name != table.patient]
        if left:
            yield f"  # Columns of {_name(table)} without a rule yet:"
        for name in left:
            values = list(dict.fromkeys(table.known(name)))[:4]
            yield f"  #   {name}: {', '.join(value[:30] for value in values) or 'always empty'}"


def _index_date(table: _Table) -> str:
    for name in table.columns:
        form = _date_form(table.known(name)) if _DAY.fullmatch(name) and not _BIRTH.fullmatch(name) else ""
        if form:
            table.used.add(name)
            return f"{{column: {plain(name)}, date: {plain(form)}}}  # guess"
    return "2000-01-01  # made up: the tables seem to have no day of the diagnosis"


def _date_form(values: list[str]) -> str:
    return next((form for form in _DATES if values and all(_is_date(value, form) for value in values)), "")


def _is_date(value: str, form: str) -> bool:
    try:
        datetime.strptime(value, form)  # noqa: DTZ007 - a day of a table has no time zone
    except ValueError:
        return False
    return True


def _patient(table: _Table) -> Iterator[str]:
    yield f"  - section: patient\n    file: {_name(table)}\n    fields:"
    sex = next((name for name in table.columns if _SEX.fullmatch(name)), None)
    if sex is None:
        yield "      sex: unknown  # guess: no column is called sex or gender"
    else:
        table.used.add(sex)
        words = dict.fromkeys(table.known(sex))
        values = ", ".join(f"{plain(word)}: {_SEXES.get(word.lower(), 'unknown')}" for word in words)
        yield f"      sex: {{any: [{{column: {plain(sex)}, map: {{{values}}}}}, unknown]}}  # guess"
    for name in table.columns:
        form = _date_form(table.known(name))
        if _BIRTH.fullmatch(name) and form:
            table.used.add(name)
            yield f"      birth_date: {{column: {plain(name)}, date: {plain(form)}}}  # guess"
        elif _AGE.fullmatch(name) and all(value.replace(".", "", 1).isdigit() for value in table.known(name)):
            table.used.add(name)
            yield f"      age: {{column: {plain(name)}, number: true}}  # guess\n      at: diagnosis"
            return


def _diagnosis(table: _Table) -> Iterator[str]:
    yield f"  - section: conditions\n    file: {_name(table)}\n    key: diagnosis"
    yield "    # guess: what all patients of the tables have; 'kind: primary-cancer' for a cancer"
    yield "    fields:"
    yield "      kind: disease"
    yield "      diagnosis: {text: The disease of the tables}"
    yield "      verification: confirmed"
    yield "      status: unknown"
    yield "      at: anchor"


def _measurements(table: _Table, units: Mapping[str, str]) -> Iterator[str]:
    for name in table.columns:
        bare = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        sign = next((sign for word, sign in _SIGNS.items() if bare == word or bare.startswith(f"{word}-")), None)
        if sign is not None:
            section, what, unit = "vital_signs", f"sign: {sign[0]}", sign[1]
        elif bare in units:
            section, what, unit = "laboratory", f"test: {bare}", units[bare]
        else:
            continue
        table.used.add(name)
        measured = f", unit: {plain(unit)}" if unit else ", number: true"
        yield f"  - section: {section}  # guess, and its unit too\n    file: {_name(table)}\n    key: {bare}"
        yield f"    fields: {{{what}, value: {{column: {plain(name)}{measured}}}, at: diagnosis}}"


def _name(table: _Table) -> str:
    return re.sub(r"[^a-z0-9]+", "_", table.path.stem.lower()).strip("_") or "table"
