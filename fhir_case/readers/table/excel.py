"""Read the rows of a sheet of Excel: days as dates, numbers as they are written, formulas and merged cells refused."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from fhir_case.case.node import Place, Problem
from fhir_case.errors import CaseError
from fhir_case.readers.table.rows import MOST_CHARACTERS, BrokenRow, Row
from fhir_case.readers.table.workbook import broken_sheets, merged_cells, open_workbook, sheet_named

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from fhir_case.readers.table.recipe import TableFile
    from fhir_case.readers.table.workbook import MergedCells

__all__ = ["excel_rows", "is_excel"]

_SUFFIXES = (".xlsx", ".xlsm")


def is_excel(path: Path, form: TableFile) -> bool:
    """Whether a table is a file of Excel."""
    return form.format == "excel" or (form.format is None and path.suffix.lower() in (*_SUFFIXES, ".xls"))


def excel_rows(path: Path, form: TableFile) -> Generator[Row | BrokenRow]:
    """
    Return the rows of a sheet from its header on, and what is wrong with cells.

    Raises:
        CaseError: The file is no workbook, has no such sheet, or is too large; or openpyxl is not installed.
    """
    with open_workbook(path) as book, broken_sheets(path):
        sheet = sheet_named(book, form.sheet, str(path))
        # What a file says of its size need not be so, and what lies beyond would be lost without a word.
        sheet.reset_dimensions()
        name, width = f"{path}[{sheet.title}]", 0
        merged = merged_cells(book, sheet, str(path))
        for number, cells in enumerate(sheet.iter_rows(), 1):
            if number < form.header or form.header < number <= form.header + form.skip:
                continue
            wrong = [problem for cell in cells if (problem := _problem(cell, number, name))]
            texts = [_text(cell.value) for cell in cells]
            if not width:
                while texts and not texts[-1].strip():
                    texts.pop()
                width = len(texts)
                yield Row(number, texts)
            elif any(text.strip() for text in texts):
                beyond = next((text for text in texts[width:] if text.strip()), "")
                if beyond:
                    what = f"'{beyond[:40]}' stands beyond the last column of the header"
                    wrong.append(Problem(Place(name, number, width + 1), (), what, "give the column a name"))
                wrong += [_merged(area, name, number) for area in merged if area.row <= number <= area.end]
                if wrong:
                    yield BrokenRow(number, texts, tuple(wrong))
                else:
                    yield Row(number, [*texts[:width], *[""] * (width - len(texts))])
        if not width:
            raise CaseError(
                "the sheet has no header", where=f"{name}:{form.header}", hint="check 'header' in the recipe"
            )


def _merged(area: MergedCells, name: str, row: int) -> Problem:
    what = f"the cells {area.reference} are merged, so that only the first has a value"
    return Problem(Place(name, row, area.column), (), what, "unmerge them, and fill in each")


def _problem(cell: Any, row: int, name: str) -> Problem | None:
    kind, column = getattr(cell, "data_type", "n"), getattr(cell, "column", 1)
    if kind == "f":
        what = f"{cell.coordinate} holds the formula {str(cell.value)[:40]}, whose result is not known here"
        return Problem(Place(name, row, column), (), what, "copy the column, and paste its values in its place")
    if kind == "e":
        what = f"{cell.coordinate} holds the error {cell.value} of Excel"
        return Problem(Place(name, row, column), (), what, "mend the cell, or empty it")
    if isinstance(cell.value, str) and len(cell.value) > MOST_CHARACTERS:
        what = f"{cell.coordinate} has more than {MOST_CHARACTERS:,} characters"
        return Problem(Place(name, row, column), (), what, "shorten it")
    return None


def _text(value: Any) -> str:
    """Return a cell as text: a day as ``2021-05-17``, a whole number without decimals."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "minutes")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return str(value)
